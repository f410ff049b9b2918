"""Four eyes: a draft digest, signed votes by people of the right groups, single use, expiry."""

from safeconduct.approvals.model import Approval, Group, Proposal, State, Verdict, Vote
from safeconduct.approvals.ports import Electorate, Voter
from safeconduct.approvals.service import LIFETIME_MAX, ballot, consume, expire, find, propose, vote, withdraw

__all__ = [
    "LIFETIME_MAX",
    "Approval",
    "Electorate",
    "Group",
    "Proposal",
    "State",
    "Verdict",
    "Vote",
    "Voter",
    "ballot",
    "consume",
    "expire",
    "find",
    "propose",
    "vote",
    "withdraw",
]

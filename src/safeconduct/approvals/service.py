"""The use cases of approvals. Each validates and appends; what raises has changed nothing."""

import hashlib

from safeconduct.approvals.events import (
    APPROVALS,
    CONSUMED,
    EXPIRED,
    PROPOSED,
    VOTED,
    WITHDRAWN,
    Consumed,
    Expired,
    VoteCast,
    Withdrawn,
)
from safeconduct.approvals.model import TRANSITIONS, Approval, Proposal, State, Step, Verdict
from safeconduct.approvals.ports import Electorate, Voter
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError, RefusedError
from safeconduct.kernel.ids import ApprovalId, Origin
from safeconduct.kernel.instants import DAY, HOUR, Duration, Instant, rfc3339
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct

LIFETIME_MAX = Duration(7 * DAY)
"""How long a proposal may wait: a week. What was agreed to longer ago was agreed to in another situation."""

SEATS_MAX = 32
"""Votes that all groups together may need. More people than that are not found in an incident."""

_HEX_DIGITS = 64


def propose(tx: Transaction, origin: Origin, proposal: Proposal, *, signed: SignedAct | None = None) -> Approval:
    """Puts a proposal to the vote. Its id is its entry's.

    Raises:
        RefusedError: `no-approvers`: no group must approve, so nobody could.
        InvalidInputError: the content is no digest, or the expiry is past or too far.
    """
    _check_groups(proposal)
    if len(proposal.content) != _HEX_DIGITS or set(proposal.content) - set("0123456789abcdef"):
        raise InvalidInputError("the content of a proposal is a SHA-256 in lower-case hex")
    if not tx.now < proposal.expires_at <= tx.now + LIFETIME_MAX:
        raise InvalidInputError(
            f"a proposal expires within {LIFETIME_MAX // HOUR} h from now, not at {rfc3339(proposal.expires_at)}"
        )
    entry = tx.append(origin, PROPOSED.draft(proposal, act=signed.envelope() if signed else None))
    return find(tx, ApprovalId(entry.id))


def ballot(draft_digest: str, verdict: Verdict, reason: str = "") -> bytes:
    """Returns the exact bytes whose SHA-256 a vote's act is over, and which the voter's request has as its body."""
    why = {"reason": reason} if reason else {}
    return canonical({"draft": draft_digest, "verdict": verdict.value, **why})


def vote(
    tx: Transaction,
    electorate: Electorate,
    approval_id: ApprovalId,
    verdict: Verdict,
    signed: SignedAct,
    *,
    operation: str,
    reason: str = "",
) -> Approval:
    """Casts a signed vote and returns the approval after it.

    Raises:
        AbsentError: no such approval.
        UnauthenticatedError: the act is not over this draft and verdict by a known person.
        RefusedError: `own-proposal`, or `not-an-approver`; by whatever account of the proposer's.
        ConflictError: voting is over, its time is, or `already-voted`: this human has, by whatever account.
    """
    approval = find(tx, approval_id)
    content = hashlib.sha256(ballot(approval.digest, verdict, reason)).hexdigest()
    voter = electorate.authenticate(tx, signed, operation=operation, content=content, now=tx.now)
    _refuse_late(approval, tx.now)
    _refuse_again(approval, voter)
    event = VoteCast(
        approval=approval.id,
        voter=voter.principal,
        verdict=verdict,
        seats=_seats(approval.proposal, voter),
        reason=reason,
    )
    tx.append(approval.origin, VOTED.draft(event, act=signed.envelope()))
    return find(tx, approval_id)


def expire(tx: Transaction, approval_id: ApprovalId) -> Approval:
    """Closes an approval whose time ran out. Its timer calls this; one that is closed already stays as it is.

    Raises:
        AbsentError: no such approval.
        ConflictError: its time has not run out.
    """
    approval = find(tx, approval_id)
    if tx.now < approval.proposal.expires_at:
        raise ConflictError(
            f"approval {approval_id} is open until {rfc3339(approval.proposal.expires_at)}", code="approval-open"
        )
    if (approval.state, Step.EXPIRE) not in TRANSITIONS:
        return approval
    tx.append(approval.origin, EXPIRED.draft(Expired(approval=approval.id)))
    return find(tx, approval_id)


def withdraw(tx: Transaction, approval_id: ApprovalId) -> Approval:
    """Ends the vote on what nobody asks for any more. Call it where it was checked that the proposer takes it back.

    Raises:
        AbsentError: no such approval.
        ConflictError: `approval-STATE`: it is decided.
    """
    approval = find(tx, approval_id)
    approval.step(Step.WITHDRAW)
    tx.append(approval.origin, WITHDRAWN.draft(Withdrawn(approval=approval.id)))
    return find(tx, approval_id)


def consume(tx: Transaction, approval_id: ApprovalId, *, content: str, by: str) -> Approval:
    """Uses an approval, once, for exactly what was approved. Call it in the transaction that does the thing.

    Raises:
        AbsentError: no such approval.
        RefusedError: `approved-otherwise`: what is to be done is not what was approved.
        ConflictError: it is not approved, has expired, or was used.
    """
    approval = find(tx, approval_id)
    if content != approval.proposal.content:
        raise RefusedError(
            f"approval {approval_id} is for other content than this",
            code="approved-otherwise",
            clause=f"approval:{approval_id}",
            remedy="propose what is to be done now",
        )
    approval.step(Step.CONSUME)
    _refuse_late(approval, tx.now)
    tx.append(approval.origin, CONSUMED.draft(Consumed(approval=approval.id, by=by)))
    return find(tx, approval_id)


def find(records: Records, approval_id: ApprovalId) -> Approval:
    """Returns an approval.

    Raises:
        AbsentError: there is none.
    """
    found = records.get(APPROVALS, approval_id)
    if found is None:
        raise AbsentError(f"no approval {approval_id!r}", code="approval-unknown")
    return found


def _check_groups(proposal: Proposal) -> None:
    if not proposal.groups or any(group.count < 1 for group in proposal.groups):
        raise RefusedError(
            f"nobody is named to approve a {proposal.kind}, so it can't be approved",
            code="no-approvers",
            clause=f"approvals.{proposal.kind}",
            remedy=f"name groups under approvals.{proposal.kind} in the program file",
        )
    if sum(group.count for group in proposal.groups) > SEATS_MAX:
        raise InvalidInputError(f"at most {SEATS_MAX} people can be needed to approve")


def _refuse_late(approval: Approval, now: Instant) -> None:
    if now >= approval.proposal.expires_at:
        raise ConflictError(
            f"approval {approval.id} expired at {rfc3339(approval.proposal.expires_at)}",
            code="approval-expired",
            remedy="propose it again",
        )


def _refuse_again(approval: Approval, voter: Voter) -> None:
    former = next((cast.voter for cast in approval.votes if cast.voter in voter.accounts), None)
    if former is not None and approval.state is State.PROPOSED:
        raise ConflictError(
            f"{voter.principal} has voted on approval {approval.id}, as {former}",
            code="already-voted",
            remedy="another person votes",
        )


def _seats(proposal: Proposal, voter: Voter) -> tuple[int, ...]:
    if not voter.accounts.isdisjoint((proposal.proposer, *proposal.recused)):
        raise RefusedError(
            f"{voter.principal} proposed this or had a hand in it; another person must vote",
            code="own-proposal",
            clause=f"approvals.{proposal.kind}",
        )
    seats = tuple(
        index
        for index, group in enumerate(proposal.groups)
        if group.organization == voter.organization and group.role in voter.roles
    )
    if not seats:
        wanted = ", ".join(f"{group.role} of {group.organization}" for group in proposal.groups)
        raise RefusedError(
            f"{voter.principal} is in none of the groups that must approve: {wanted}",
            code="not-an-approver",
            clause=f"approvals.{proposal.kind}",
        )
    return seats

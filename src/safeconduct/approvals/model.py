"""An approval: what is put to the vote, who must agree, and the one table of its states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from safeconduct.kernel.canonical import digest
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.ids import ApprovalId, EntryId, OrganizationId, Origin, PrincipalId
from safeconduct.kernel.instants import Instant


class State(StrEnum):
    """Where an approval stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CONSUMED = "consumed"
    WITHDRAWN = "withdrawn"


class Step(StrEnum):
    """What can happen to it."""

    APPROVE = "approve"  # the last vote that its groups needed
    REJECT = "reject"  # one vote against is enough
    EXPIRE = "expire"
    CONSUME = "consume"  # it was used, once
    WITHDRAW = "withdraw"  # what was asked for is not wanted any more


TRANSITIONS: Mapping[tuple[State, Step], State] = {
    (State.PROPOSED, Step.APPROVE): State.APPROVED,
    (State.PROPOSED, Step.REJECT): State.REJECTED,
    (State.PROPOSED, Step.EXPIRE): State.EXPIRED,
    (State.PROPOSED, Step.WITHDRAW): State.WITHDRAWN,
    (State.APPROVED, Step.EXPIRE): State.EXPIRED,
    (State.APPROVED, Step.CONSUME): State.CONSUMED,
}
"""Every step there is. What is not in here is refused."""


class Verdict(StrEnum):
    """What a voter says."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """`count` different people with this role in this organization."""

    organization: OrganizationId
    role: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is put to the vote. `content` is the SHA-256 (hex) of exactly what would be done.

    `recused` may not vote beside the proposer: its sponsor, and whoever else has a hand in it.
    """

    kind: str
    content: str
    proposer: PrincipalId
    groups: tuple[Group, ...]
    expires_at: Instant
    recused: tuple[PrincipalId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One person's vote. `seats` are the indexes of the groups in which the person could sit when voting.

    `reason` is empty where nobody asked for one.
    """

    voter: PrincipalId
    verdict: Verdict
    seats: tuple[int, ...]
    entry: EntryId
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A proposal, its votes and its state. `digest` covers the proposal, its id and its log: it is what voters sign."""

    id: ApprovalId
    origin: Origin
    digest: str
    proposal: Proposal
    state: State = State.PROPOSED
    votes: tuple[Vote, ...] = ()
    consumed_by: str = ""

    def step(self, step: Step) -> "Approval":
        """Returns the approval after a step.

        Raises:
            ConflictError: the state does not allow it.
        """
        state = TRANSITIONS.get((self.state, step))
        if state is None:
            raise ConflictError(f"approval {self.id} is {self.state}: it can't {step}", code=f"approval-{self.state}")
        return replace(self, state=state)

    def with_vote(self, vote: Vote) -> "Approval":
        """Returns the approval after a vote: rejected by one against, approved by the last one needed.

        Raises:
            ConflictError: it takes no votes any more, or this person has voted.
        """
        if self.state is not State.PROPOSED:
            raise ConflictError(f"approval {self.id} is {self.state}: voting is over", code=f"approval-{self.state}")
        if any(cast.voter == vote.voter for cast in self.votes):
            raise ConflictError(f"{vote.voter} has voted on approval {self.id}", code="already-voted")
        voted = replace(self, votes=(*self.votes, vote))
        if vote.verdict is Verdict.REJECT:
            return voted.step(Step.REJECT)
        filled = seated([cast.seats for cast in voted.votes], self.proposal.groups)
        return voted.step(Step.APPROVE) if filled else voted


def draft_digest(approval_id: ApprovalId, origin: Origin, proposal: Proposal) -> str:
    """Returns the digest that voters sign: it covers everything that a vote agrees to, and where."""
    return digest(
        {
            "approval": approval_id,
            "origin": origin,
            "kind": proposal.kind,
            "content": proposal.content,
            "proposer": proposal.proposer,
            "recused": proposal.recused,
            "groups": [
                {"organization": group.organization, "role": group.role, "count": group.count}
                for group in proposal.groups
            ],
            "expires_at": proposal.expires_at,
        }
    )


def seated(voters: Sequence[Sequence[int]], groups: Sequence[Group]) -> bool:
    """Tells whether all seats of all groups can be filled, each by another voter. No groups: never.

    Each voter names the groups it could sit in and takes one seat at most, so that a person with two roles is still
    one pair of eyes. Bipartite matching by augmenting paths.
    """
    seats = [index for index, group in enumerate(groups) for _ in range(group.count)]
    if not seats:
        return False
    holder: dict[int, int] = {}
    for voter in range(len(voters)):
        _seat(voter, voters, seats, holder, set())
    return len(holder) == len(seats)


def _seat(
    voter: int, voters: Sequence[Sequence[int]], seats: Sequence[int], holder: dict[int, int], tried: set[int]
) -> bool:
    for seat, group in enumerate(seats):
        if group not in voters[voter] or seat in tried:
            continue
        tried.add(seat)
        if seat not in holder or _seat(holder[seat], voters, seats, holder, tried):
            holder[seat] = voter
            return True
    return False

"""The entries of approvals, and how each changes the state."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from safeconduct.approvals.model import Approval, Proposal, State, Step, Verdict, Vote, draft_digest
from safeconduct.kernel.effects import Timer, clear_timer, set_timer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import ApprovalId, PrincipalId
from safeconduct.kernel.notices import note_asked
from safeconduct.kernel.ports import Collection, Projection
from safeconduct.kernel.ports import State as Records
from safeconduct.ledger.events import EventType

APPROVALS = Collection("approvals", Approval)
EXPIRY_TIMER = "approval.expire"
"""The kind of timer whose firing calls `service.expire` with the timer's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteCast:
    """A person voted. The entry's act is the vote: its content is the digest of `service.ballot`.

    `reason` is the voter's own, where what is voted on asks for one.
    """

    approval: ApprovalId
    voter: PrincipalId
    verdict: Verdict
    seats: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """The approval's time ran out."""

    approval: ApprovalId


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """Nobody votes on it any more: who proposed it took it back."""

    approval: ApprovalId


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumed:
    """What was approved is done, once, by the entry or action named."""

    approval: ApprovalId
    by: str


PROPOSED = EventType("approval.draft.proposed/1", Proposal)
VOTED = EventType("approval.vote.cast/1", VoteCast)
EXPIRED = EventType("approval.draft.expired/1", Expired)
CONSUMED = EventType("approval.draft.consumed/1", Consumed)
WITHDRAWN = EventType("approval.draft.withdrawn/1", Withdrawn)


def _proposed(state: Records, entry: Entry) -> None:
    proposal = PROPOSED.read(entry)
    approval_id = ApprovalId(entry.id)
    approval = Approval(
        id=approval_id,
        origin=entry.origin,
        digest=draft_digest(approval_id, entry.origin, proposal),
        proposal=proposal,
    )
    state.insert(APPROVALS, approval_id, approval)
    set_timer(state, _timer(approval))
    note_asked(state, entry)


def _voted(state: Records, entry: Entry) -> None:
    cast = VOTED.read(entry)
    vote = Vote(voter=cast.voter, verdict=cast.verdict, seats=cast.seats, entry=entry.id, reason=cast.reason)
    _keep(state, _present(state, cast.approval).with_vote(vote))


def _expired(state: Records, entry: Entry) -> None:
    _keep(state, _present(state, EXPIRED.read(entry).approval).step(Step.EXPIRE))


def _consumed(state: Records, entry: Entry) -> None:
    event = CONSUMED.read(entry)
    _keep(state, replace(_present(state, event.approval).step(Step.CONSUME), consumed_by=event.by))


def _withdrawn(state: Records, entry: Entry) -> None:
    _keep(state, _present(state, WITHDRAWN.read(entry).approval).step(Step.WITHDRAW))


def _keep(state: Records, approval: Approval) -> None:
    state.put(APPROVALS, approval.id, approval)
    if approval.state not in (State.PROPOSED, State.APPROVED):
        clear_timer(state, _timer(approval))


def _present(state: Records, approval_id: ApprovalId) -> Approval:
    found = state.get(APPROVALS, approval_id)
    if found is None:
        raise UnavailableError(
            f"an entry speaks of approval {approval_id}, which no entry proposed", code="log-damaged"
        )
    return found


def _timer(approval: Approval) -> Timer:
    return Timer(kind=EXPIRY_TIMER, key=approval.id, due_at=approval.proposal.expires_at)


PROJECTIONS: Mapping[str, Projection] = {
    PROPOSED.name: _proposed,
    VOTED.name: _voted,
    EXPIRED.name: _expired,
    CONSUMED.name: _consumed,
    WITHDRAWN.name: _withdrawn,
}

"""The entries of grants by request and of break-glass, and what they leave in the records."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from safeconduct.access import records as kept
from safeconduct.access.acts import record_act
from safeconduct.access.due import organization_owner
from safeconduct.access.grant_model import (
    Finding,
    GrantCase,
    GrantDraft,
    GrantState,
    GrantStep,
    Review,
    ReviewVote,
)
from safeconduct.access.model.agreements import Witness
from safeconduct.access.model.changes import Pending, RequestKind
from safeconduct.access.waiting import forget, wait
from safeconduct.kernel.effects import Timer, clear_timer, set_timer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import ApprovalId, EntryId, GrantId, OrganizationId, Origin, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.notices import Notice, NoticeLine, order_notice
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType

GRANT_TIMER = "grant.due"
"""The kind of timer whose firing calls `grant_requests.close_due` with the timer's key."""

BREAK_GLASS = "break-glass"
"""The kind of notice by which the other party is told that glass was broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRequested:
    """A person asks for a grant. `content` is the digest of the draft, `decide_by` when asking is over."""

    draft: GrantDraft
    content: str
    by: PrincipalId
    approval: ApprovalId | None
    decide_by: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantIssued:
    """What was drafted is granted from here on; where `witness` stands, once that has cosigned this."""

    grant: GrantId
    agreement_origin: Origin
    witness: Witness | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantClosed:
    """A request came to nothing, or a grant is over. `by` is empty where time or a vote did it."""

    grant: GrantId
    step: GrantStep
    by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassOpened:
    """One party opened a grant alone. `told` is the other; both owe a review by `due_at`."""

    grant: GrantId
    template: str
    by: PrincipalId
    organization: OrganizationId
    told: OrganizationId
    recused: tuple[PrincipalId, ...]
    due_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassReviewed:
    """A party's word on a break-glass. `review` is the digest of what it looked at."""

    grant: GrantId
    review: str
    organization: OrganizationId
    voter: PrincipalId
    finding: Finding
    reason: str


GRANT_CASES = Collection("grant-cases", GrantCase)  # at the request's entry id, for ever
REVIEWS = Collection("break-glass-reviews", Review)  # at the grant's id, for ever

REQUESTED = EventType("access.grant.requested/1", GrantRequested)
ISSUED = EventType("access.grant.issued/1", GrantIssued)
CLOSED = EventType("access.grant.closed/1", GrantClosed)
OPENED = EventType("access.break-glass.opened/1", BreakGlassOpened)
REVIEWED = EventType("access.break-glass.reviewed/1", BreakGlassReviewed)


def _requested(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = REQUESTED.read(entry)
    case = GrantCase(
        id=entry.id,
        at=entry.at,
        by=event.by,
        draft=event.draft,
        approval=event.approval,
        decide_by=event.decide_by,
        entries=(entry.id,),
    )
    state.insert(GRANT_CASES, case.id, case)
    set_timer(state, _timer(case, case.decide_by))


def _issued(state: State, entry: Entry) -> None:
    event = ISSUED.read(entry)
    case = _present(state, event.grant)
    clear_timer(state, _timer(case, case.decide_by))
    set_timer(state, _timer(case, case.draft.window.closes_at))
    if event.witness is None:
        _put_in_force(state, case.step(GrantStep.ISSUE, entry.id))
        return
    state.put(GRANT_CASES, case.id, case.step(GrantStep.HOLD_BACK, entry.id))
    pending = Pending(
        request=entry.id,
        kind=RequestKind.ELEVATION,
        origin=entry.origin,
        witness=event.witness,
        by=case.by,
        at=entry.at,
        agreement_origin=event.agreement_origin,
        grant=event.grant,
    )
    wait(state, entry, pending)


def elevate(state: State, grant: GrantId, entry: EntryId) -> None:
    """Puts a grant in force that waited for the partner's cosignature."""
    _put_in_force(state, _present(state, grant).step(GrantStep.ISSUE, entry))


def _put_in_force(state: State, case: GrantCase) -> None:
    state.put(GRANT_CASES, case.id, case)
    state.insert(kept.ISSUED_GRANTS, case.id, case.grant())


def _closed(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = CLOSED.read(entry)
    case = _present(state, event.grant)
    closed = replace(case.step(event.step, entry.id), ended_at=entry.at, why=event.why)
    state.put(GRANT_CASES, case.id, closed)
    for due_at in (case.decide_by, case.draft.window.closes_at):
        clear_timer(state, _timer(case, due_at))
    for request in [one.request for _, one in state.scan(kept.PENDING) if one.grant == event.grant]:
        forget(state, request)
    if case.state is GrantState.IN_FORCE:
        state.delete(kept.ISSUED_GRANTS, case.id)


def _timer(case: GrantCase, due_at: Instant) -> Timer:
    return Timer(kind=GRANT_TIMER, key=case.id, due_at=due_at)


def _opened(state: State, entry: Entry) -> None:
    event = OPENED.read(entry)
    review = Review(
        id=event.grant,
        template=event.template,
        organization=event.organization,
        parties=(event.organization, event.told),
        recused=event.recused,
        due_at=event.due_at,
        notice=entry.id,
    )
    state.insert(REVIEWS, event.grant, review)
    line = NoticeLine(
        kind="break-glass-review",
        name=event.grant,
        at=event.due_at,
        owner=organization_owner(event.told),
        text="both parties review it by then",
        look="safeconduct grant reviews",
    )
    subject = f"{event.organization} broke glass: {event.template}"
    order_notice(state, entry, Notice(kind=BREAK_GLASS, to=event.told, at=entry.at, subject=subject, lines=(line,)))


def _reviewed(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = REVIEWED.read(entry)
    review = state.get(REVIEWS, event.grant)
    if review is None:
        raise _damaged(f"entry {entry.id} reviews break-glass {event.grant}, which was not opened")
    vote = ReviewVote(
        organization=event.organization,
        voter=event.voter,
        finding=event.finding,
        reason=event.reason,
        entry=entry.id,
    )
    state.put(REVIEWS, event.grant, replace(review, votes=(*review.votes, vote)))


def _present(state: State, grant: str) -> GrantCase:
    case = state.get(GRANT_CASES, grant)
    if case is None:
        raise _damaged(f"an entry speaks of grant {grant}, which no entry asked for")
    return case


def _damaged(what: str) -> UnavailableError:
    return UnavailableError(what, code="log-damaged")


PROJECTIONS: Mapping[str, Projection] = {
    REQUESTED.name: _requested,
    ISSUED.name: _issued,
    CLOSED.name: _closed,
    OPENED.name: _opened,
    REVIEWED.name: _reviewed,
}

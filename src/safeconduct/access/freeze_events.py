"""The entries of freezes, and what they leave in the records."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from safeconduct.access import records as kept
from safeconduct.access.acts import record_act
from safeconduct.access.model.agreements import Witness
from safeconduct.access.model.changes import Pending, RequestKind
from safeconduct.access.model.stops import Freeze, Selection
from safeconduct.access.upstream_key_events import order_revocation
from safeconduct.access.waiting import forget, wait
from safeconduct.kernel.effects import Timer, clear_timer, set_timer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EntryId, FreezeId, OrganizationId, Origin, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType

FREEZE_TIMER = "freeze.end"
"""The kind of timer whose firing calls `freezes.expire` with the timer's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeStarted:
    """Calls that the selector selects are cut and refused from here on: until `ends_at`, where it says one.

    Where `revokes` names upstreams, the key that the selector names is revoked at their vendor.
    """

    selector: Selection
    by: PrincipalId
    reason: str
    ends_at: Instant | None = None
    review_by: Instant | None = None
    owner: PrincipalId | None = None
    revokes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeExpired:
    """The instant came that whoever froze stated at the start."""

    freeze: FreezeId


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeReviewed:
    """A person looked at a freeze and leaves it in force. `review_by` is when somebody looks again."""

    freeze: FreezeId
    by: PrincipalId
    reason: str
    review_by: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfreezeAgreed:
    """A person says for their party that a freeze may end."""

    freeze: FreezeId
    by: PrincipalId
    organization: OrganizationId


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfreezeRequested:
    """Both parties have said that a freeze may end. It ends when the witness cosigned this."""

    freeze: FreezeId
    by: PrincipalId
    agreement_origin: Origin
    witness: Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfreezeWord:
    """A party's word that a freeze may end."""

    organization: OrganizationId
    by: PrincipalId
    entry: EntryId
    at: Instant


UNFREEZE_WORDS = Collection("unfreeze-words", UnfreezeWord)  # at `freeze/organization`, while it is in force

FREEZE_STARTED = EventType("access.freeze.started/1", FreezeStarted)
FREEZE_EXPIRED = EventType("access.freeze.expired/1", FreezeExpired)
FREEZE_REVIEWED = EventType("access.freeze.reviewed/1", FreezeReviewed)
UNFREEZE_AGREED = EventType("access.unfreeze.agreed/1", UnfreezeAgreed)
UNFREEZE_REQUESTED = EventType("access.unfreeze.requested/1", UnfreezeRequested)


def _started(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = FREEZE_STARTED.read(entry)
    freeze = Freeze(
        id=FreezeId(entry.id),
        selector=event.selector,
        by=event.by,
        reason=event.reason,
        at=entry.at,
        ends_at=event.ends_at,
        review_by=event.review_by,
        owner=event.owner,
    )
    state.insert(kept.FREEZES, freeze.id, freeze)
    if freeze.ends_at is not None:
        set_timer(state, _timer(freeze.id, freeze.ends_at))
    if event.revokes:
        order_revocation(state, entry, event.selector.terms[0].name, event.revokes, event.by)


def _expired(state: State, entry: Entry) -> None:
    end_freeze(state, FREEZE_EXPIRED.read(entry).freeze)


def _reviewed(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = FREEZE_REVIEWED.read(entry)
    found = state.get(kept.FREEZES, event.freeze)
    if found is None:
        raise UnavailableError(f"entry {entry.id} reviews freeze {event.freeze}, which is over", code="log-damaged")
    state.put(kept.FREEZES, found.id, replace(found, review_by=event.review_by, owner=found.owner or event.by))


def _agreed(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = UNFREEZE_AGREED.read(entry)
    word = UnfreezeWord(organization=event.organization, by=event.by, entry=entry.id, at=entry.at)
    state.put(UNFREEZE_WORDS, f"{event.freeze}/{event.organization}", word)


def _requested(state: State, entry: Entry) -> None:
    event = UNFREEZE_REQUESTED.read(entry)
    pending = Pending(
        request=entry.id,
        kind=RequestKind.UNFREEZE,
        origin=entry.origin,
        witness=event.witness,
        by=event.by,
        at=entry.at,
        agreement_origin=event.agreement_origin,
        freeze=event.freeze,
    )
    wait(state, entry, pending)


def end_freeze(state: State, freeze_id: FreezeId) -> None:
    """Ends a freeze, and what waits for its end. One that is over stays so."""
    found = state.get(kept.FREEZES, freeze_id)
    if found is not None and found.ends_at is not None:
        clear_timer(state, _timer(freeze_id, found.ends_at))
    for request in [one.request for _, one in state.scan(kept.PENDING) if one.freeze == freeze_id]:
        forget(state, request)
    for key in [key for key, _ in state.scan(UNFREEZE_WORDS, f"{freeze_id}/")]:
        state.delete(UNFREEZE_WORDS, key)
    state.delete(kept.FREEZES, freeze_id)


def _timer(freeze_id: FreezeId, ends_at: Instant) -> Timer:
    return Timer(kind=FREEZE_TIMER, key=freeze_id, due_at=ends_at)


PROJECTIONS: Mapping[str, Projection] = {
    FREEZE_STARTED.name: _started,
    FREEZE_EXPIRED.name: _expired,
    FREEZE_REVIEWED.name: _reviewed,
    UNFREEZE_AGREED.name: _agreed,
    UNFREEZE_REQUESTED.name: _requested,
}

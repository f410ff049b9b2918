"""The entries of legal holds, and what they leave in the records."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.acts import record_act
from safeconduct.access.model.agreements import Witness
from safeconduct.access.model.changes import Pending, RequestKind
from safeconduct.access.waiting import wait
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.ids import EntryId, Origin, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPlaced:
    """No data key of this log that fits is destroyed from here on. What is None holds for all."""

    origin: Origin
    subject: str | None
    retention: Retention | None
    by: PrincipalId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldReleaseRequested:
    """A person asks for a hold to end. It does when `witness` has cosigned this, by `access.request.enforced/1`."""

    hold: EntryId
    by: PrincipalId
    reason: str
    agreement_origin: Origin
    witness: Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A legal hold in force."""

    id: EntryId
    origin: Origin
    subject: str | None
    retention: Retention | None
    by: PrincipalId
    reason: str
    at: Instant


HOLDS = Collection("holds", Hold)  # at the entry's id

PLACED = EventType("access.hold.placed/1", HoldPlaced)
RELEASE_REQUESTED = EventType("access.hold-release.requested/1", HoldReleaseRequested)


def _placed(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = PLACED.read(entry)
    hold = Hold(
        id=entry.id,
        origin=event.origin,
        subject=event.subject,
        retention=event.retention,
        by=event.by,
        reason=event.reason,
        at=entry.at,
    )
    state.insert(HOLDS, hold.id, hold)


def _release_requested(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = RELEASE_REQUESTED.read(entry)
    pending = Pending(
        request=entry.id,
        kind=RequestKind.RELEASE_HOLD,
        origin=entry.origin,
        witness=event.witness,
        by=event.by,
        at=entry.at,
        agreement_origin=event.agreement_origin,
        hold=event.hold,
    )
    wait(state, entry, pending)


def end_hold(state: State, hold: EntryId) -> None:
    """Ends a hold: its release is in force."""
    state.delete(HOLDS, hold)


PROJECTIONS: Mapping[str, Projection] = {PLACED.name: _placed, RELEASE_REQUESTED.name: _release_requested}

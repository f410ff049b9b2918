"""The entries by which people rotate a log's key or close a log, and what they leave in the records."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.access.acts import record_act
from safeconduct.access.destruction_events import withdraw_destruction
from safeconduct.access.model.agreements import Witness
from safeconduct.access.model.changes import KeyChange, Pending, RequestKind
from safeconduct.access.waiting import forget, wait
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import EntryId, Origin, PrincipalId
from safeconduct.kernel.ports import Projection, State
from safeconduct.ledger.events import EventType
from safeconduct.ledger.log_events import LOG_SUCCEEDED, succeed


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationRequested:
    """A person asks for another key of a log. It signs from the entry on that follows the partner's cosignature."""

    change: KeyChange
    by: PrincipalId
    agreement_origin: Origin
    witness: Witness


ROTATION_REQUESTED = EventType("access.rotation.requested/1", RotationRequested)


def _rotation_requested(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = ROTATION_REQUESTED.read(entry)
    pending = Pending(
        request=entry.id,
        kind=RequestKind.ROTATION,
        origin=entry.origin,
        witness=event.witness,
        by=event.by,
        at=entry.at,
        agreement_origin=event.agreement_origin,
        rotation=event.change,
    )
    wait(state, entry, pending)


def _log_succeeded(state: State, entry: Entry) -> None:
    record_act(state, entry)
    succeed(state, entry)
    # What stood in the old log may be the thief's. Whoever meant it asks again.
    for request, pending in list(state.scan(kept.PENDING)):
        forget(state, EntryId(request))
        if pending.kind is RequestKind.DESTRUCTION:
            withdraw_destruction(state, pending.request)


PROJECTIONS: Mapping[str, Projection] = {
    ROTATION_REQUESTED.name: _rotation_requested,
    LOG_SUCCEEDED.name: _log_succeeded,
}

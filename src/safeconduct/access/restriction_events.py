"""The entries of restrictions, and what they leave in the records."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.acts import record_act
from safeconduct.access.model.stops import Restriction, RestrictionKind, Selector
from safeconduct.access.records import RESTRICTIONS
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import EntryId, PrincipalId
from safeconduct.kernel.ports import Projection, State
from safeconduct.ledger.events import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictionSet:
    """Calls that the selector selects are slowed, weakened, held or refused from here on. `slow_ms`: 0 but for slow."""

    selector: Selector
    kind: RestrictionKind
    slow_ms: int
    by: PrincipalId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictionLifted:
    """A restriction ended."""

    restriction: EntryId
    by: PrincipalId


SET = EventType("access.restriction.set/1", RestrictionSet)
LIFTED = EventType("access.restriction.lifted/1", RestrictionLifted)


def _set(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = SET.read(entry)
    restriction = Restriction(
        id=entry.id,
        selector=event.selector,
        kind=event.kind,
        slow_ms=event.slow_ms,
        by=event.by,
        reason=event.reason,
        at=entry.at,
    )
    state.insert(RESTRICTIONS, entry.id, restriction)


def _lifted(state: State, entry: Entry) -> None:
    record_act(state, entry)
    state.delete(RESTRICTIONS, LIFTED.read(entry).restriction)


PROJECTIONS: Mapping[str, Projection] = {SET.name: _set, LIFTED.name: _lifted}

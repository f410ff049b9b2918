"""The entry that opens an incident, and what control state keeps of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.ids import IncidentId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType
from safeconduct.soc.incidents.marking import mark
from safeconduct.soc.incidents.model import AlertReference, EdgeReference, IncidentRecord
from safeconduct.soc.ingesting import HOUSE_OWNED


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentOpened:
    """An incident, or a part of a large one: `part` of `parts`, from 1.

    `continues` are the incidents opened before with an alert of the same rule about the same event: more telemetry came
    in, and this is what they have become. `owner` is whose telemetry it was found in, empty for the house.
    """

    incident: IncidentId
    part: int
    parts: int
    first_at: Instant
    last_at: Instant
    score: int
    continues: tuple[IncidentId, ...]
    alerts: tuple[AlertReference, ...]
    edges: tuple[EdgeReference, ...]
    owner: str = HOUSE_OWNED


OPENED = EventType("soc.incident.opened/1", IncidentOpened, Retention.OPERATIONS)
INCIDENTS = Collection("incidents", IncidentRecord)


def _opened(state: State, entry: Entry) -> None:
    event = OPENED.read(entry)
    former = state.get(INCIDENTS, event.incident)
    record = _begun(entry, event) if former is None else _grown(former, event)
    state.put(INCIDENTS, event.incident, record)
    mark(state, event.owner, event.alerts, event.incident, event.continues)
    if event.part == 1:
        _end_continued(state, event)
    record_act(state, entry)


def _begun(entry: Entry, event: IncidentOpened) -> IncidentRecord:
    return IncidentRecord(
        id=event.incident,
        origin=entry.origin,
        opened_at=entry.at,
        entry_id=entry.id,
        first_at=event.first_at,
        last_at=event.last_at,
        score=event.score,
        parts=1,
        expected=event.parts,
        alerts=event.alerts,
        edges=event.edges,
        owner=event.owner,
    )


def _grown(former: IncidentRecord, event: IncidentOpened) -> IncidentRecord:
    return replace(
        former, parts=former.parts + 1, alerts=former.alerts + event.alerts, edges=former.edges + event.edges
    )


def _end_continued(state: State, event: IncidentOpened) -> None:
    for key in event.continues:
        earlier = state.get(INCIDENTS, key)
        if earlier is not None:
            state.put(INCIDENTS, key, replace(earlier, continued_by=event.incident))


PROJECTIONS: Mapping[str, Projection] = {OPENED.name: _opened}

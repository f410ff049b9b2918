"""People merge, split and deduplicate incidents, and take it back: the entries, and how each changes the state.

What correlation found stays on record. A regrouping makes further incidents of its alerts and hides the former ones;
undone, it is the other way round. The reason is sealed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.ids import EntryId, IncidentId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, Records, State
from safeconduct.ledger.events import EventType
from safeconduct.soc.grouping import Change, Ruling
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.incidents.marking import mark
from safeconduct.soc.incidents.model import AlertReference, IncidentRecord
from safeconduct.soc.ingesting import HOUSE_OWNED


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An incident that a regrouping makes."""

    incident: IncidentId
    first_at: Instant
    last_at: Instant
    score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Regrouped:
    """A person decided how alerts stand together.

    Of `incidents`: merged into the one of `parts`; the only one split into two, `moved` being the first part's alerts;
    or all but the last called duplicates of the last, with no parts.
    """

    change: Change
    incidents: tuple[IncidentId, ...]
    moved: tuple[str, ...]
    parts: tuple[Part, ...]
    by: PrincipalId
    owner: str = HOUSE_OWNED


@dataclass(frozen=True, slots=True, kw_only=True)
class RegroupingUndone:
    """A person took a regrouping back: what it replaced stands again."""

    regrouping: EntryId
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class Regrouping:
    """A regrouping as it stands. `former` are the incidents it touched, as they were before it."""

    id: EntryId
    at: Instant
    decided: Regrouped
    former: tuple[IncidentRecord, ...]
    undone_by: str = ""


REGROUPED = EventType("soc.incident.regrouped/1", Regrouped, Retention.OPERATIONS)
UNDONE = EventType("soc.incident.regrouping-undone/1", RegroupingUndone, Retention.OPERATIONS)
REGROUPINGS = Collection("incident_regroupings", Regrouping)


def replaced(decided: Regrouped) -> tuple[IncidentId, ...]:
    """Returns the incidents that stand no more by a regrouping: a duplicate's original does."""
    return decided.incidents[:-1] if decided.change is Change.DUPLICATE else decided.incidents


def divided(
    change: Change, former: Sequence[IncidentRecord], moved: Iterable[str]
) -> tuple[tuple[AlertReference, ...], ...]:
    """Returns the alerts of each incident that a regrouping makes, in order of time: one, two, or none."""
    alerts = sorted({one.id: one for record in former for one in record.alerts}.values(), key=_in_time)
    match change:
        case Change.MERGE:
            return (tuple(alerts),)
        case Change.SPLIT:
            chosen = frozenset(moved)
            away, rest = (tuple(one for one in alerts if (one.id in chosen) is side) for side in (True, False))
            return away, rest
        case Change.DUPLICATE:
            return ()


def rulings(records: Records, owner: str) -> list[Ruling]:
    """Returns what people decided on an owner's incidents and did not take back, oldest first."""
    found = (one for _, one in records.scan(REGROUPINGS) if one.decided.owner == owner and not one.undone_by)
    return [ruling for one in sorted(found, key=lambda one: (one.at, one.id)) if (ruling := _ruling(one)) is not None]


def _ruling(one: Regrouping) -> Ruling | None:
    former = [record for record in one.former if record.id in one.decided.incidents]
    alerts = [frozenset(part.id for part in group) for group in divided(one.decided.change, former, one.decided.moved)]
    return Ruling(change=one.decided.change, alerts=alerts[0], rest=frozenset().union(*alerts[1:])) if alerts else None


def _in_time(alert: AlertReference) -> tuple[Instant, str, str]:
    return alert.at, alert.rule, alert.id


def _regrouped(state: State, entry: Entry) -> None:
    decided = REGROUPED.read(entry)
    touched = dict.fromkeys((*decided.incidents, *(part.incident for part in decided.parts)))
    former = [record for key in touched if (record := state.get(INCIDENTS, key)) is not None]
    state.put(REGROUPINGS, entry.id, Regrouping(id=entry.id, at=entry.at, decided=decided, former=tuple(former)))
    of = [record for record in former if record.id in decided.incidents]
    for part, alerts in zip(decided.parts, divided(decided.change, of, decided.moved), strict=True):
        made = _made(entry, part, alerts, of)
        state.put(INCIDENTS, made.id, made)
        mark(state, made.owner, made.alerts, made.id)
    for record in of:
        if record.id in replaced(decided):
            state.put(INCIDENTS, record.id, replace(record, replaced_by=entry.id))
    record_act(state, entry)


def _made(entry: Entry, part: Part, alerts: tuple[AlertReference, ...], of: Sequence[IncidentRecord]) -> IncidentRecord:
    named = {alert.id for alert in alerts}
    edges = tuple(dict.fromkeys(edge for record in of for edge in record.edges if named.issuperset(edge.alerts)))
    return IncidentRecord(
        id=part.incident,
        origin=entry.origin,
        opened_at=entry.at,
        entry_id=entry.id,
        first_at=part.first_at,
        last_at=part.last_at,
        score=part.score,
        parts=1,
        expected=1,
        alerts=alerts,
        edges=edges,
        owner=of[0].owner,
        made_by=entry.id,
    )


def _undone(state: State, entry: Entry) -> None:
    undone = UNDONE.read(entry)
    one = state.get(REGROUPINGS, undone.regrouping)
    if one is not None:
        state.put(REGROUPINGS, one.id, replace(one, undone_by=entry.id))
        for part in one.decided.parts:  # claims may be about it, so it stays on record
            made = state.get(INCIDENTS, part.incident)
            if made is not None:
                state.put(INCIDENTS, made.id, replace(made, replaced_by=entry.id))
        for record in one.former:
            state.put(INCIDENTS, record.id, record)
    record_act(state, entry)


PROJECTIONS: Mapping[str, Projection] = {REGROUPED.name: _regrouped, UNDONE.name: _undone}

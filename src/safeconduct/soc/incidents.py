"""Opening an incident in the log, and making it whole again from the entry, the events and the rules.

An entry names alerts, events, places and kinds, never a value: hosts, addresses and people stay with the events.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EventId, IncidentId, Origin
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.events import EventType, in_parts
from safeconduct.soc.correlation import score
from safeconduct.soc.detection.ir import RuleIR
from safeconduct.soc.detection.matching import matches
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.detection.views import views
from safeconduct.soc.entities import mentions
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.marking import mark, marked
from safeconduct.soc.model import Alert, Edge, EntityKind, Event, Incident, Match
from safeconduct.soc.unusual import Said, matches_of, said

PART_BYTES_MAX = 48 * 1024
"""Bytes of alerts and edges in one entry; a leaf holds 65,535 with its envelope. A larger incident takes more entries.

The longest single alert, with ALERT_EVENTS_MAX events, stays below 20 KB.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReference:
    """An alert without its matches: the rule with its digest, its events, and how many it counted.

    An anomaly has with `said` why it is one, which no rule finds again.
    """

    id: str
    rule: str
    rule_digest: str
    title: str
    level: str
    techniques: tuple[str, ...]
    at: Instant
    total: int
    events: tuple[EventId, ...]
    said: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeReference:
    """An edge without its value, which stands in the events at the pointers."""

    alerts: tuple[str, str]
    events: tuple[EventId, EventId]
    pointers: tuple[str, str]
    kind: EntityKind
    seconds: int


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


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRecord:
    """What control state knows of an incident. Complete when `parts` of `expected` are in.

    `continued_by` is the later incident that holds its events, `replaced_by` the entry in which a person merged it,
    split it or called it another's duplicate; both are empty while it stands. `made_by` is the entry that made it of
    others, empty for one that correlation found.
    """

    id: IncidentId
    origin: Origin
    opened_at: Instant
    entry_id: str
    first_at: Instant
    last_at: Instant
    score: int
    parts: int
    expected: int
    alerts: tuple[AlertReference, ...]
    edges: tuple[EdgeReference, ...]
    continued_by: str = ""
    owner: str = HOUSE_OWNED
    replaced_by: str = ""
    made_by: str = ""

    @property
    def stands(self) -> bool:
        """True while nothing came after it."""
        return not (self.continued_by or self.replaced_by)


OPENED = EventType("soc.incident.opened/1", IncidentOpened, Retention.OPERATIONS)
INCIDENTS = Collection("incidents", IncidentRecord)


def record_incident(
    tx: Transaction,
    origin: Origin,
    incident: Incident,
    signed: SignedAct | None = None,
    *,
    owner: str = HOUSE_OWNED,
) -> bool:
    """Appends the entries that open an incident and tells so; one that is open already is left alone.

    The first entry carries the act that led to it: an act is used once.
    """
    if tx.get(INCIDENTS, incident.id) is not None:
        return False
    parts, continues = list(_parts(incident)), _continued(tx, incident, owner)
    for number, (alerts, edges) in enumerate(parts, start=1):
        event = IncidentOpened(
            incident=incident.id,
            part=number,
            parts=len(parts),
            first_at=incident.first_at,
            last_at=incident.last_at,
            score=incident.score,
            continues=continues,
            alerts=tuple(alerts),
            edges=tuple(edges),
            owner=owner,
        )
        act = signed.envelope() if signed and number == 1 else None
        tx.append(origin, OPENED.draft(event, subject=incident.id, act=act))
    return True


def whole(record: IncidentRecord, events: Mapping[EventId, Event], rules: RuleSet) -> Incident:
    """Returns the incident of a record, its matches and values found again in the events.

    Raises:
        UnavailableError: an event is not in the index (`event-missing`). A rule that was changed since gives no
            matches for its alerts: they are evidence only under the rule that found them.
    """
    named = {key for alert in record.alerts for key in alert.events}
    missing = sorted(named - events.keys())
    if missing:
        raise UnavailableError(
            f"{len(missing)} events of incident {record.id} are not in the index, first {missing[0]}",
            code="event-missing",
            remedy="run safeconduct ingest again: the index is rebuilt from the raw files",
        )
    ordered = sorted((events[key] for key in named), key=lambda event: (event.at, event.id))
    alerts = tuple(_alert(reference, events, rules) for reference in record.alerts)
    _, reasons = score(alerts, (event.source for event in ordered))
    return Incident(
        id=record.id,
        alerts=alerts,
        edges=tuple(edge for reference in record.edges if (edge := _edge(reference, events))),
        events=tuple(event.id for event in ordered),
        first_at=record.first_at,
        last_at=record.last_at,
        score=record.score,
        score_reasons=reasons,
    )


def _parts(incident: Incident) -> Iterator[tuple[list[AlertReference], list[EdgeReference]]]:
    """Returns what goes into each entry: alerts and edges in their order, never more than one leaf can hold."""
    items: list[AlertReference | EdgeReference] = [
        *map(_reference, incident.alerts),
        *map(_edge_reference, incident.edges),
    ]
    return map(_sorted, in_parts(items, PART_BYTES_MAX))


def _sorted(part: Sequence[AlertReference | EdgeReference]) -> tuple[list[AlertReference], list[EdgeReference]]:
    alerts = [item for item in part if isinstance(item, AlertReference)]
    return alerts, [item for item in part if isinstance(item, EdgeReference)]


def _continued(tx: Transaction, incident: Incident, owner: str) -> tuple[IncidentId, ...]:
    found = ((key, tx.get(INCIDENTS, key)) for key in marked(tx, owner, incident.alerts))
    return tuple(key for key, record in found if record is not None and record.stands)


def _reference(alert: Alert) -> AlertReference:
    return AlertReference(
        id=alert.id,
        rule=alert.rule,
        rule_digest=alert.rule_digest,
        title=alert.title,
        level=alert.level,
        techniques=alert.techniques,
        at=alert.at,
        total=alert.total,
        events=alert.events,
        said=said(alert),
    )


def _edge_reference(edge: Edge) -> EdgeReference:
    return EdgeReference(
        alerts=edge.alerts, events=edge.events, pointers=edge.pointers, kind=edge.entity.kind, seconds=edge.seconds
    )


def _alert(reference: AlertReference, events: Mapping[EventId, Event], rules: RuleSet) -> Alert:
    found = matches_of(reference.said, events)
    if rule_digest(rules, reference.rule) == reference.rule_digest:
        used = base_rules(rules, reference.rule)
        found = tuple(match for key in reference.events for match in _matches(events[key], used))
    return Alert(
        id=reference.id,
        rule=reference.rule,
        rule_digest=reference.rule_digest,
        title=reference.title,
        level=reference.level,
        techniques=reference.techniques,
        events=reference.events,
        at=reference.at,
        matches=found,
        total=reference.total,
    )


def _edge(reference: EdgeReference, events: Mapping[EventId, Event]) -> Edge | None:
    """Returns the edge with its value, or None where the events no longer bear it out."""
    first, second = (
        {
            found.entity
            for found in mentions(events[key])
            if (found.pointer, found.entity.kind) == (place, reference.kind)
        }
        for key, place in zip(reference.events, reference.pointers, strict=True)
    )
    shared = sorted(first & second)
    if not shared:
        return None
    return Edge(
        alerts=reference.alerts,
        events=reference.events,
        pointers=reference.pointers,
        entity=shared[0],
        seconds=reference.seconds,
    )


def rule_digest(rules: RuleSet, key: str) -> str:
    """Returns the content digest of a rule, empty if there is no such rule."""
    return next((head.digest for head in rules.heads() if head.id == key), "")


def base_rules(rules: RuleSet, key: str) -> list[RuleIR]:
    """Returns the rules on single events that a rule comes down to."""
    counted = {correlation.head.id: correlation.rules for correlation in rules.correlations}
    wanted, reached = [key], set()
    while wanted:
        rule = wanted.pop()
        reached.add(rule)
        wanted += [name for name in counted.get(rule, ()) if name not in reached]
    return [rule for rule in rules.events if rule.head.id in reached]


def _matches(event: Event, used: Sequence[RuleIR]) -> Iterable[Match]:
    found = [
        match for rule in used for view in views(event, rule.source) for match in matches(rule.condition, view) or ()
    ]
    return dict.fromkeys(found)


def _opened(state: State, entry: Entry) -> None:
    event = OPENED.read(entry)
    former = state.get(INCIDENTS, event.incident)
    if former is None:
        record = IncidentRecord(
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
    else:
        record = replace(
            former, parts=former.parts + 1, alerts=former.alerts + event.alerts, edges=former.edges + event.edges
        )
    state.put(INCIDENTS, event.incident, record)
    mark(state, event.owner, event.alerts, event.incident, event.continues)
    for key in event.continues if event.part == 1 else ():
        earlier = state.get(INCIDENTS, key)
        if earlier is not None:
            state.put(INCIDENTS, key, replace(earlier, continued_by=event.incident))
    record_act(state, entry)


PROJECTIONS: Mapping[str, Projection] = {OPENED.name: _opened}

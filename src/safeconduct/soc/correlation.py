"""From alerts to incidents: alerts that share an entity within a window belong together, and each join says why.

Pure, and independent of the order in which events and alerts come: everything is sorted by what it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

from safeconduct.kernel.canonical import digest
from safeconduct.kernel.ids import EventId, IncidentId
from safeconduct.kernel.instants import HOUR, Duration
from safeconduct.soc.attack import attack_table
from safeconduct.soc.entities import Mention
from safeconduct.soc.grouping import Ruling, grouped
from safeconduct.soc.inventory import Inventory
from safeconduct.soc.joining import joiners
from safeconduct.soc.model import Alert, Edge, Entity, Event, Incident

WINDOW: Duration = HOUR
"""How far apart two events that share an entity may be. Intruders pause; an hour without a trace is rather chance."""

INCIDENT_ID_DIGITS = 32

LEVEL_SCORES = {"informational": 1, "low": 5, "medium": 15, "high": 30, "critical": 50}
TACTIC_SCORE = 10
SOURCE_SCORE = 10
SCORE_MIN = 30
"""Below this joined alerts open no incident: one high alert does, or medium ones of two tactics or sources."""


class _Trace(NamedTuple):
    """An entity in an event of an alert. Of the same instant, those of one rule come first, whatever their ids."""

    at: int
    rule: str
    alert_at: int
    event: EventId
    alert: str
    pointer: str


def correlate(
    alerts: Iterable[Alert],
    events: Mapping[EventId, Event],
    inventory: Inventory,
    rulings: Sequence[Ruling] = (),
) -> tuple[Incident, ...]:
    """Returns the incidents, the gravest first. `events` must hold every event that the alerts name.

    `rulings` are what people decided on earlier incidents, oldest first.
    """
    ordered = sorted({alert.id: alert for alert in alerts}.values(), key=lambda alert: (alert.at, alert.rule, alert.id))
    edges = _edges(ordered, events, inventory)
    found = [_incident(group, joined, events) for group, joined in grouped(ordered, edges, rulings)]
    grave = [incident for incident in found if incident.score >= SCORE_MIN]
    return tuple(sorted(grave, key=lambda incident: (-incident.score, incident.first_at, incident.id)))


def incident_id(alerts: Iterable[str]) -> IncidentId:
    """Returns the id of the incident of these alerts, by their ids."""
    return IncidentId(digest(sorted(set(alerts)))[:INCIDENT_ID_DIGITS])


def recompute(edge: Edge, first: Event, second: Event, inventory: Inventory) -> bool:
    """Tells whether the two events really bear out the edge: the entity at both places, and as far apart as it says."""
    gap = abs(first.at - second.at)
    named = (first.id, second.id) == edge.events
    there = Mention(edge.entity, edge.pointers[0]) in joiners(first, inventory)
    here = Mention(edge.entity, edge.pointers[1]) in joiners(second, inventory)
    return named and there and here and gap <= WINDOW and gap // 1_000_000 == edge.seconds


class Scored(Protocol):
    """What a score is made of: an alert, or what an entry says of one."""

    @property
    def id(self) -> str:
        """The alert's id."""

    @property
    def rule(self) -> str:
        """The rule that fired."""

    @property
    def title(self) -> str:
        """Its title."""

    @property
    def level(self) -> str:
        """Its level, a key of LEVEL_SCORES."""

    @property
    def techniques(self) -> tuple[str, ...]:
        """Its ATT&CK ids."""


def score(alerts: Iterable[Scored], sources: Iterable[str]) -> tuple[int, tuple[str, ...]]:
    """Returns the score of joined alerts and what it is made of. Each rule counts once, however often it fired."""
    rules = {alert.rule: alert for alert in sorted(alerts, key=lambda alert: alert.id)}
    listed = sorted(rules.values(), key=lambda alert: (-LEVEL_SCORES[alert.level], alert.title, alert.rule))
    parts = [(LEVEL_SCORES[alert.level], f"{alert.title} ({alert.level})") for alert in listed]
    tactics = tactics_of(rules.values())
    if len(tactics) > 1:
        parts.append((TACTIC_SCORE * (len(tactics) - 1), f"{len(tactics)} tactics: {', '.join(tactics)}"))
    kinds = sorted(set(sources))
    if len(kinds) > 1:
        parts.append((SOURCE_SCORE * (len(kinds) - 1), f"{len(kinds)} kinds of records agree: {', '.join(kinds)}"))
    return sum(points for points, _ in parts), tuple(f"{points}: {text}" for points, text in parts)


def tactics_of(alerts: Iterable[Scored]) -> list[str]:
    """Returns the short names of the ATT&CK tactics of the alerts' techniques that have one tactic only.

    A technique under several tactics does not say which of them was pursued, so it adds none.
    """
    table = attack_table()
    techniques = {table.technique(name) for alert in alerts for name in alert.techniques}
    return sorted({found.tactics[0] for found in techniques if found and len(found.tactics) == 1})


def _edges(alerts: Sequence[Alert], events: Mapping[EventId, Event], inventory: Inventory) -> list[Edge]:
    traces: dict[Entity, list[_Trace]] = defaultdict(list)
    mentioned = {key: joiners(events[key], inventory) for alert in alerts for key in alert.events}
    for alert in alerts:
        for key in alert.events:
            for found in mentioned[key]:
                traces[found.entity].append(_Trace(events[key].at, alert.rule, alert.at, key, alert.id, found.pointer))
    edges = [edge for entity in sorted(traces) for edge in _chain(entity, sorted(traces[entity]))]
    return sorted(edges, key=lambda edge: (edge.alerts, edge.entity))


def _chain(entity: Entity, traces: Sequence[_Trace]) -> Iterator[Edge]:
    """Yields an edge between neighbors in time that are of different alerts: enough to join all, with few edges."""
    seen: dict[tuple[str, str], Edge] = {}
    for first, second in pairwise(traces):
        gap = second.at - first.at
        if first.alert == second.alert or gap > WINDOW:
            continue
        low, high = (first, second) if first.alert < second.alert else (second, first)
        edge = Edge(
            alerts=(low.alert, high.alert),
            events=(low.event, high.event),
            pointers=(low.pointer, high.pointer),
            entity=entity,
            seconds=gap // 1_000_000,
        )
        seen.setdefault(edge.alerts, edge)
    yield from seen.values()


def _incident(alerts: Sequence[Alert], edges: Iterable[Edge], events: Mapping[EventId, Event]) -> Incident:
    found = sorted(
        (events[key] for key in {key for alert in alerts for key in alert.events}), key=lambda e: (e.at, e.id)
    )
    points, reasons = score(alerts, (event.source for event in found))
    return Incident(
        id=incident_id(alert.id for alert in alerts),
        alerts=tuple(alerts),
        edges=tuple(edges),
        events=tuple(event.id for event in found),
        first_at=found[0].at,
        last_at=found[-1].at,
        score=points,
        score_reasons=reasons,
    )

"""Making an incident whole again: from what was recorded of it, its events and the rules."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EventId
from safeconduct.soc.correlation import score
from safeconduct.soc.detection.ir import RuleIR
from safeconduct.soc.detection.matching import matches
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.detection.views import views
from safeconduct.soc.entities import mentions
from safeconduct.soc.incidents.model import AlertReference, EdgeReference, IncidentRecord
from safeconduct.soc.model import Alert, Edge, Entity, EntityKind, Event, Incident, Match
from safeconduct.soc.unusual import matches_of


def whole(
    record: IncidentRecord, events: Mapping[EventId, Event], rules: RuleSet, gone: Collection[EventId] = ()
) -> Incident:
    """Returns the incident of a record, its matches and values found again in the events; but in those that are gone.

    Raises:
        UnavailableError: an event is not in the index (`event-missing`). A rule that was changed since gives no
            matches for its alerts: they are evidence only under the rule that found them.
    """
    ordered = sorted(_named(record, events, gone), key=lambda event: (event.at, event.id))
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


def _named(record: IncidentRecord, events: Mapping[EventId, Event], gone: Collection[EventId]) -> list[Event]:
    named = record.events.difference(gone)
    missing = sorted(named - events.keys())
    if missing:
        raise UnavailableError(
            f"{len(missing)} events of incident {record.id} are not in the index, first {missing[0]}",
            code="event-missing",
            remedy="run safeconduct ingest again: the index is rebuilt from the raw files",
        )
    return [events[key] for key in named]


def _alert(reference: AlertReference, events: Mapping[EventId, Event], rules: RuleSet) -> Alert:
    found = matches_of((one for one in reference.said if one.event in events), events)
    if _digest(rules, reference.rule) == reference.rule_digest:
        used = _base_rules(rules, reference.rule)
        found = tuple(match for key in reference.events if key in events for match in _matches(events[key], used))
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
    """Returns the edge with its value, or None where the events no longer bear it out or are gone."""
    if not events.keys() >= set(reference.events):
        return None
    first, second = (
        _entities(events[key], place, reference.kind)
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


def _entities(event: Event, pointer: str, kind: EntityKind) -> set[Entity]:
    return {found.entity for found in mentions(event) if (found.pointer, found.entity.kind) == (pointer, kind)}


def _digest(rules: RuleSet, key: str) -> str:
    """Returns the content digest of a rule, empty if there is no such rule."""
    return next((head.digest for head in rules.heads() if head.id == key), "")


def _base_rules(rules: RuleSet, key: str) -> list[RuleIR]:
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

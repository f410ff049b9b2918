"""Rules over events: alerts. A pure function of both, whatever order the events come in."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.bodies import encoded_plain
from safeconduct.soc.detection.counting import count
from safeconduct.soc.detection.engine import engine_of
from safeconduct.soc.detection.ir import Head
from safeconduct.soc.detection.matching import field_values
from safeconduct.soc.detection.measuring import Hit
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.model import Alert, Event

ALERT_ID_DIGITS = 32

ALERT_EVENTS_MAX = 500
"""Events one alert names. A guessing that goes on for days is told by its first ones and its last ones."""


def detect(events: Iterable[Event], rules: RuleSet) -> tuple[Alert, ...]:
    """Returns the alerts of the rules on the events, ordered by time, rule and id."""
    reach = _Reach(Instant(0))
    hits = event_hits(reach.of(events), rules)
    for correlation in rules.correlations:
        counted = [hit for key in dict.fromkeys(correlation.rules) for hit in hits.get(key, ())]
        hits[correlation.head.id] = count(correlation, counted, reach.until)
    alerts = [alert_of(head, hit) for head in rules.heads() if head.alerts for hit in hits.get(head.id, ())]
    return tuple(sorted(alerts, key=lambda alert: (alert.at, alert.rule, alert.id)))


@dataclass
class _Reach:
    """How far the telemetry goes: few is known to be few once it goes past the end of the timespan."""

    until: Instant

    def of(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            self.until = max(self.until, event.at)
            yield event


def alert_id(rule_digest: str, events: tuple[str, ...]) -> str:
    """Returns the id of an alert: from what the rule says and the ids of all its events."""
    told = encoded_plain({"rule": rule_digest, "events": sorted(events)})
    return sha256(told).hexdigest()[:ALERT_ID_DIGITS]


def event_hits(events: Iterable[Event], rules: RuleSet) -> dict[str, list[Hit]]:
    """Returns the hits of the rules on single events, by rule, with the fields that correlations ask for."""
    needed = _needed(rules)
    hits: dict[str, list[Hit]] = defaultdict(list)
    for found in engine_of(rules).hits(events):
        event, key = found.view.event, found.rule.head.id
        fields = field_values(found.view, sorted(needed[key]))
        unique = tuple(dict.fromkeys(found.matches))
        hits[key].append(Hit(rule=key, at=event.at, events=(event.id,), matches=unique, fields=fields))
    return hits


def _needed(rules: RuleSet) -> dict[str, set[str]]:
    """Returns which fields of each rule's hits some correlation groups by or counts values of."""
    needed: dict[str, set[str]] = defaultdict(set)
    for correlation in rules.correlations:
        for key in correlation.rules:
            names = {correlation.aliases.get(name, {}).get(key, name) for name in correlation.group_by}
            needed[key] |= names | set(correlation.value_fields)
    return needed


def alert_of(head: Head, hit: Hit) -> Alert:
    """Returns the alert that a hit of a rule is."""
    kept = _kept(hit.events)
    named = frozenset(kept)
    return Alert(
        id=alert_id(head.digest, hit.events),
        rule=head.id,
        rule_digest=head.digest,
        title=head.title,
        level=head.level,
        techniques=head.techniques,
        events=kept,
        at=hit.at,
        matches=tuple(match for match in hit.matches if match.event in named),
        total=len(hit.events),
    )


def _kept(events: tuple[EventId, ...]) -> tuple[EventId, ...]:
    if len(events) <= ALERT_EVENTS_MAX:
        return events
    half = ALERT_EVENTS_MAX // 2
    return (*events[:half], *events[-half:])

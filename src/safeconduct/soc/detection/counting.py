"""Sigma correlations: how often, how many different, or in which order, within a timespan and per group.

A window slides over the hits in time order. Windows that satisfy the condition and share a hit are one finding, so that
ten minutes of guessing are one alert, not fifty. The order in which events came in changes nothing.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.soc.detection.ir import Operator
from safeconduct.soc.detection.model import Correlation, Kind
from safeconduct.soc.model import Match


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A rule held. `at` is when: for a count, when it was reached. `fields` are the values that others group by."""

    rule: str
    at: Instant
    events: tuple[EventId, ...]
    matches: tuple[Match, ...]
    fields: Mapping[str, str]


def count(rule: Correlation, hits: Iterable[Hit]) -> list[Hit]:
    """Returns the findings of a correlation over the hits of the rules it counts, ordered by time and first event."""
    found = [
        finding
        for key, group in _groups(rule, hits).items()
        for finding in _findings(rule, dict(zip(rule.group_by, key, strict=True)), group)
    ]
    return sorted(found, key=_order)


def _order(hit: Hit) -> tuple[Instant, str, tuple[EventId, ...]]:
    return hit.at, hit.rule, hit.events


def _groups(rule: Correlation, hits: Iterable[Hit]) -> dict[tuple[str, ...], list[Hit]]:
    """Returns the hits by the values they share, in time order. A hit without a value to group by belongs to none."""
    groups: dict[tuple[str, ...], list[Hit]] = defaultdict(list)
    for hit in hits:
        names = [rule.aliases.get(name, {}).get(hit.rule, name) for name in rule.group_by]
        if all(name in hit.fields for name in names):
            groups[tuple(hit.fields[name].lower() for name in names)].append(hit)
    return {key: sorted(group, key=_order) for key, group in sorted(groups.items())}


@dataclass
class _Window:
    """The hits within one timespan, counted as they come and go: a flood costs no more per hit than a trickle."""

    rule: Correlation
    hits: deque[Hit] = field(default_factory=deque)
    values: Counter[str] = field(default_factory=Counter)

    def push(self, hit: Hit) -> int:
        """Takes a hit in, lets go of those now too old, and returns how many it let go."""
        self.hits.append(hit)
        self.values[self._value(hit)] += 1
        dropped = 0
        while self.hits[0].at + seconds(self.rule.seconds) < hit.at:
            old = self._value(self.hits.popleft())
            self.values[old] -= 1
            if not self.values[old]:
                del self.values[old]
            dropped += 1
        return dropped

    def satisfied(self) -> bool:
        """Tells whether the condition holds now."""
        if self.rule.kind is Kind.EVENT_COUNT:
            return _enough(self.rule, len(self.hits))
        distinct = len(self.values) - ("" in self.values)
        if self.rule.kind is Kind.TEMPORAL_ORDERED:
            return distinct == len(set(self.rule.rules)) and _in_order(self.rule.rules, self.hits)
        return _enough(self.rule, distinct)

    def _value(self, hit: Hit) -> str:
        return hit.fields.get(self.rule.value_field, "").lower() if self.rule.kind is Kind.VALUE_COUNT else hit.rule


def _findings(rule: Correlation, shared: Mapping[str, str], hits: Sequence[Hit]) -> Iterator[Hit]:
    window, start = _Window(rule), 0
    begin, end, reached = -1, -1, Instant(0)
    for last, hit in enumerate(hits):
        start += window.push(hit)
        if not window.satisfied():
            continue
        if begin >= 0 and start > end:
            yield _finding(rule, shared, hits[begin : end + 1], reached)
            begin = -1
        if begin < 0:
            begin, reached = start, hit.at
        end = last
    if begin >= 0:
        yield _finding(rule, shared, hits[begin : end + 1], reached)


def _enough(rule: Correlation, number: int) -> bool:
    return number > rule.count if rule.operator is Operator.GREATER else number >= rule.count


def _in_order(rules: Sequence[str], window: Iterable[Hit]) -> bool:
    """Tells whether the rules were hit one after the other, none before its predecessor."""
    wanted = iter(rules)
    awaited = next(wanted, None)
    for hit in window:
        if hit.rule == awaited:
            awaited = next(wanted, None)
    return awaited is None


def _finding(rule: Correlation, shared: Mapping[str, str], hits: Sequence[Hit], reached: Instant) -> Hit:
    events = Counter(event for hit in hits for event in hit.events)
    matches = dict.fromkeys(match for hit in hits for match in hit.matches)
    return Hit(rule=rule.head.id, at=reached, events=tuple(events), matches=tuple(matches), fields=shared)

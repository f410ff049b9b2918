"""Sigma correlations: how often, how much, how many different, or in which order, within a timespan and per group.

What more can only make truer is told as soon as it is reached, in a window that slides over the hits in time order;
windows that satisfy the condition and share a hit are one finding, so that ten minutes of guessing are one alert, not
fifty. What more could undo (few, exactly so many, a mean) is told of whole stretches of time, side by side from the
epoch on, once the telemetry goes past their end. The order in which events came in changes nothing.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from safeconduct.kernel.instants import Instant, seconds
from safeconduct.soc.detection.correlations import (
    Absent,
    Correlation,
    Every,
    Expression,
    Kind,
    Occurs,
    leaves,
)
from safeconduct.soc.detection.measuring import Hit, Sliding, measure

Place = tuple[Instant, int, tuple[str, ...]]
"""Where a hit stands in its group: its time, its rule's place in the correlation, its events."""


def count(rule: Correlation, hits: Iterable[Hit], until: Instant) -> list[Hit]:
    """Returns the findings of a correlation over the hits of the rules it counts, ordered by time and first event.

    `until` is how far the telemetry goes: what may still come true or untrue after it is not told yet.
    """
    groups: dict[tuple[str, ...], list[Hit]] = defaultdict(list)
    for hit in hits:
        key = group_of(rule, hit)
        if key is not None:
            groups[key].append(hit)
    place = place_in(rule)
    found = [
        finding
        for key, group in sorted(groups.items())
        for finding in findings(rule, key, sorted(group, key=place), until)
    ]
    return sorted(found, key=_order)


def _order(hit: Hit) -> tuple[Instant, str, tuple[str, ...]]:
    return hit.at, hit.rule, hit.events


def group_of(rule: Correlation, hit: Hit) -> tuple[str, ...] | None:
    """Returns the values that a hit's group shares; None for a hit without a value to group by: it belongs to none."""
    names = [rule.aliases.get(name, {}).get(hit.rule, name) for name in rule.group_by]
    return tuple(hit.fields[name].lower() for name in names) if all(name in hit.fields for name in names) else None


def place_in(rule: Correlation) -> Callable[[Hit], Place]:
    """Returns what puts the hits of a group in order.

    Of the same instant nobody knows which came first: those that make an order true do.
    """
    places = {name: place for place, name in reversed(list(enumerate(rule.rules)))}
    return lambda hit: (hit.at, places[hit.rule], hit.events)


def findings(rule: Correlation, key: tuple[str, ...], hits: Sequence[Hit], until: Instant) -> Iterator[Hit]:
    """Yields what a correlation finds in the hits of a group, which are in order."""
    shared = dict(zip(rule.group_by, key, strict=True))
    return _whole(rule, shared, hits, until) if rule.whole else _slid(rule, shared, hits, until)


def _whole(rule: Correlation, shared: Mapping[str, str], hits: Sequence[Hit], until: Instant) -> Iterator[Hit]:
    stretches: dict[int, list[Hit]] = defaultdict(list)
    for hit in hits:
        stretches[hit.at // seconds(rule.seconds)].append(hit)
    for number, within in stretches.items():
        measured = measure(rule, within)
        if (
            (number + 1) * seconds(rule.seconds) <= until
            and measured is not None
            and all(bound.holds(measured) for bound in rule.bounds)
        ):
            yield _finding(rule, shared, within, within[-1].at)


def _slid(rule: Correlation, shared: Mapping[str, str], hits: Sequence[Hit], until: Instant) -> Iterator[Hit]:
    window, start = Sliding(rule), 0
    satisfied = _satisfied(rule, window, hits, until)
    begin, end, reached = -1, -1, Instant(0)
    for last, hit in enumerate(hits):
        start += window.push(hit)
        if not satisfied(start, last):
            continue
        if begin >= 0 and start > end:
            yield _finding(rule, shared, hits[begin : end + 1], reached)
            begin = -1
        if begin < 0:
            begin, reached = start, hit.at
        end = last
    if begin >= 0:
        yield _finding(rule, shared, hits[begin : end + 1], reached)


def _satisfied(rule: Correlation, window: Sliding, hits: Sequence[Hit], until: Instant) -> Callable[[int, int], bool]:
    """Returns what tells whether the condition holds of the window from one hit to another."""
    if rule.expression is None:
        return lambda _start, _last: all(bound.holds(window.measured()) for bound in rule.bounds)
    course = _Course.of(rule, hits, until)
    expression = rule.expression
    return lambda start, last: course.holds(expression, start, last)


@dataclass(frozen=True)
class _Course:
    """Where in a group's hits each rule was hit."""

    rule: Correlation
    places: Mapping[str, Sequence[int]]
    times: Sequence[Instant]
    until: Instant
    waits: bool

    @classmethod
    def of(cls, rule: Correlation, hits: Sequence[Hit], until: Instant) -> "_Course":
        places: dict[str, list[int]] = defaultdict(list)
        for index, hit in enumerate(hits):
            places[hit.rule].append(index)
        waits = rule.expression is not None and any(isinstance(leaf, Absent) for leaf in leaves(rule.expression))
        return cls(rule, places, [hit.at for hit in hits], until, waits)

    def holds(self, expression: Expression, start: int, last: int) -> bool:
        """Tells whether the expression holds of the hits from `start` to `last`."""
        if self.waits and self.times[last] + seconds(self.rule.seconds) > self.until:
            return False
        reached = self._reached(expression, start, last)
        return reached is not None and reached <= last + 1

    def _reached(self, expression: Expression, start: int, last: int) -> int | None:
        """Returns behind which hit at or after `start` the expression first holds; None if behind none."""
        match expression:
            case Occurs():
                return self._next(expression.rule, start)
            case Absent():
                return start if self._absent(expression.rule, last) else None
            case Every():
                return self._every(expression, start, last)
            case _:
                ends = [self._reached(part, start, last) for part in expression.parts]
                return min((end for end in ends if end is not None), default=None)

    def _every(self, expression: Every, start: int, last: int) -> int | None:
        furthest = start
        for part in expression.parts:
            begin = furthest if self.rule.kind is Kind.TEMPORAL_ORDERED else start
            end = self._reached(part, begin, last)
            if end is None:
                return None
            furthest = max(furthest, end)
        return furthest

    def _next(self, rule: str, start: int) -> int | None:
        places = self.places.get(rule, ())
        found = bisect_left(places, start)
        return places[found] + 1 if found < len(places) else None

    def _absent(self, rule: str, last: int) -> bool:
        span = seconds(self.rule.seconds)
        first = bisect_left(self.times, self.times[last] - span)
        behind = bisect_right(self.times, self.times[last] + span)
        following = self._next(rule, first)
        return following is None or following > behind


def _finding(rule: Correlation, shared: Mapping[str, str], hits: Sequence[Hit], at: Instant) -> Hit:
    events = Counter(event for hit in hits for event in hit.events)
    matches = dict.fromkeys(match for hit in hits for match in hit.matches)
    return Hit(rule=rule.head.id, at=at, events=tuple(events), matches=tuple(matches), fields=shared)

"""What a stretch of time amounts to: how many hits, how many different values, what sum, mean or percentile."""

import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from statistics import mean, median

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.soc.detection.correlations import Correlation, Kind
from safeconduct.soc.model import Match

NUMBER_CHARS_MAX = 40
"""Characters of a value read as a number. No quantity is longer; a power of a billion digits would be an attack."""

_DISTINCT = {Kind.VALUE_COUNT, Kind.TEMPORAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A rule held. `at` is when: for a count, when it was reached. `fields` are the values that others group by."""

    rule: str
    at: Instant
    events: tuple[EventId, ...]
    matches: tuple[Match, ...]
    fields: Mapping[str, str]


def number(text: str) -> Fraction | None:
    """Reads a decimal number exactly, so that sums don't depend on their order; None for anything else."""
    if len(text) > NUMBER_CHARS_MAX or "e" in text.lower() or "/" in text or "_" in text:
        return None
    try:
        return Fraction(text)
    except ValueError:
        return None


def measure(rule: Correlation, hits: Iterable[Hit]) -> Fraction | None:
    """Returns what some hits amount to; None where a mean or a percentile has no number to be of."""
    if rule.kind is Kind.EVENT_COUNT:
        return Fraction(sum(1 for _ in hits))
    if rule.kind in _DISTINCT:
        return Fraction(len({key for hit in hits if (key := counted(rule, hit))}))
    numbers = sorted(value for hit in hits if (value := _number(rule, hit)) is not None)
    if rule.kind is Kind.VALUE_SUM:
        return sum(numbers, Fraction(0))
    return _middle(rule, numbers) if numbers else None


def counted(rule: Correlation, hit: Hit) -> tuple[str, ...]:
    """Returns what counts once however often it comes; nothing for a hit without the values."""
    if rule.kind is not Kind.VALUE_COUNT:
        return (hit.rule,)
    values = tuple(hit.fields.get(name, "").lower() for name in rule.value_fields)
    return values if all(values) else ()


def _middle(rule: Correlation, numbers: list[Fraction]) -> Fraction:
    if rule.kind is Kind.VALUE_AVG:
        return mean(numbers)
    if rule.kind is Kind.VALUE_MEDIAN:
        return median(numbers)
    # The nearest rank: the smallest number that so many per cent are no greater than.
    return numbers[max(0, math.ceil(len(numbers) * rule.percentile / 100) - 1)]


def _number(rule: Correlation, hit: Hit) -> Fraction | None:
    return number(hit.fields.get(rule.value_fields[0], ""))


@dataclass
class Sliding:
    """The hits within one timespan, measured as they come and go: a flood costs no more per hit than a trickle."""

    rule: Correlation
    hits: deque[Hit] = field(default_factory=deque)
    kinds: Counter[tuple[str, ...]] = field(default_factory=Counter)
    total: Fraction = Fraction(0)

    def push(self, hit: Hit) -> int:
        """Takes a hit in, lets go of those now too old, and returns how many it let go."""
        self._count(hit, 1)
        self.hits.append(hit)
        dropped = 0
        while self.hits[0].at + seconds(self.rule.seconds) < hit.at:
            self._count(self.hits.popleft(), -1)
            dropped += 1
        return dropped

    def measured(self) -> Fraction:
        """Returns what the hits in it amount to."""
        if self.rule.kind is Kind.EVENT_COUNT:
            return Fraction(len(self.hits))
        return self.total if self.rule.kind is Kind.VALUE_SUM else Fraction(len(self.kinds))

    def _count(self, hit: Hit, step: int) -> None:
        if self.rule.kind is Kind.VALUE_SUM:
            self.total += step * (_number(self.rule, hit) or 0)
        elif self.rule.kind in _DISTINCT and (key := counted(self.rule, hit)):
            self.kinds[key] += step
            if not self.kinds[key]:
                del self.kinds[key]

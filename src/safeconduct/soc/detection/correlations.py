"""Rules that count the hits of others: what is measured in a stretch of time, and what must hold of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias

from safeconduct.soc.detection.ir import Head, Operator


class Kind(StrEnum):
    """What a correlation measures within its timespan, per group."""

    EVENT_COUNT = "event_count"
    VALUE_COUNT = "value_count"
    VALUE_SUM = "value_sum"
    VALUE_AVG = "value_avg"
    VALUE_MEDIAN = "value_median"
    VALUE_PERCENTILE = "value_percentile"
    TEMPORAL = "temporal"
    TEMPORAL_ORDERED = "temporal_ordered"


_FALL_AGAIN = {Kind.VALUE_AVG, Kind.VALUE_MEDIAN, Kind.VALUE_PERCENTILE}


@dataclass(frozen=True, slots=True)
class Bound:
    """A comparison of what was measured."""

    operator: Operator
    limit: Fraction

    @property
    def lasts(self) -> bool:
        """True if more can only make it hold, so that it needs no waiting for the end of the timespan."""
        return self.operator in {Operator.GREATER, Operator.GREATER_OR_EQUAL}

    def holds(self, measured: Fraction) -> bool:
        """Compares."""
        match self.operator:
            case Operator.GREATER:
                return measured > self.limit
            case Operator.GREATER_OR_EQUAL:
                return measured >= self.limit
            case Operator.LESS:
                return measured < self.limit
            case Operator.LESS_OR_EQUAL:
                return measured <= self.limit
            case Operator.EQUALS:
                return measured == self.limit
            case _:
                return measured != self.limit


@dataclass(frozen=True, slots=True)
class Occurs:
    """A rule was hit."""

    rule: str


@dataclass(frozen=True, slots=True)
class Absent:
    """A rule was not hit, for the timespan before and after the hit that completes the rest."""

    rule: str


@dataclass(frozen=True, slots=True)
class Every:
    """Each part holds; where order matters, one after the other."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds."""

    parts: tuple["Expression", ...]


Expression: TypeAlias = Occurs | Absent | Every | Either


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """A measure over hits of other rules.

    `rules` are their ids, in order; `group_by` fields whose values a group's hits share; `aliases` the name a group-by
    field has in each rule; `value_fields` whose values are counted or measured; `bounds` must all hold of the measure,
    or where there are none, `expression` of the rules that were hit.
    """

    head: Head
    kind: Kind
    rules: tuple[str, ...]
    group_by: tuple[str, ...] = ()
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    value_fields: tuple[str, ...] = ()
    percentile: int = 0
    bounds: tuple[Bound, ...] = ()
    expression: Expression | None = None
    seconds: int

    @property
    def whole(self) -> bool:
        """True if what was found can cease to be true as more arrives: it is judged on whole stretches of time."""
        return self.kind in _FALL_AGAIN or not all(bound.lasts for bound in self.bounds)


def leaves(expression: Expression) -> Iterator[Occurs | Absent]:
    """Yields what an expression asks of single rules."""
    match expression:
        case Occurs() | Absent():
            yield expression
        case Every() | Either():
            for part in expression.parts:
                yield from leaves(part)


def names_hits(expression: Expression) -> bool:
    """Tells whether some rule was hit whenever the expression holds: without one there is nothing to show."""
    match expression:
        case Occurs():
            return True
        case Absent():
            return False
        case Every():
            return any(map(names_hits, expression.parts))
        case Either():
            return all(map(names_hits, expression.parts))

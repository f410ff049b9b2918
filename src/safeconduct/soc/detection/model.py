"""Rules in our own form: conditions over predicates, and counts of hits over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from safeconduct.kernel.errors import InvalidInputError


class RuleError(InvalidInputError):
    """A rule that cannot be used: `rule-invalid` if it is no Sigma rule, `rule-unsupported` if we can't run it."""

    default_code = "rule-invalid"


class Operator(StrEnum):
    """How a field's value is compared. Text is compared without regard to case unless the predicate is `cased`."""

    EQUALS = "equals"
    CONTAINS = "contains"
    STARTS_WITH = "startswith"
    ENDS_WITH = "endswith"
    WILDCARD = "wildcard"
    REGEX = "re"
    CIDR = "cidr"
    NULL = "null"
    EXISTS = "exists"
    LESS = "lt"
    LESS_OR_EQUAL = "lte"
    GREATER = "gt"
    GREATER_OR_EQUAL = "gte"
    UNEQUAL = "neq"
    SAME_AS = "fieldref"


@dataclass(frozen=True, slots=True)
class Predicate:
    """A field, an operator, a value. Without a field, any value of the raw record may satisfy it.

    `flags` are Python's for `re` and `wildcard`, whose value is a pattern; `shown` is the value as the rule has it.
    """

    field: str
    operator: Operator
    value: str
    shown: str
    cased: bool = False
    flags: int = 0


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part must hold."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part must hold. Those that do are all reported."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part must not hold."""

    part: "Node"


Node: TypeAlias = Predicate | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What every rule says of itself. `digest` is over its content, and that of the rules it counts.

    `alerts` tells whether a hit is an alert: a rule that others count makes none of its own unless they say so.
    """

    id: str
    name: str
    title: str
    level: str
    digest: str
    techniques: tuple[str, ...] = ()
    description: str = ""
    falsepositives: tuple[str, ...] = ()
    author: str = ""
    alerts: bool = True


@dataclass(frozen=True, slots=True)
class LogSource:
    """Which records a rule is for. An empty part means any."""

    category: str = ""
    product: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    """A condition on one event."""

    head: Head
    source: LogSource
    condition: Node


class Kind(StrEnum):
    """What a correlation looks for within its timespan, per group."""

    EVENT_COUNT = "event_count"
    VALUE_COUNT = "value_count"
    TEMPORAL = "temporal"
    TEMPORAL_ORDERED = "temporal_ordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """A count over hits of other rules.

    `rules` are their ids, in order; `group_by` fields whose values a group's hits share; `aliases` the name a group-by
    field has in each rule; `value_field` what distinct values are counted of; `count` compared by `operator`.
    """

    head: Head
    kind: Kind
    rules: tuple[str, ...]
    group_by: tuple[str, ...] = ()
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    value_field: str = ""
    operator: Operator = Operator.GREATER_OR_EQUAL
    count: int = 1
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules ready to run; correlations stand after the rules they count."""

    events: Sequence[EventRule] = ()
    correlations: Sequence[Correlation] = ()

    def heads(self) -> list[Head]:
        """Returns what each rule says of itself, by title."""
        found = [rule.head for rule in self.events] + [rule.head for rule in self.correlations]
        return sorted(found, key=lambda head: (head.title, head.id))

"""Rules that count the hits of others over time, and sets of rules ready to run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.soc.detection.ir import Head, Operator, RuleIR


class RuleError(InvalidInputError):
    """A rule that cannot be used: `rule-invalid` if it is no Sigma rule, `rule-unsupported` if we can't run it."""

    default_code = "rule-invalid"


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

    events: Sequence[RuleIR] = ()
    correlations: Sequence[Correlation] = ()

    def heads(self) -> list[Head]:
        """Returns what each rule says of itself, by title."""
        found = [rule.head for rule in self.events] + [rule.head for rule in self.correlations]
        return sorted(found, key=lambda head: (head.title, head.id))

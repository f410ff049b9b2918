"""The intermediate form of a rule: conditions over predicates, with nothing left of Sigma's own spelling.

Every back end starts here: the live matcher, the queries of hunts. It is plain data: two rules that say the same are
equal, and what is equal is answered alike by each of them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


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
    CONTAINS_FIELD = "fieldref|contains"
    STARTS_WITH_FIELD = "fieldref|startswith"
    ENDS_WITH_FIELD = "fieldref|endswith"

    __hash__ = str.__hash__  # an enumeration's own is a call in Python, for every predicate asked


FIELD_OPERATORS = frozenset(
    {Operator.SAME_AS, Operator.CONTAINS_FIELD, Operator.STARTS_WITH_FIELD, Operator.ENDS_WITH_FIELD}
)
"""Those whose value is the name of another field of the same event. One that is empty there is like none."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """A field, an operator, a value. Without a field (`""`), any value of the raw record may satisfy it.

    `flags` are Python's for `re` and `wildcard`, whose value is a pattern; `shown` is the value as the rule has it.
    """

    field: str
    operator: Operator
    value: str
    shown: str
    cased: bool = False
    flags: int = 0


@dataclass(frozen=True, slots=True)
class And:
    """Every part must hold."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part must hold. Those that do are all reported."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part must not hold."""

    part: "Node"


Node: TypeAlias = Predicate | And | Or | Not


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
class RuleIR:
    """A condition on one event."""

    head: Head
    source: LogSource
    condition: Node

"""A hunt as a value: what people and models may ask of the stored events, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_network

from safeconduct.kernel.errors import InvalidInputError, LimitedError
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Duration, Instant
from safeconduct.soc.hunts.columns import COLUMNS, whole_number
from safeconduct.soc.model import Alert

WHERE_MAX = 32
"""Conditions of a hunt: more than any person writes, few enough that every engine plans them at once."""

VALUE_CHARS_MAX = 4_096
"""Characters of a compared value. Command lines on Windows end at 32,767; nobody looks for a whole one."""

FIELD_CHARS_MAX = 256
"""Characters of a field, as long as any JSON pointer of the telemetry we know."""

GROUP_MAX = 4
"""Columns a hunt groups by; a table with more is read by nobody."""

LIMIT_MAX = 10_000
"""Rows or events one answer names; what it counts is not limited."""

CITED = 2
"""Events each row of a grouped answer cites: its first and its last."""

ROOTS = ("/raw/", "/ocsf/")
"""How a field begins that is no column."""


class Comparison(StrEnum):
    """How a field's value is compared; text without regard to case. Only columns of whole numbers have an order."""

    EQUALS = "equals"
    CONTAINS = "contains"
    STARTS_WITH = "startswith"
    ENDS_WITH = "endswith"
    EXISTS = "exists"
    WITHIN = "cidr"
    LESS = "lt"
    LESS_OR_EQUAL = "lte"
    GREATER = "gt"
    GREATER_OR_EQUAL = "gte"


ORDERED = frozenset(
    (Comparison.LESS, Comparison.LESS_OR_EQUAL, Comparison.GREATER, Comparison.GREATER_OR_EQUAL),
)
ADDRESSES = frozenset(("src_ip", "dst_ip"))
"""Columns that `cidr` compares."""


class Order(StrEnum):
    """What comes first in an answer: by time, or, for grouped ones, by how many events a row counts."""

    OLDEST = "oldest"
    NEWEST = "newest"
    MOST = "most"
    LEAST = "least"


def no_hunt(message: str) -> InvalidInputError:
    """Returns the error that says why something is no hunt."""
    return InvalidInputError(message, code="hunt-invalid", remedy="safeconduct hunt columns shows what a hunt may ask")


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on one field: a common column's name, or a JSON pointer into the event's document without indexes.

    It holds if any value there compares so; `negated`, if none does, so also where there is no value.

    Raises:
        InvalidInputError: it is none (`hunt-invalid`), and why.
    """

    field: str
    operator: Comparison
    value: str = ""
    negated: bool = False

    def __post_init__(self) -> None:
        column = COLUMNS.get(self.field)
        if column is None and not self.field.startswith(ROOTS):
            raise no_hunt(f"{self.field[:64]!r} is neither a column nor a pointer that begins with /raw/ or /ocsf/")
        if len(self.field) > FIELD_CHARS_MAX or len(self.value) > VALUE_CHARS_MAX:
            raise no_hunt(f"a field has {FIELD_CHARS_MAX} characters at most, a value {VALUE_CHARS_MAX}")
        if self.operator in ORDERED and (column is None or not column.whole):
            raise no_hunt(f"{self.operator} compares whole numbers, and {self.field[:64]!r} is no column of these")
        if column is not None and column.whole:
            self._check_whole()
        if self.operator is Comparison.WITHIN:
            self._check_network()
        if not self.value and self.operator is not Comparison.EXISTS:
            raise no_hunt(f"what {self.field[:64]!r} is compared with is empty; {Comparison.EXISTS} needs no value")

    def _check_whole(self) -> None:
        if self.operator is Comparison.EXISTS:
            return
        if self.operator is not Comparison.EQUALS and self.operator not in ORDERED:
            raise no_hunt(f"{self.field} is a number; it is compared by equals, lt, lte, gt or gte")
        if whole_number(self.value) is None:
            raise no_hunt(f"expected a whole number for {self.field}, got {self.value[:64]!r}")

    def _check_network(self) -> None:
        if self.field not in ADDRESSES:
            raise no_hunt(f"cidr compares {' and '.join(sorted(ADDRESSES))}, not {self.field[:64]!r}")
        try:
            ip_network(self.value)
        except ValueError as error:
            raise no_hunt(f"expected a network such as 192.0.2.0/24, got {self.value[:64]!r}") from error


@dataclass(frozen=True, slots=True)
class Reach:
    """Which events an answer covers: those of one life of the event index, up to a number of arrival."""

    generation: str = ""
    number: int = 0

    def floor(self, generation: str) -> int:
        """Returns after which number what has come since begins: an index that was made again is all new."""
        return self.number if self.generation == generation else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunt:
    """Which events, of which sources (all if none), within first <= time <= last, satisfy every condition.

    With `group`, columns, the answer is a row for each combination of their values; without, the events themselves.
    With `since` only what arrived after that reach is looked at, whenever it happened.

    Raises:
        InvalidInputError: it asks for what no hunt may (`hunt-invalid`), and why.
    """

    where: tuple[Where, ...] = ()
    first: Instant | None = None
    last: Instant | None = None
    sources: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    order: Order = Order.OLDEST
    limit: int = 1_000
    since: Reach | None = None

    def __post_init__(self) -> None:
        if len(self.where) > WHERE_MAX or len(self.group) > GROUP_MAX:
            raise no_hunt(f"a hunt has {WHERE_MAX} conditions at most and groups by {GROUP_MAX} columns at most")
        unknown = [name for name in self.group if name not in COLUMNS]
        if unknown or len(set(self.group)) < len(self.group):
            raise no_hunt(f"a hunt groups by columns, each once; got {', '.join(self.group)[:128]!r}")
        if self.order in {Order.MOST, Order.LEAST} and not self.group:
            raise no_hunt(f"only grouped answers are ordered by {self.order}")
        if not 1 <= self.limit <= LIMIT_MAX:
            raise no_hunt(f"expected a limit of 1 to {LIMIT_MAX}, got {self.limit}")
        if self.first is not None and self.last is not None and self.first > self.last:
            raise no_hunt("the window ends before it begins")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHunt:
    """Which alerts Sigma rules would have given over the events of a window: `files` are names and texts of the rules.

    `filled` are the values of placeholders, as `detection.parsing.load` takes them.
    """

    files: tuple[tuple[str, str], ...]
    filled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    first: Instant | None = None
    last: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a hunt may cost: `seconds` of wall time, and `scanned`, events it may look at (all of its window).

    A hunt over its budget is stopped and answers nothing: part of an answer would read as the whole.
    """

    seconds: float = 30.0
    scanned: int = 100_000_000


def over_budget(budget: Budget) -> LimitedError:
    """Returns the error that says a hunt cost too much."""
    return LimitedError(
        f"the hunt was stopped: it may look at {budget.scanned:,} events and take {budget.seconds:g} s",
        code="hunt-over-budget",
        remedy="ask for a shorter window, fewer sources or with a larger budget",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One combination of a group's values (None: the events have none), in lower case as hunts compare it.

    `count` events are in it, from `first` to `last`; `events` cites the first and the last of them by (time, id).
    """

    values: tuple[str | None, ...]
    count: int
    first: Instant
    last: Instant
    events: tuple[EventId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntResult:
    """What a hunt found. An answer of nothing says what was looked at.

    `rows` of a grouped hunt, `events` of one that is not, each limited; `counted` events satisfy the hunt in all.
    `scanned` events are of its sources and window, whatever the conditions, and `sources` says how many of each source:
    one that is not there has no telemetry in that window. `took` is wall time. `query` is what an engine was asked, in
    its own language, for people to see; nobody's text becomes such a query. `reach` are the events it covers.
    """

    rows: tuple[Row, ...] = ()
    events: tuple[EventId, ...] = ()
    counted: int
    scanned: int
    sources: Mapping[str, int] = field(default_factory=dict)
    took: Duration
    query: str = ""
    reach: Reach = Reach()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHuntResult:
    """The alerts, just those that `detect` gives over all events of the window. `looked_at` events were read for them.

    `scanned`, `sources`, `took` and `query` are as in `HuntResult`.
    """

    alerts: tuple[Alert, ...]
    looked_at: int
    scanned: int
    sources: Mapping[str, int] = field(default_factory=dict)
    took: Duration
    query: str = ""

"""A SIEM as this house may use it: which tables a hunt may be asked of, by which names, and within what limits."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safeconduct.kernel.errors import InvalidInputError, RefusedError
from safeconduct.kernel.instants import DAY, SECOND, Duration, Instant
from safeconduct.soc.hunts.columns import COLUMNS
from safeconduct.soc.hunts.model import Comparison, Hunt, Order
from safeconduct.soc.ocsf.own import ACTIVITY_MAX, CLASS_MAX
from safeconduct.soc.predicates import Judgment

NAME = re.compile(r"[A-Za-z_@][A-Za-z0-9_@-]{0,127}(\.[A-Za-z0-9_@][A-Za-z0-9_@-]{0,127}){0,15}")
"""What names a field of a SIEM: steps joined by dots. No platform's query language has a meaning for any of these
characters within its quotes, and none gets a name that is not one."""

TABLE = re.compile(r"[A-Za-z0-9_.*][A-Za-z0-9_.*:-]{0,254}")
"""What names a table, an index or a pattern of indexes."""

ROWS_MAX = 10_000
"""Rows one search brings at most. The platforms' own limits are 10,000 (ES|QL), 50,000 (Splunk) and 100,000 (Graph)."""

WINDOW_MAX = Duration(30 * DAY)
"""The longest window of one search: advanced hunting keeps 30 days."""

_CLASSES = frozenset({0, *range(1000, CLASS_MAX + 1)})

TELLING = "[safeconduct:"
"""How our mark in a comment begins. What bears it was said by us: it is neither taken in again nor said twice."""


SIGNS: Mapping[Comparison, str] = {
    Comparison.EQUALS: "==",
    Comparison.LESS: "<",
    Comparison.LESS_OR_EQUAL: "<=",
    Comparison.GREATER: ">",
    Comparison.GREATER_OR_EQUAL: ">=",
}
"""How each platform's language compares numbers."""


class Platform(StrEnum):
    """What kind of SIEM it is."""

    MICROSOFT = "microsoft"
    SPLUNK = "splunk"
    ELASTIC = "elastic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table that may be asked. `time` is its field of the event's time, `columns` its names for common columns.

    A `/raw/FIELD` of a hunt is the table's own field of that name, with dots for the steps below. `class_uid` and
    `activity_id` are what its rows are in OCSF (`meaning.mapping_of`); 0: what the names of their fields say.

    Raises:
        InvalidInputError: a name is none, a column is not a common one, or its rows are of no class that a mapping may
            say (`siem-table-invalid`).
    """

    name: str
    time: str
    columns: Mapping[str, str]
    class_uid: int = 0
    activity_id: int = 0

    def __post_init__(self) -> None:
        for name in (self.time, *self.columns.values()):
            if not NAME.fullmatch(name):
                raise _no_table(f"{name[:64]!r} is no field's name: letters, digits, _, @ and -, steps joined by dots")
        if not TABLE.fullmatch(self.name):
            raise _no_table(f"{self.name[:64]!r} is no table's name")
        unknown = sorted(self.columns.keys() - COLUMNS.keys())
        if unknown:
            raise _no_table(f"{unknown[0][:64]!r} is no common column; safeconduct hunt columns lists them")
        if self.class_uid not in _CLASSES or not 0 <= self.activity_id < ACTIVITY_MAX:
            said = f"class {self.class_uid} with activity {self.activity_id}"
            raise _no_table(f"rows are of an OCSF class with an activity below {ACTIVITY_MAX}, not of {said}")

    def field(self, asked: str) -> str:
        """Returns the table's name for what a hunt asks.

        Raises:
            InvalidInputError: it has none (`siem-column-missing`).
        """
        named = self.columns.get(asked, "")
        if not named and asked.startswith("/raw/"):
            named = asked.removeprefix("/raw/").replace("/", ".")
        if not NAME.fullmatch(named):
            raise InvalidInputError(
                f"table {self.name} has no {asked[:64]!r}; it has {', '.join(sorted(self.columns)) or 'no columns'}",
                code="siem-column-missing",
                remedy="ask by a column that the table has, by /raw/ and one of its fields, or name the column",
            )
        return named


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What may be asked of a SIEM: these tables, so far back at once, so many rows a search, searches an hour.

    Raises:
        InvalidInputError: it allows nothing, or more than ROWS_MAX and WINDOW_MAX (`siem-table-invalid`).
    """

    tables: tuple[Table, ...]
    window: Duration = DAY
    rows: int = 1_000
    searches_per_hour: int = 60

    def __post_init__(self) -> None:
        if not (0 < self.window <= WINDOW_MAX and 1 <= self.rows <= ROWS_MAX and self.searches_per_hour >= 1):
            raise _no_table(f"a search spans up to {WINDOW_MAX // DAY} days and brings 1 to {ROWS_MAX} rows")

    def table(self, name: str) -> Table:
        """Returns the table.

        Raises:
            RefusedError: it is not of the scope (`siem-table-outside`).
        """
        found = next((table for table in self.tables if table.name == name), None)
        if found is None:
            known = ", ".join(table.name for table in self.tables)
            raise RefusedError(
                f"table {name[:64]!r} is not to be asked; these are: {known or 'none'}",
                code="siem-table-outside",
                clause="siem/tables",
                remedy="name one of them, or have it added to the file of SIEMs",
            )
        return found

    def admit(self, hunt: Hunt) -> tuple[Instant, Instant]:
        """Returns the window of a hunt that may be asked.

        Raises:
            InvalidInputError: it has no window, groups, or names sources: a SIEM brings events of one table
                (`siem-hunt-invalid`).
            RefusedError: it asks for more than the scope holds (`siem-outside`).
        """
        if hunt.first is None or hunt.last is None or hunt.group or hunt.sources:
            raise InvalidInputError(
                "a hunt in a SIEM has a first and a last instant, groups nothing and names no sources",
                code="siem-hunt-invalid",
                remedy="group and count what it brought with a hunt over the stored events",
            )
        if hunt.last - hunt.first > self.window or hunt.limit > self.rows:
            raise RefusedError(
                f"a search here spans {self.window // SECOND} s at most and brings {self.rows} rows at most",
                code="siem-outside",
                clause="siem/scope",
                remedy="ask for less at once, or have the file of SIEMs allow more",
            )
        return hunt.first, hunt.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A hunt in a platform's own language: its text, as people see it, and the values that go beside the text.

    It asks for one row more than `limit`, which tells whether there are more.
    """

    platform: Platform
    table: Table
    text: str
    first: Instant
    last: Instant
    limit: int
    values: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Rows as the platform gave them, in the search's order, and whether these are all."""

    rows: Sequence[Mapping[str, Any]]
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SiemAlert:
    """An alert as its SIEM has it, and how grave it calls it, in its own word and lower case.

    `ours` says that it bears our mark: somebody was told of it by us.
    """

    id: str
    at: Instant
    title: str
    severity: str
    record: Mapping[str, Any]
    ours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerted:
    """Alerts, oldest first, and whether these are all."""

    alerts: Sequence[SiemAlert]
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What a SIEM is to be told of one of its alerts: a judgment and a line for people. `entry` makes the mark."""

    alert: str
    judgment: Judgment
    line: str
    entry: str

    @property
    def mark(self) -> str:
        """What the comment bears, by which it is found again."""
        return f"{TELLING}{self.entry}]"

    @property
    def comment(self) -> str:
        """The comment's text."""
        return f"{self.line} {self.mark}"


def newest_first(hunt: Hunt) -> bool:
    """Tells which end of the window counts where there are more rows than asked for."""
    return hunt.order is Order.NEWEST


def _no_table(message: str) -> InvalidInputError:
    return InvalidInputError(message, code="siem-table-invalid", remedy="correct the file of SIEMs")

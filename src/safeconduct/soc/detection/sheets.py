"""Events of a batch laid out for matching: per field, which rows have which text."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from safeconduct.soc.detection.bitmaps import bits_of
from safeconduct.soc.detection.ir import LogSource
from safeconduct.soc.detection.values import text_of
from safeconduct.soc.detection.views import View
from safeconduct.soc.detection.windows_fields import HEADER, SYSTEM, spellings
from safeconduct.soc.detection.windows_sources import Names
from safeconduct.soc.model import Event
from safeconduct.soc.windows import FLAT_HEADER, SOURCE, Glance

BETWEEN = "\0"
"""Stands between an event's values where keywords are looked for; no keyword that holds it is looked for so."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What to read of the events of one stream, for the rules of those log sources that name its fields alike.

    `data` are fields of a Windows record's own data with their spellings, `header` those that a glance tells with their
    place in it, `viewed` all others; `keywords` tells that some rule looks for words anywhere.
    """

    names: Names
    sources: frozenset[LogSource]
    data: tuple[tuple[str, tuple[str, ...]], ...]
    header: tuple[tuple[str, int], ...]
    viewed: tuple[str, ...]
    keywords: bool


def plan(stream_source: str, names: Names, sources: Iterable[LogSource], fields: Iterable[str]) -> Plan:
    """Returns the plan for rules of log sources that name these fields; the empty field stands for keywords."""
    wanted = sorted(fields)
    named = [name for name in wanted if name]
    in_record = [name for name in named if stream_source == SOURCE and not name.startswith("ocsf.")]
    data = [name for name in in_record if not {name, *names.get(name, ())} & (SYSTEM | HEADER.keys() | FLAT_HEADER)]
    header = [name for name in in_record if name in _GLANCED]
    return Plan(
        names=names,
        sources=frozenset(sources),
        data=tuple((name, spellings(name, names)) for name in data),
        header=tuple((name, _GLANCED[name]) for name in header),
        viewed=tuple(name for name in named if name not in {*data, *header}),
        keywords="" in wanted,
    )


_GLANCED = {"Channel": 0, "Provider_Name": 1, "EventID": 2}

Column = dict[str, list[int]]


def _columns() -> defaultdict[str, Column]:
    return defaultdict(dict)


@dataclass
class Sheet:
    """Rows whose fields stand under the same names."""

    names: Names
    rows: dict[Plan, list[int]] = field(default_factory=dict)
    columns: defaultdict[str, Column] = field(default_factory=_columns)
    words: list[tuple[int, str]] = field(default_factory=list)

    def take(self, row: int, event: Event, glanced: Glance | None, of: Plan) -> None:
        """Lays an event out as the plan says."""
        self.rows.setdefault(of, []).append(row)
        if glanced is not None:
            self._take_record(row, glanced, of)
        if of.viewed:
            view = View(event, of.names)
            for name in of.viewed:
                for _, value in view.values(name):
                    self._put(name, value, row)
        if of.keywords:
            texts: list[str] = []
            _texts(event.raw.values(), texts)
            self.words.append((row, BETWEEN.join(texts).lower()))

    def covered(self, wanted: LogSource, size: int) -> int:
        """Returns the set of rows that are of a log source."""
        return bits_of((row for of, rows in self.rows.items() if wanted in of.sources for row in rows), size)

    def filled(self, name: str, size: int, *, empty: bool) -> int:
        """Returns the set of rows that have a value in a field; `empty` tells whether an empty one counts."""
        column: Mapping[str, list[int]] = self.columns.get(name, {})
        return bits_of((row for text, rows in column.items() if text or empty for row in rows), size)

    def _take_record(self, row: int, glanced: Glance, of: Plan) -> None:
        own, columns = glanced[3], self.columns
        for name, place in of.header:
            columns[name].setdefault(str(glanced[place]), []).append(row)
        for name, spelled in of.data:
            for spelling in spelled:
                value = own.get(spelling)
                if value is not None:
                    if type(value) is str:
                        columns[name].setdefault(value, []).append(row)
                    else:
                        self._put(name, value, row)
                    break

    def _put(self, name: str, value: object, row: int) -> None:
        if isinstance(value, list):
            for one in value:
                self._put(name, one, row)
        elif value is not None:
            self.columns[name].setdefault(text_of(value), []).append(row)


def _texts(values: Iterable[object], into: list[str]) -> None:
    """Adds every scalar's text. Exact types, for this is done for every value of every event: they come from JSON."""
    for value in values:
        kind = type(value)
        if kind is str:
            into.append(value)  # type: ignore[arg-type]
        elif kind is dict:
            _texts(value.values(), into)  # type: ignore[attr-defined]
        elif kind is list:
            _texts(value, into)  # type: ignore[arg-type]
        elif value is not None:
            into.append(text_of(value))

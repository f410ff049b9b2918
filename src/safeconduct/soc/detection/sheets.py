"""Events of a batch laid out for matching: per field, which rows have which text."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from safeconduct.soc.detection.bitmaps import bits_of
from safeconduct.soc.detection.ir import LogSource
from safeconduct.soc.detection.planning import Plan
from safeconduct.soc.detection.tables import BETWEEN
from safeconduct.soc.detection.values import text_of
from safeconduct.soc.detection.views import View
from safeconduct.soc.detection.windows_fields import header_of
from safeconduct.soc.detection.windows_sources import Names
from safeconduct.soc.model import Event
from safeconduct.soc.windows import Glance

_NONE: AbstractSet[str] = frozenset()

Texts = dict[str, list[int]]


def _columns() -> defaultdict[str, Texts]:
    return defaultdict(dict)


class _Asked(NamedTuple):
    """Which members of a record are asked for, with the columns they go to; worked out once for all that have the same.

    `spelled` are fields with more than one spelling, each with those that such records have.
    """

    plain: Sequence[tuple[str, Texts, AbstractSet[str]]]
    spelled: Sequence[tuple[Texts, Sequence[str]]]


@dataclass
class _Taken:
    """What a plan reads, joined to the columns it goes to, and the rows it is read of."""

    of: Plan
    columns: defaultdict[str, Texts]
    barren: Mapping[str, AbstractSet[str]]
    rows: list[int] = field(default_factory=list)
    asked: dict[tuple[str, ...], _Asked] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.header = [(self.columns[name], place) for name, place in self.of.header]

    def record(self, row: int, glanced: Glance, raw: Mapping[str, Any]) -> None:
        for texts, place in self.header:
            texts.setdefault(str(glanced[place]), []).append(row)
        own = glanced[3]
        for name in self.of.system:
            value = own.get(name)
            _put(self.columns[name], header_of(raw)[0].get(name) if value is None else value, row)
        members = tuple(own)
        asked = self.asked.get(members)
        if asked is None:
            asked = self.asked[members] = self._asked_of(own)
        for name, texts, barren in asked.plain:
            value = own[name]
            if type(value) is not str:
                _put(texts, value, row)
            elif value in texts:
                texts[value].append(row)
            elif value not in barren:
                texts[value] = [row]
        for texts, spellings in asked.spelled:
            _put(texts, next((own[name] for name in spellings if own[name] is not None), None), row)

    def event(self, row: int, event: Event) -> None:
        view = View(event, self.of.names)
        for name in self.of.viewed:
            for _, value in view.values(name):
                _put(self.columns[name], value, row)

    def _asked_of(self, own: Mapping[str, Any]) -> _Asked:
        there = ((name, spelled, [one for one in spelled if one in own]) for name, spelled in self.of.data)
        data = [(self.columns[name], self.barren.get(name, _NONE), spelled, had) for name, spelled, had in there if had]
        return _Asked(
            plain=[(had[0], texts, barren) for texts, barren, spelled, had in data if len(spelled) == 1],
            spelled=[(texts, had) for texts, _, spelled, had in data if len(spelled) > 1],
        )


@dataclass
class Sheet:
    """Rows whose fields stand under the same names. `size` is one more than the highest row there may be.

    A text is left out that is among its field's `barren` ones. `words` are the records in which each set of words is
    looked for, by row.
    """

    names: Names
    size: int
    barren: Mapping[str, AbstractSet[str]]
    columns: defaultdict[str, Texts] = field(default_factory=_columns)
    words: defaultdict[frozenset[int], list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    _taken: dict[Plan, _Taken] = field(default_factory=dict)

    def take(self, row: int, event: Event, glanced: Glance | None, of: Plan) -> None:
        """Lays an event out as the plan says."""
        taken = self._taken.get(of)
        if taken is None:
            taken = self._taken[of] = _Taken(of, self.columns, self.barren)
        taken.rows.append(row)
        if glanced is not None:
            taken.record(row, glanced, event.raw)
        if of.viewed:
            taken.event(row, event)
        if of.anywhere:
            _put(self.columns[""], list(event.raw.values()), row)
        if of.words:
            self.words[of.words].append((row, _words(event.raw)))

    def covered(self) -> Mapping[LogSource, int]:
        """Returns the set of rows that are of each log source."""
        found: dict[LogSource, int] = defaultdict(int)
        for of, taken in self._taken.items():
            rows = bits_of(taken.rows, self.size)
            for source in of.sources:
                found[source] |= rows
        return found

    def filled(self, name: str, *, empty: bool) -> int:
        """Returns the set of rows that have a value in a field; `empty` tells whether an empty one counts."""
        column: Mapping[str, list[int]] = self.columns.get(name, {})
        return bits_of((row for text, rows in column.items() if text or empty for row in rows), self.size)


def _put(column: Texts, value: object, row: int) -> None:
    if type(value) is str:
        rows = column.get(value)
        if rows is None:
            column[value] = [row]
        else:
            rows.append(row)
    elif type(value) is int:
        column.setdefault(str(value), []).append(row)
    elif isinstance(value, list):
        for one in value:
            _put(column, one, row)
    elif isinstance(value, dict):
        for one in value.values():
            _put(column, one, row)
    elif value is not None:
        _put(column, text_of(value), row)


def _words(raw: Mapping[str, Any]) -> str:
    """Returns every scalar's text."""
    found: list[str] = []
    _collect(raw.values(), found)
    return BETWEEN.join(found)


def _collect(values: Iterable[object], found: list[str]) -> None:
    # Into one list, what is most often there first: it is done for every value of every event.
    for value in values:
        if type(value) is str:
            found.append(value)
        elif type(value) is int:
            found.append(str(value))
        elif isinstance(value, dict):
            _collect(value.values(), found)
        elif isinstance(value, list):
            _collect(value, found)
        elif value is not None:
            found.append(text_of(value))

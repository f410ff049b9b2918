"""Events of a batch laid out for matching: per field, which rows have which text."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from safeconduct.soc.detection.bitmaps import bits_of
from safeconduct.soc.detection.ir import LogSource
from safeconduct.soc.detection.tables import BETWEEN, Column
from safeconduct.soc.detection.values import text_of
from safeconduct.soc.detection.views import View
from safeconduct.soc.detection.windows_fields import HEADER, SYSTEM, spellings
from safeconduct.soc.detection.windows_sources import Names
from safeconduct.soc.model import Event
from safeconduct.soc.windows import FLAT_HEADER, SOURCE, Glance


@dataclass(frozen=True, eq=False)
class Plan:
    """What to read of the events of one stream, for the rules of those log sources that name its fields alike.

    `data` are fields of a Windows record's own data with their spellings, `header` those that a glance tells with their
    place in it, `viewed` all others; `words` are the numbers of words that rules look for anywhere, and `anywhere`
    tells that one looks there for what only a single value can answer.
    """

    names: Names
    sources: frozenset[LogSource]
    data: tuple[tuple[str, tuple[str, ...]], ...]
    header: tuple[tuple[str, int], ...]
    viewed: tuple[str, ...]
    words: frozenset[int]
    anywhere: bool


def plan(
    stream_source: str, names: Names, sources: Iterable[LogSource], wanted: Collection[Column], words: frozenset[int]
) -> Plan:
    """Returns the plan for rules of log sources that ask these columns and words."""
    named = sorted(name for name in wanted if name)
    in_record = [name for name in named if stream_source == SOURCE and not name.startswith("ocsf.")]
    data = [name for name in in_record if not {name, *names.get(name, ())} & (SYSTEM | HEADER.keys() | FLAT_HEADER)]
    header = [name for name in in_record if name in _GLANCED]
    return Plan(
        names=names,
        sources=frozenset(sources),
        data=tuple((name, spellings(name, names)) for name in data),
        header=tuple((name, _GLANCED[name]) for name in header),
        viewed=tuple(name for name in named if name not in {*data, *header}),
        words=words,
        anywhere="" in wanted,
    )


_GLANCED = {"Channel": 0, "Provider_Name": 1, "EventID": 2}

_NONE: AbstractSet[str] = frozenset()

Texts = dict[str, list[int]]


def _columns() -> defaultdict[str, Texts]:
    return defaultdict(dict)


@dataclass
class _Taken:
    """What a plan reads, joined to the columns it goes to, and the rows it was read of."""

    of: Plan
    columns: defaultdict[str, Texts]
    barren: Mapping[str, AbstractSet[str]]
    rows: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        data = [(self.columns[name], self.barren.get(name, _NONE), spelled) for name, spelled in self.of.data]
        self.plain = [(column, barren, spelled[0]) for column, barren, spelled in data if len(spelled) == 1]
        self.spelled = [(column, spelled) for column, _, spelled in data if len(spelled) > 1]
        self.header = [(self.columns[name], place) for name, place in self.of.header]

    def record(self, row: int, glanced: Glance) -> None:
        own = glanced[3]
        for column, place in self.header:
            column.setdefault(str(glanced[place]), []).append(row)
        for texts, barren, name in self.plain:
            value = own.get(name)
            if type(value) is not str:
                _put(texts, value, row)
            elif value in texts:
                texts[value].append(row)
            elif value not in barren:
                texts[value] = [row]
        for column, spelled in self.spelled:
            for spelling in spelled:
                value = own.get(spelling)
                if value is not None:
                    _put(column, value, row)
                    break

    def event(self, row: int, event: Event) -> None:
        view = View(event, self.of.names)
        for name in self.of.viewed:
            for _, value in view.values(name):
                _put(self.columns[name], value, row)


@dataclass
class Sheet:
    """Rows whose fields stand under the same names. `size` is one more than the highest row there may be.

    A text is left out that is among its field's `barren` ones.
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
            taken.record(row, glanced)
        if of.viewed:
            taken.event(row, event)
        if of.anywhere:
            _put(self.columns[""], list(event.raw.values()), row)
        if of.words:
            self.words[of.words].append((row, _words(event.raw.values())))

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
    elif isinstance(value, list):
        for one in value:
            _put(column, one, row)
    elif isinstance(value, dict):
        for one in value.values():
            _put(column, one, row)
    elif value is not None:
        _put(column, text_of(value), row)


def _words(values: Iterable[object]) -> str:
    """Returns every scalar's text. By exact types, for it is done for every value of every event."""
    return BETWEEN.join(
        [
            value if type(value) is str else str(value) if type(value) is int else _word(value)
            for value in values
            if value is not None
        ]
    )


def _word(value: object) -> str:
    if isinstance(value, dict):
        return _words(value.values())
    return _words(value) if isinstance(value, list) else text_of(value)

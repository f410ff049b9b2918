"""What to read of the events of a stream: the fields that rules for it ask for, and where they stand."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from safeconduct.soc.detection.ir import LogSource
from safeconduct.soc.detection.tables import Column
from safeconduct.soc.detection.views import STREAMS_MAX, Stream, names_for
from safeconduct.soc.detection.windows_fields import HEADER, SYSTEM, spellings
from safeconduct.soc.detection.windows_sources import Names
from safeconduct.soc.windows import FLAT_HEADER, SOURCE

_GLANCED = {"Channel": 0, "Provider_Name": 1, "EventID": 2}


@dataclass(frozen=True, eq=False)
class Plan:
    """What to read of the events of one stream, for the rules of those log sources that name its fields alike.

    Of a Windows record, `data` are fields of its own data with their spellings, `header` those that a glance tells with
    their place in it, `system` further members of the header; `viewed` are all other fields. `words` are the numbers of
    words that rules look for anywhere, and `anywhere` tells that one looks there for what only a single value can
    answer.
    """

    names: Names
    sources: frozenset[LogSource]
    data: tuple[tuple[str, tuple[str, ...]], ...]
    header: tuple[tuple[str, int], ...]
    system: tuple[str, ...]
    viewed: tuple[str, ...]
    words: frozenset[int]
    anywhere: bool


class Plans:
    """The plans of all streams, each made when an event of it first comes."""

    def __init__(
        self, columns: Mapping[LogSource, Collection[Column]], words: Mapping[LogSource, Collection[int]]
    ) -> None:
        """Takes the columns, and the numbers of the words, that rules of each log source ask for."""
        self._columns = columns
        self._words = words
        self._of: dict[Stream, tuple[Plan, ...]] = {}
        self._made: dict[tuple[str, int, frozenset[LogSource]], Plan] = {}

    def of(self, stream: Stream) -> tuple[Plan, ...]:
        """Returns the plans of a stream, one for each way in which log sources name its fields."""
        found = self._of.get(stream)
        if found is None:
            if len(self._of) >= STREAMS_MAX:
                self._of.clear()
            found = self._of[stream] = tuple(self._planned(stream))
        return found

    def _planned(self, stream: Stream) -> Iterator[Plan]:
        fitting: dict[int, tuple[Names, list[LogSource]]] = {}
        for source in self._columns:
            names = names_for(stream, source)
            if names is not None:
                fitting.setdefault(id(names), (names, []))[1].append(source)
        for names, sources in fitting.values():
            # Streams that the same rules are for, which most channels are, share a plan: there are few of them.
            key = (stream.source, id(names), frozenset(sources))
            if key not in self._made:
                self._made[key] = self._plan(stream.source, names, key[2])
            yield self._made[key]

    def _plan(self, events: str, names: Names, sources: frozenset[LogSource]) -> Plan:
        wanted = set[Column]().union(*(self._columns[source] for source in sources))
        named = sorted(name for name in wanted if name)
        in_record = [name for name in named if events == SOURCE and not name.startswith("ocsf.")]
        data = [name for name in in_record if not {name, *names.get(name, ())} & (SYSTEM | HEADER.keys() | FLAT_HEADER)]
        header = [name for name in in_record if name in _GLANCED]
        system = [name for name in in_record if name in SYSTEM and spellings(name, names) == (name,)]
        return Plan(
            names=names,
            sources=sources,
            data=tuple((name, spellings(name, names)) for name in data),
            header=tuple((name, _GLANCED[name]) for name in header),
            system=tuple(system),
            viewed=tuple(name for name in named if name not in {*data, *header, *system}),
            words=frozenset[int]().union(*(self._words[source] for source in sources)),
            anywhere="" in wanted,
        )

"""The event index in dictionaries."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from safeconduct.kernel.beginnings import BEGINNING_MIN
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.model import Event
from safeconduct.soc.ports import DeadLetter, Progress, Reading, unknown_event


class MemoryEventStore:
    """`EventStore` in dictionaries."""

    def __init__(self) -> None:
        self._events: dict[EventId, Event] = {}
        self._progress: dict[str, Progress] = {}
        self._dead: dict[str, dict[int, DeadLetter]] = {}
        self._numbers: dict[EventId, int] = {}
        self._files: dict[EventId, set[str]] = {}
        self._latest = self._destroyed = 0

    def add(self, events: Iterable[Event], *, file: str, reading: Reading) -> int:
        before, whole = len(self._events), list(events)
        for event in whole:
            if event.id not in self._events:
                self._latest += 1
                self._events[event.id], self._numbers[event.id] = event, self._latest
            self._files.setdefault(event.id, set()).add(file)
        self._dead.setdefault(file, {}).update({letter.line: letter for letter in reading.dead})
        former = self.progress(file)
        self._progress[file] = Progress(max(former.lines, reading.lines), former.complete or reading.complete)
        return len(self._events) - before

    def progress(self, file: str) -> Progress:
        return self._progress.get(file, Progress())

    def forget(self, file: str) -> None:
        self._progress.pop(file, None)
        self._dead.pop(file, None)

    def files_of(self, event_ids: Collection[EventId]) -> Mapping[EventId, frozenset[str]]:
        return {key: frozenset(self._files[key]) for key in event_ids if key in self._events}

    def span(self, file: str) -> tuple[int, int]:
        numbers = [self._numbers[key] for key, files in self._files.items() if file in files]
        return (min(numbers), max(numbers)) if numbers else (0, 0)

    def destroy(self, file: str) -> None:
        self.forget(file)
        for key, files in list(self._files.items()):
            files.discard(file)
            if not files:
                del self._events[key], self._numbers[key], self._files[key]

    def renew(self) -> None:
        self._destroyed += 1

    def edition(self) -> str:
        return f"{self.generation()}-{self._destroyed}"

    def dead_letters(self, file: str) -> Sequence[DeadLetter]:
        return [letter for _, letter in sorted(self._dead.get(file, {}).items())]

    def get(self, event_id: EventId) -> Event:
        if event_id not in self._events:
            raise unknown_event(event_id)
        return self._events[event_id]

    def many(self, event_ids: Collection[EventId]) -> Mapping[EventId, Event]:
        return {key: self._events[key] for key in event_ids if key in self._events}

    def begun(self, beginning: str, most: int) -> Sequence[EventId]:
        if len(beginning) < BEGINNING_MIN:
            return []
        return sorted(key for key in self._events if key.startswith(beginning))[:most]

    def between(
        self, first: Instant | None = None, last: Instant | None = None, sources: Collection[str] = ()
    ) -> Iterator[Event]:
        for event in sorted(self._events.values(), key=lambda event: (event.at, event.id)):
            after = first is None or first <= event.at
            before = last is None or event.at <= last
            if after and before and (not sources or event.source in sources):
                yield event

    def generation(self) -> str:
        return f"{id(self):x}"

    def arrived(self, after: int, count: int) -> Sequence[tuple[int, Event]]:
        # A dictionary keeps the order in which its keys came.
        found = ((self._numbers[key], event) for key, event in self._events.items() if self._numbers[key] > after)
        return list(islice(found, count))

    def latest(self) -> int:
        return self._latest

    def counts(self) -> Mapping[str, int]:
        found = sorted({event.source for event in self._events.values()})
        return {source: sum(event.source == source for event in self._events.values()) for source in found}

"""Where events are kept. The contract that every event store is tested against."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from safeconduct.kernel.beginnings import BEGINNING_MIN
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.model import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A line that could not be read: which, why (stable kebab-case `code`), and what it began with."""

    line: int
    code: str
    detail: str
    text: str


@dataclass(slots=True, kw_only=True)
class Reading:
    """How far the reading of a raw file has come, which goes on while its events are taken.

    `lines` are those read so far, `dead` the letters since its events were last added, `complete` that the file was
    read to its end.
    """

    lines: int = 0
    dead: list[DeadLetter] = field(default_factory=list)
    complete: bool = False


HOW_TO_NAME = f"give its id or {BEGINNING_MIN} digits or more of its beginning: safeconduct hunt run prints it"
"""What to do where no event was meant."""


def unknown_event(event_id: str) -> AbsentError:
    """Returns what every store raises for an event that it does not hold."""
    return AbsentError(f"there is no event {event_id[:64]!r}", code="event-unknown", remedy=HOW_TO_NAME)


class EventStore(Protocol):
    """An index of events. Derived (R3): it can be deleted and rebuilt from the raw files, and authorizes nothing.

    Adding is idempotent by event id, so that a file read twice, or half and then whole, is in it exactly once.
    What one call added is durable when it returns, or none of it is there.
    """

    def add(self, events: Iterable[Event], *, file: str, reading: Reading) -> int:
        """Adds events and dead letters of a raw file, in one transaction, and notes how far that file was read.

        `file` is the raw file's SHA-256. Each event is asked for once, and let go before the next; `reading` is looked
        at when they have run out. Returns how many events were new. One whose id is there already is left as it is.
        """
        ...

    def progress(self, file: str) -> "Progress":
        """Returns how far a raw file was read; zero lines for one never seen."""
        ...

    def forget(self, file: str) -> None:
        """Forgets how far a raw file was read, and its dead letters: it is read again, and no event of it is lost."""
        ...

    def files_of(self, event_ids: Collection[EventId]) -> Mapping[EventId, frozenset[str]]:
        """Returns, of the events that are there, the raw files that each was read from."""
        ...

    def span(self, file: str) -> tuple[int, int]:
        """Returns the least and the greatest number of a raw file's events, those too that others have; 0, 0: none."""
        ...

    def destroy(self, file: str) -> None:
        """Destroys what was read from a raw file: events that no other file has, and its dead letters.

        It is done in parts; one that is broken off is gone on with by asking again. Numbers are never given again.
        """
        ...

    def renew(self) -> None:
        """Gives the index another edition, and leaves no byte of what was destroyed in its files.

        Raises:
            UnavailableError: `telemetry-in-use`: somebody reads an earlier state of it. Ask again.
        """
        ...

    def edition(self) -> str:
        """Returns a name that changes where `generation` does, and with each `renew`: of what copies are made."""
        ...

    def dead_letters(self, file: str) -> Sequence[DeadLetter]:
        """Returns a raw file's dead letters in line order."""
        ...

    def get(self, event_id: EventId) -> Event:
        """Returns the event.

        Raises:
            AbsentError: there is none with that id (`event-unknown`).
        """
        ...

    def many(self, event_ids: Collection[EventId]) -> Mapping[EventId, Event]:
        """Returns those of the events that are there."""
        ...

    def begun(self, beginning: str, most: int) -> Sequence[EventId]:
        """Returns up to `most` ids that begin so, in their order; none under fewer than `BEGINNING_MIN` digits."""
        ...

    def between(
        self, first: Instant | None = None, last: Instant | None = None, sources: Collection[str] = ()
    ) -> Iterator[Event]:
        """Yields events with first <= time <= last, of the given sources (of all if none), ordered by (time, id)."""
        ...

    def generation(self) -> str:
        """Returns the name of this index's life: another one where it was deleted and made again."""
        ...

    def arrived(self, after: int, count: int) -> Sequence[tuple[int, Event]]:
        """Returns up to `count` events with their numbers, in order of arrival, beginning with the first over `after`.

        Numbers are positive and rise with every event added, so that what is derived can say how far it got.
        """
        ...

    def latest(self) -> int:
        """Returns the number of the event that arrived last, 0 where none did."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Returns the number of events by source."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a raw file is in the index."""

    lines: int = 0
    complete: bool = False

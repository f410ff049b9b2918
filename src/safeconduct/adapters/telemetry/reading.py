"""One file, from bytes to events and dead letters."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO

from safeconduct.adapters.telemetry import access, audit, evtx, jsonl, syslog, zeek
from safeconduct.adapters.telemetry.documents import records_of
from safeconduct.adapters.telemetry.forms import Form
from safeconduct.adapters.telemetry.lines import (
    LINE_BYTES_MAX,
    SHOWN_CHARS_MAX,
    Line,
    UnreadableError,
    lines_of,
    visible,
)
from safeconduct.kernel.instants import Instant
from safeconduct.soc.inventory import NOTHING, Inventory
from safeconduct.soc.model import Event
from safeconduct.soc.normalizing import Normalizer, Record
from safeconduct.soc.ocsf.own import NO_MAPPING, OwnMapping
from safeconduct.soc.ports import DeadLetter


@dataclass(frozen=True)
class Manner:
    """How a file is to be read, beside its bytes. The same bytes in the same manner give the same events."""

    form: Form
    inventory: Inventory = NOTHING
    host: str = ""
    time_field: str = ""
    zone: str = ""
    mapping: OwnMapping = NO_MAPPING


@dataclass
class Tally:
    """Counts kept while a file is read."""

    lines: int = 0
    events: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    first_at: Instant | None = None
    last_at: Instant | None = None

    def saw(self, event: Event) -> None:
        """Counts an event."""
        self.events[event.source] += 1
        self.first_at = event.at if self.first_at is None else min(self.first_at, event.at)
        self.last_at = event.at if self.last_at is None else max(self.last_at, event.at)


def read(file: IO[bytes], manner: Manner, tally: Tally) -> Iterator[Event | DeadLetter]:
    """Yields the file's events and dead letters in the order of its lines, counting into the tally as it goes."""
    normalizer = Normalizer(manner.inventory, manner.host, manner.mapping)
    for found in _found(file, manner, tally):
        if isinstance(found, DeadLetter):
            tally.dead[found.code] += 1
            yield found
        else:
            event = normalizer.event(found)
            tally.saw(event)
            yield event


def _found(file: IO[bytes], manner: Manner, tally: Tally) -> Iterator[Record | DeadLetter]:
    if manner.form is not Form.EVTX:
        lines = records_of(file) if manner.form is Form.DOCUMENT else lines_of(file)
        yield from _records(_counted(lines, tally), manner)
        return
    for found in evtx.read_log(file):
        tally.lines = found.line
        yield found


def _counted(lines: Iterable[Line], tally: Tally) -> Iterator[Line]:
    for line in lines:
        tally.lines = line.number
        tally.broken += line.broken
        yield line


def _records(lines: Iterable[Line], manner: Manner) -> Iterator[Record | DeadLetter]:
    if manner.form is Form.AUDIT:
        joiner = audit.Joiner()
        for line in lines:
            yield from _told(line, joiner.push)
        yield from joiner.rest()
        return
    if manner.form is Form.ZEEK:
        reader = zeek.Reader()
        for line in lines:
            yield from _told(line, reader.push)
        return
    parse = _PARSERS.get(manner.form) or jsonl.parser(manner.time_field or manner.mapping.time, manner.zone)
    for line in lines:
        yield from _told(line, lambda line: [record] if (record := parse(line)) else [])


_PARSERS: dict[Form, Callable[[Line], Record | None]] = {Form.SYSLOG: syslog.parse, Form.COMBINED: access.parse}


def _told(line: Line, take: Callable[[Line], list[Record]]) -> Iterable[Record | DeadLetter]:
    try:
        return take(_bounded(line))
    except UnreadableError as error:
        # What a writer was stopped in the middle of is the file's fault, not the line's: told apart.
        code = error.code if line.ended else "line-cut"
        text = visible(line.text[:SHOWN_CHARS_MAX])
        return (DeadLetter(line=line.number, code=code, detail=error.detail, text=text),)


def _bounded(line: Line) -> Line:
    if line.too_long:
        raise UnreadableError("line-too-long", f"the line is over {LINE_BYTES_MAX} bytes")
    return line

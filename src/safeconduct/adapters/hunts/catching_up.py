"""Bringing segments up to the event index, one segment a step."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Protocol

import msgspec

from safeconduct.adapters.hunts.rows import row_of
from safeconduct.adapters.hunts.segments import (
    NEW,
    ROWS,
    SEGMENT_BYTES,
    SEGMENT_ROWS,
    Manifest,
    Segment,
    Segments,
    absorbed,
)
from safeconduct.soc.model import Event
from safeconduct.soc.ports import EventStore

PAGE = 1_000
"""Events read at a time: some megabytes."""


class Writes(Protocol):
    """Writes a segment from rows as JSON lines and former segments, sorted."""

    def write(self, lines: Path, absorbed: list[Path], to: Path) -> None: ...


def step(events: EventStore, segments: Segments, engine: Writes, manifest: Manifest) -> Manifest:
    """Adds up to SEGMENT_ROWS and SEGMENT_BYTES of what arrived since, and returns what there is now.

    That is the same where nothing arrived.
    A step that is broken off has changed nothing.
    """
    lines, new = segments.folder / ROWS, segments.folder / NEW
    through, rows, size = _write_rows(events, lines, manifest.through)
    if not rows:
        return manifest
    taken = absorbed(manifest.segments, rows, size)
    former = list(islice(reversed(manifest.segments), taken))
    engine.write(lines, [segments.path(one) for one in former], new)
    whole = Segment("", rows + sum(one.rows for one in former), size + sum(one.size for one in former))
    now = segments.put(manifest, new, whole, taken, through)
    lines.unlink()
    segments.sweep(now)
    return now


def _write_rows(events: EventStore, lines: Path, after: int) -> tuple[int, int, int]:
    """Writes the rows of the events after a number; returns the number of the last, the rows and the bytes written."""
    encoder, rows, size = msgspec.json.Encoder(), 0, 0
    with lines.open("wb") as file:
        for number, event in islice(_arrived(events, after), SEGMENT_ROWS):
            size += file.write(encoder.encode(row_of(number, event)) + b"\n")
            after, rows = number, rows + 1
            if size >= SEGMENT_BYTES:
                break
    return after, rows, size


def _arrived(events: EventStore, after: int) -> Iterator[tuple[int, Event]]:
    while page := events.arrived(after, PAGE):
        yield from page
        after = page[-1][0]

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

    Before that it makes segments again that held destroyed events. What it returns is the same where nothing is to do.
    A step that is broken off has changed nothing.
    """
    at = manifest.to_fill
    if at is not None:
        return _filled(events, segments, engine, manifest, at)
    lines, new = segments.folder / ROWS, segments.folder / NEW
    through, rows, size = _write_rows(events, lines, manifest.through)
    if not rows:
        return manifest
    taken = absorbed(manifest.segments, rows, size)
    former = list(islice(reversed(manifest.segments), taken))
    engine.write(lines, [segments.path(one) for one in former], new)
    whole = Segment("", rows + sum(one.rows for one in former), size + sum(one.size for one in former), through)
    now = segments.put(manifest, new, whole, slice(len(manifest.segments) - taken, None), through)
    lines.unlink()
    segments.sweep(now)
    return now


def _filled(events: EventStore, segments: Segments, engine: Writes, manifest: Manifest, at: int) -> Manifest:
    """Makes a segment again of what is left of its events, or goes without it where nothing is."""
    lines, new, last = segments.folder / ROWS, segments.folder / NEW, manifest.segments[at].last
    before = manifest.segments[at - 1].last if at else 0
    through, rows, size = _write_rows(events, lines, before, last)
    if not rows:
        lines.unlink()
        return segments.keep(manifest, slice(at, at + 1), (), manifest.through)
    engine.write(lines, [], new)
    full = rows == SEGMENT_ROWS or size >= SEGMENT_BYTES
    if full and through < last:  # rows may be longer than they were: the rest is another segment
        manifest = segments.keep(manifest, slice(at, at), (Segment("", 0, 0, through),), manifest.through)
    reach = through if full else last
    now = segments.put(manifest, new, Segment("", rows, size, reach), slice(at, at + 1), manifest.through)
    lines.unlink()
    return now


def _write_rows(events: EventStore, lines: Path, after: int, last: int | None = None) -> tuple[int, int, int]:
    """Writes the rows of the events after a number, up to another if one is given.

    Returns the number of the last, the rows and the bytes written.
    """
    encoder, rows, size = msgspec.json.Encoder(), 0, 0
    with lines.open("wb") as file:
        for number, event in islice(_arrived(events, after, last), SEGMENT_ROWS):
            size += file.write(encoder.encode(row_of(number, event)) + b"\n")
            after, rows = number, rows + 1
            if size >= SEGMENT_BYTES:
                break
    return after, rows, size


def _arrived(events: EventStore, after: int, last: int | None) -> Iterator[tuple[int, Event]]:
    while page := events.arrived(after, PAGE):
        for number, event in page:
            if last is not None and number > last:
                return
            yield number, event
        after = page[-1][0]

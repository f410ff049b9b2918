"""Bringing segments up to the event index, one segment a step."""

from itertools import islice
from pathlib import Path
from typing import Protocol

import msgspec

from safeconduct.adapters.hunts.rows import row_of
from safeconduct.adapters.hunts.segments import SEGMENT_ROWS, Manifest, Segments, absorbed
from safeconduct.soc.ports import EventStore

PAGE = 1_000
"""Events read at a time: some megabytes."""


class Writes(Protocol):
    """Writes a segment from rows as JSON lines and former segments, sorted."""

    def write(self, lines: Path, absorbed: list[Path], to: Path) -> None: ...


def step(events: EventStore, segments: Segments, engine: Writes, manifest: Manifest) -> Manifest:
    """Adds up to SEGMENT_ROWS of the events that arrived since, and returns what there is now: the same if none did.

    A step that is broken off has changed nothing.
    """
    lines, new = segments.folder / "rows.jsonl", segments.folder / "segment.new"
    through = _write_rows(events, lines, manifest.through)
    rows = through - manifest.through
    if not rows:
        return manifest
    taken = absorbed(manifest.segments, rows)
    former = list(islice(reversed(manifest.segments), taken))
    engine.write(lines, [segments.path(one) for one in former], new)
    now = segments.put(manifest, new, rows + sum(one.rows for one in former), taken, through)
    lines.unlink()
    segments.sweep(now)
    return now


def _write_rows(events: EventStore, lines: Path, after: int) -> int:
    """Writes the rows of the events after a number, and returns the number of the last: without a gap, their count."""
    encoder, until = msgspec.json.Encoder(), after + SEGMENT_ROWS
    with lines.open("wb") as file:
        while page := events.arrived(after, min(PAGE, until - after)):
            for _, event in page:
                file.write(encoder.encode(row_of(event)) + b"\n")
            after = page[-1][0]
            if after >= until:
                break
    return after

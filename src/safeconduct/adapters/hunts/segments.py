"""The folder of segments: immutable Parquet files named by their content, and a manifest that says how far they got."""

import fcntl
import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import msgspec

from safeconduct.adapters.files import sync_folder
from safeconduct.adapters.hunts.rows import SCHEMA_VERSION

MANIFEST = "manifest.json"
SUFFIX = ".parquet"
FOLDER = "segments"
"""The folder of segments, beside the event index."""

ROWS = "rows.jsonl"
NEW = "segment.new"
SPILL = "spill"
"""What an engine puts aside while it answers. It holds rows, and is left there by one that was killed."""

Span = tuple[int, int]
"""The first and the last of some numbers of arrival."""

SEGMENT_ROWS = 131_072
"""Rows a segment is filled up to: 15 to 40 MB, so that one is written in seconds and 10 million events are 80 files."""

SEGMENT_BYTES = 192 * 1024 * 1024
"""Bytes of rows, as JSON, that a segment is filled up to: what an engine sorts within its memory."""

GROWTH = 2
"""A new segment takes in a former one of up to so many times its rows, so that each row is written a few times only."""


class Segment(msgspec.Struct, frozen=True):
    """One file: its SHA-256, which is its name, its rows, and the bytes these have as JSON.

    It has the events that arrived after the segment before it, up to number `last`; 0 where nobody wrote that down. One
    without a digest is to be made again: it held destroyed events.
    """

    digest: str
    rows: int
    size: int
    last: int = 0


class Manifest(msgspec.Struct, frozen=True):
    """Which segments there are, of which life and edition of the event index, up to which number of arrival."""

    schema: int
    generation: str
    through: int = 0
    segments: tuple[Segment, ...] = ()
    edition: str = ""

    @property
    def to_fill(self) -> int | None:
        """The place of the first segment that is to be made again, None where all are there."""
        return next((at for at, one in enumerate(self.segments) if not one.digest), None)


@dataclass(frozen=True, slots=True)
class Segments:
    """A folder of segments. Derived (R3): what is damaged or of another edition of the index is made again."""

    folder: Path

    def manifest(self, generation: str, edition: str) -> Manifest:
        """Returns what there is for an edition of the index: nothing, if what there is belongs to another."""
        kept = self._kept(generation)
        return kept if kept and kept.edition == edition else Manifest(SCHEMA_VERSION, generation, edition=edition)

    def _kept(self, generation: str) -> Manifest | None:
        try:
            kept = msgspec.json.decode((self.folder / MANIFEST).read_bytes(), type=Manifest)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return kept if (kept.schema, kept.generation) == (SCHEMA_VERSION, generation) else None

    def path(self, segment: Segment) -> Path:
        """Returns where a segment is."""
        return self.folder / f"{segment.digest}{SUFFIX}"

    def sound(self, segment: Segment) -> bool:
        """Tells whether a segment is what its name says. Reads the whole file."""
        try:
            with self.path(segment).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == segment.digest
        except FileNotFoundError:
            return False

    def put(self, manifest: Manifest, new: Path, what: Segment, place: slice, through: int) -> Manifest:
        """Takes a written file in, in place of those segments, and returns what there is now.

        `what` says what is in it; its digest is found here.
        """
        with new.open("rb") as file:
            segment = msgspec.structs.replace(what, digest=hashlib.file_digest(file, "sha256").hexdigest())
            os.fsync(file.fileno())
        new.replace(self.path(segment))
        return self.keep(manifest, place, (segment,), through)

    def keep(self, manifest: Manifest, place: slice, these: Sequence[Segment], through: int) -> Manifest:
        """Has these in place of those segments, and returns what there is now."""
        segments = list(manifest.segments)
        segments[place] = these
        now = msgspec.structs.replace(manifest, through=through, segments=tuple(segments))
        self._write(now)
        return now

    def drop(self) -> None:
        """Forgets everything: it will be made again."""
        (self.folder / MANIFEST).unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Holds the folder against others that hold it so: several servers' children may share it."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def destroy(self) -> None:
        """Removes every copy of an event, whole or half written. For who holds the folder `alone`."""
        self.drop()
        for path in self.folder.glob(f"*{SUFFIX}"):
            path.unlink(missing_ok=True)
        self._end_destruction()

    def destroy_within(self, spans: Collection[Span], generation: str, edition: str) -> None:
        """Removes the segments that hold events of these numbers; what there is then is of that edition of the index.

        For who holds the folder `alone`. Where nobody knows which segments these are, all go.
        """
        kept, after, left = self._kept(generation), 0, list[Segment]()
        for one in kept.segments if kept else ():
            held = any(first <= one.last and last > after for first, last in spans)
            left.append(Segment("", 0, 0, one.last) if held else one)
            after = one.last
        if kept is None or not all(one.last for one in left):
            self.destroy()
            return
        now = msgspec.structs.replace(kept, edition=edition, segments=tuple(left))
        self._write(now)
        self.sweep(now)
        self._end_destruction()

    def _end_destruction(self) -> None:
        for path in (self.folder / ROWS, self.folder / NEW, *(self.folder / SPILL).glob("*.*")):
            path.unlink(missing_ok=True)
        sync_folder(self.folder)

    def sweep(self, manifest: Manifest) -> None:
        """Removes files that no manifest names any more."""
        named = {self.path(segment) for segment in manifest.segments}
        for path in self.folder.glob(f"*{SUFFIX}"):
            if path not in named:
                path.unlink(missing_ok=True)

    def _write(self, manifest: Manifest) -> None:
        written = self.folder / f"{MANIFEST}.new"
        with written.open("wb") as file:
            file.write(msgspec.json.encode(manifest))
            file.flush()
            os.fsync(file.fileno())
        written.replace(self.folder / MANIFEST)


def absorbed(segments: Sequence[Segment], rows: int, size: int) -> int:
    """Returns how many of the last segments a new one of so many rows and bytes takes in."""
    total, weight = rows, size

    def fits(segment: Segment) -> bool:
        nonlocal total, weight
        small = segment.rows <= GROWTH * total and segment.rows + total <= SEGMENT_ROWS
        light = segment.size + weight <= SEGMENT_BYTES
        total, weight = total + segment.rows, weight + segment.size
        return small and light

    return sum(1 for _ in takewhile(fits, reversed(segments)))

"""Rows as JSON lines in files, for a collector on this machine: synced before they count, never twice.

A file holds the rows of a fixed range of indexes, so that where a row belongs does not depend on what was sent before:
deleting the cursor, or a crash between file and cursor, adds no line twice. A full file is never touched again.
"""

import os
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import msgspec

from safeconduct.adapters.files import file_name, sync_folder
from safeconduct.kernel.errors import UnavailableError
from safeconduct.ledger.shipping import Limits, Outgoing

FILE_ROWS = 1000  # lines of a file: about 3 MB, which each batch reads again
LINE_BYTES = 1024 * 1024
BATCH_ROWS = 1000
_FOLDER_MODE, _FILE_MODE = 0o750, 0o640


class FilesOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`folder` is where the files go: one folder for each log in it."""

    folder: str


class Files:
    """`Destination` over a folder."""

    limits = Limits(row_bytes=LINE_BYTES, batch_bytes=16 * 1024 * 1024, batch_rows=BATCH_ROWS)

    def __init__(self, options: FilesOptions) -> None:
        self._folder = Path(options.folder)

    def encode(self, row: Outgoing) -> bytes:
        """Returns the event's line. The id stands before the event, so that a line is compared without reading it."""
        return msgspec.json.encode({"id": row.id, "event": row.event}) + b"\n"

    def send(self, rows: Sequence[Outgoing], encoded: Sequence[bytes]) -> Mapping[str, str]:
        """Writes the lines that are not there yet, and syncs.

        Raises:
            UnavailableError: a file can't be written, or holds another row in this place (`file-forked`).
        """
        pairs = zip(rows, encoded, strict=True)
        try:
            for (origin, first), part in groupby(pairs, lambda pair: _file(pair[0])):
                self._append(self._path(origin, first), first, list(part))
        except OSError as error:
            raise UnavailableError(f"the rows could not be written: {error}", code="file-failed") from error
        return {}

    def _path(self, origin: str, first: int) -> Path:
        folder = self._folder / file_name(origin)
        if not folder.exists():
            folder.mkdir(mode=_FOLDER_MODE, parents=True)
            sync_folder(folder.parent)
        return folder / f"{first:012d}.jsonl"

    def _append(self, path: Path, first: int, rows: Sequence[tuple[Outgoing, bytes]]) -> None:
        is_new = not path.exists()
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, _FILE_MODE), "r+b") as file:
            lines = file.read().split(b"\n")
            held = len(lines) - 1  # what stands after the last newline is half a line that a crash left
            file.seek(sum(len(line) + 1 for line in lines[:held]))
            file.truncate()
            if rows[0][0].index - first > held:
                raise UnavailableError(
                    f"{path} has {held} lines, and row {rows[0][0].index} comes next: earlier ones were taken away",
                    code="file-gap",
                    remedy="remove this destination's cursor: all is written again",
                )
            for row, line in rows:
                place = row.index - first
                if place < held and lines[place].partition(b",")[0] != line.partition(b",")[0]:
                    raise UnavailableError(f"{path} holds another row at line {place + 1}", code="file-forked")
                if place >= held:
                    file.write(line)
            file.flush()
            os.fdatasync(file.fileno())
        if is_new:
            sync_folder(path.parent)


def _file(row: Outgoing) -> tuple[str, int]:
    return row.origin, row.index - row.index % FILE_ROWS

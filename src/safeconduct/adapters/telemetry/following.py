"""A file that is still written: what is new in it, over rotation and restarts.

A piece holds whole lines, and whole audit events: the last one waits for the next, or for two looks without any. Where
a reader was is a place that it may keep. Without one a file is read from its beginning, and content-derived ids make
what was read before nothing new.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from safeconduct.adapters.telemetry.cutting import PART_BYTES, Tables, end_of_whole
from safeconduct.adapters.telemetry.zeek import begins
from safeconduct.kernel.errors import InvalidInputError

HEAD_BYTES = 4096
"""First bytes by which a file is known again, and in which a table has its header."""


@dataclass(frozen=True)
class Place:
    """How far a file was read: the file's number on its disk, the bytes before, and the digest of its first bytes."""

    inode: int
    offset: int
    head: str


class Followed:
    """One path that is followed. For one reader."""

    def __init__(self, path: Path, place: Place | None = None) -> None:
        self.path = path
        self._file: IO[bytes] | None = None
        self._offset = 0
        self._seen = -1
        self._tables: Tables | None = None
        if place is not None:
            self._return_to(place)

    def more(self) -> bytes:
        """Returns what is new, at most a part; nothing where there is none yet, or no file.

        Raises:
            InvalidInputError: the file can't be opened.
        """
        if self._file is None and not self._open(self.path):
            return b""
        return self._piece() or self._turned()

    def place(self) -> Place | None:
        """Returns where the reader is: everything before was given out."""
        if self._file is None:
            return None
        return Place(os.fstat(self._file.fileno()).st_ino, self._offset, _head(self._file, self._offset))

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _return_to(self, place: Place) -> None:
        for path in self._candidates(place.inode):
            if not self._open(path):
                continue
            assert self._file is not None  # noqa: S101 - for the type checker: it was just opened
            size = os.fstat(self._file.fileno()).st_size
            if size >= place.offset and _head(self._file, place.offset) == place.head:
                self._offset = place.offset
                self._know_header()
                return
            self.close()

    def _candidates(self, inode: int) -> Iterator[Path]:
        """Yields the path, or the name it was rotated to, that has this number."""
        with suppress(OSError):
            for path in [self.path, *sorted(self.path.parent.iterdir())]:
                if path.is_file() and path.stat().st_ino == inode:
                    yield path

    def _open(self, path: Path) -> bool:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return False
        except OSError as error:
            raise InvalidInputError(f"cannot read {path}: {error.strerror}", code="file-unreadable") from error
        self._file, self._offset, self._seen = file, 0, -1
        self._tables = Tables() if begins(file.read(HEAD_BYTES)) else None
        return True

    def _know_header(self) -> None:
        if self._tables is not None and self._file is not None:
            self._file.seek(0)
            self._tables.headed(self._file.read(min(HEAD_BYTES, self._offset)))

    def _piece(self, *, last: bool = False) -> bytes:
        assert self._file is not None  # noqa: S101 - for the type checker
        self._file.seek(self._offset)
        data = self._file.read(PART_BYTES)
        quiet = self._seen == self._offset + len(data)
        self._seen = self._offset + len(data)
        end = len(data) if last or self._is_endless(data) else data.rfind(b"\n") + 1 if quiet else end_of_whole(data)
        piece, self._offset = data[:end], self._offset + end
        return self._tables.headed(piece) if piece and self._tables is not None else piece

    @staticmethod
    def _is_endless(data: bytes) -> bool:
        return len(data) == PART_BYTES and b"\n" not in data

    def _turned(self) -> bytes:
        """Goes over to the file that took the path's place, or back to the beginning of one that was emptied."""
        assert self._file is not None  # noqa: S101 - for the type checker
        now = os.fstat(self._file.fileno())
        with suppress(FileNotFoundError):
            if self.path.stat().st_ino != now.st_ino:
                rest = self._piece(last=True)
                self.close()
                return rest or self.more()
        if now.st_size < self._offset:
            self._offset = 0
            return self._piece()
        return b""


def _head(file: IO[bytes], offset: int) -> str:
    file.seek(0)
    return hashlib.sha256(file.read(min(HEAD_BYTES, offset))).hexdigest()

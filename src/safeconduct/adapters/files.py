"""Writing files so that a crash leaves the old one or the new one, and heads/ on top of that."""

import base64
import fcntl
import os
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.kernel.ids import Origin

FLUSH_INTERVAL_S = 1.0  # how much of the heads a power loss may take back; the database is then ahead, which heals
HEAD_FILE_BYTES_MAX = 16_384  # about 40 heads; each is verified at start, at 0.1 ms
_LENGTH_DIGITS = 6
_SECRET_MODE = 0o600


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turns the system's errors into ours. The one place that does, for files."""
    try:
        yield
    except OSError as error:
        raise UnavailableError(f"could not use {path.name}: {error.strerror}", code="file-failed") from error


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds a folder against other threads and processes that hold it so, and waits for them."""
    with translated(folder):
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read_file(file: Path, bytes_max: int) -> bytes:
    """Returns a file that somebody named, at most one byte more than `bytes_max`, which its reader then refuses.

    Raises:
        InvalidInputError: it can't be read, or is no regular file: a pipe may never end.
    """
    if file.exists() and not file.is_file():
        remedy = "name a file in it" if file.is_dir() else "write it to a file first"
        raise InvalidInputError(f"{file} is no regular file", code="file-unreadable", remedy=remedy)
    try:
        with file.open("rb") as opened:
            return opened.read(bytes_max + 1)
    except OSError as error:
        raise InvalidInputError(f"cannot read {file}: {error.strerror}", code="file-unreadable") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file under a temporary name, syncs it and renames it: no reader and no crash ever sees half of it.

    Raises:
        UnavailableError: it can't be written.
    """
    temporary = path.with_name(path.name + ".new")
    with translated(path):
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fdatasync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_secret(path: Path, content: str) -> None:
    """Writes a new file that only its owner may read.

    Raises:
        UnavailableError: it is there already, or can't be written.
    """
    with translated(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET_MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)


def file_name(origin: str) -> str:
    """Returns a file name for a log's origin."""
    return urllib.parse.quote(origin, safe="")


class FileHeads:
    """`Heads` as files, one line a head - its length and base64 - of which the last one counts.

    A line is appended at every commit but synced at most once a second, since syncing would cost every commit a
    second wait for the disk. What a crash may leave behind is therefore an older last line, a line that is shorter
    than its length says or a hole of zeroes; no single flipped bit looks like any of them. The first head that a
    process writes, and one that makes the file long, replaces the file.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._paths: dict[Origin, Path] = {}
        self._known: dict[Origin, tuple[int, int]] = {}  # inode and length as this process left them
        self._unsynced: set[Origin] = set()
        self._flushed_at = time.monotonic()

    def read(self, origin: Origin) -> str | None:
        return next(iter(self.copies(origin)), None)

    def copies(self, origin: Origin) -> list[str]:
        lines = _read(self._path(origin)).rstrip(b"\0").split(b"\n")
        tail = lines.pop()
        length = tail[:_LENGTH_DIGITS]
        if len(length) == _LENGTH_DIGITS and (not length.isdigit() or len(tail) > int(length)):
            lines.append(tail)  # as long as a whole line, yet it does not end as one
        return [_decode_head(line) for line in reversed(lines)]

    def replace(self, origin: Origin, head: str, *, previous: str | None) -> None:
        path = self._path(origin)
        if self._known.get(origin, (0, HEAD_FILE_BYTES_MAX))[1] < HEAD_FILE_BYTES_MAX:
            self._append(origin, _encode_head(head))
        else:
            if self.read(origin) != previous:
                raise _changed(origin)
            write_atomically(path, _encode_head(head))
            self._known[origin] = (path.stat().st_ino, path.stat().st_size)
        if time.monotonic() - self._flushed_at >= FLUSH_INTERVAL_S:
            self.flush()

    def flush(self) -> None:
        for origin in self._unsynced:
            with translated(self._path(origin)), self._path(origin).open("rb") as file:
                os.fdatasync(file.fileno())
        self._unsynced.clear()
        self._flushed_at = time.monotonic()

    def _append(self, origin: Origin, line: bytes) -> None:
        path = self._path(origin)
        with translated(path):
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
            try:
                found = os.fstat(descriptor)
                if (found.st_ino, found.st_size) != self._known[origin]:
                    raise _changed(origin)
                if os.write(descriptor, line) != len(line):
                    raise UnavailableError(f"could not write the head of {origin} whole", code="file-not-written")
            finally:
                os.close(descriptor)
        self._known[origin] = (found.st_ino, found.st_size + len(line))
        self._unsynced.add(origin)

    def _path(self, origin: Origin) -> Path:
        if origin not in self._paths:
            self._paths[origin] = self._folder / file_name(origin)
        return self._paths[origin]


def _changed(origin: Origin) -> UnavailableError:
    return UnavailableError(f"the head of {origin} was changed by someone else", code="head-changed")


def _encode_head(head: str) -> bytes:
    encoded = base64.b64encode(head.encode())
    return b"%0*d%s\n" % (_LENGTH_DIGITS, len(encoded) + _LENGTH_DIGITS, encoded)


def _decode_head(line: bytes) -> str:
    """Returns the head of a line; of a damaged line something that is no head."""
    try:
        head = base64.b64decode(line[_LENGTH_DIGITS:], validate=True).decode()
    except ValueError:
        return ""
    return head if _encode_head(head) == line + b"\n" else ""


def _read(path: Path) -> bytes:
    if not path.exists():
        return b""
    with translated(path):
        return path.read_bytes()

"""Copying a file in: a part of its own name until it is whole, held for as long as it is written."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from safeconduct.adapters.files import translated
from safeconduct.kernel.errors import TooLargeError

FILE_BYTES_MAX = 512 * 1024 * 1024
"""Bytes of one telemetry file. Half a gigabyte is minutes of reading; larger ones are better split by day."""

COPY_BYTES = 1024 * 1024
_PARTS = ".*.part"


@contextmanager
def new_part(folder: Path, source: IO[bytes]) -> Iterator[tuple[Path, IO[bytes]]]:
    """Yields a new file to copy into, and holds it so that `sweep` leaves it. In the end it is gone or renamed."""
    part = folder / f".{os.getpid()}.{id(source)}.part"
    try:
        while True:
            with part.open("wb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if os.fstat(file.fileno()).st_nlink:  # else it was swept before it was held
                    yield part, file
                    return
    finally:
        part.unlink(missing_ok=True)


def copied(source: IO[bytes], file: IO[bytes]) -> tuple[str, int]:
    """Copies a file, durably, for its owner's eyes only; returns the digest and the size.

    Raises:
        TooLargeError: it is over FILE_BYTES_MAX.
    """
    hashed, size = hashlib.sha256(), 0
    os.fchmod(file.fileno(), 0o600)
    while data := source.read(COPY_BYTES):
        size += len(data)
        if size > FILE_BYTES_MAX:
            raise TooLargeError(f"the file is over {FILE_BYTES_MAX} bytes", remedy="split it at line ends")
        hashed.update(data)
        file.write(data)
    file.flush()
    os.fsync(file.fileno())
    return hashed.hexdigest(), size


def sweep(folder: Path) -> None:
    """Removes the parts that nobody holds: what processes left that ended while they copied.

    Raises:
        UnavailableError: one may still be there.
    """
    with translated(folder):
        for part in folder.glob(_PARTS):
            with suppress(FileNotFoundError), part.open("rb") as file:
                if alone(file):
                    part.unlink()


def alone(file: IO[bytes]) -> bool:
    """Tells whether nobody else holds an open file; then this process does, until it is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

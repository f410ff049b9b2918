"""Cursors as files, one a destination, and one exporter a destination at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from safeconduct.adapters.files import file_name, write_atomically
from safeconduct.kernel.errors import ConflictError
from safeconduct.ledger.shipping import Cursor

FOLDER = "shipping"
"""The folder of an installation that holds cursors. It can be deleted: everything is sent again, with the same ids."""

_FOLDER_MODE, _LOCK_MODE = 0o700, 0o600


class FileCursors:
    """`Cursors` of one destination, in a file that is replaced whole."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        self._path = folder / f"{file_name(name)}.json"

    def read(self) -> Cursor:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Cursor)
        except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
            return Cursor()

    def write(self, cursor: Cursor) -> None:
        write_atomically(self._path, msgspec.json.encode(cursor))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other exporters from this destination for as long as the block lasts.

        Raises:
            ConflictError: another one is at work.
        """
        descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, _LOCK_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise ConflictError(
                f"another exporter sends to {self._path.stem}", code="exporter-running", remedy="let it, or stop it"
            ) from error
        finally:
            os.close(descriptor)

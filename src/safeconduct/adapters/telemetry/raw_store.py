"""Telemetry files as they came, under the SHA-256 of their content. From these every event can be made again."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from safeconduct.adapters.files import sync_folder, translated, write_atomically
from safeconduct.adapters.telemetry.copying_in import alone, copied, new_part, sweep
from safeconduct.kernel.errors import UnavailableError

INVENTORY = "inventory"
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Description:
    """How a raw file is read: kept beside it, never in the log, for it names files and hosts.

    `kind` is `telemetry`, `unread`, `inventory`, `mapping`, `rules` or `hunt`; `inventory` and `mapping`
    are the digests of what the file was read with.
    """

    name: str
    size: int
    kind: str = "telemetry"
    form: str = ""
    host: str = ""
    time_field: str = ""
    zone: str = ""
    inventory: str = ""
    mapping: str = ""


class RawStore:
    """A folder of raw files. Only its owner can read it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self, source: IO[bytes]) -> tuple[str, int]:
        """Copies a file in, durably, and returns its digest and size. One that is there already is not written twice.

        Raises:
            TooLargeError: it is over FILE_BYTES_MAX.
        """
        with new_part(self._folder, source) as (part, file):
            digest, size = copied(source, file)
            if not self._content(digest).exists():
                part.replace(self._content(digest))
                sync_folder(self._folder)
            return digest, size

    def sweep(self) -> None:
        """Removes what processes left that ended while they copied a file in, as `copying_in.sweep`."""
        sweep(self._folder)

    def describe(self, digest: str, description: Description) -> None:
        """Writes how a file is read, replacing what was said before."""
        write_atomically(self._folder / f"{digest}.json", msgspec.json.encode(description))

    def description(self, digest: str) -> Description | None:
        """Returns how a file is read, or None for one never described.

        Raises:
            UnavailableError: what was said of it can't be read (`raw-file-damaged`).
        """
        path = self._folder / f"{digest}.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Description)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise UnavailableError(
                f"what says how raw file {digest} is read is damaged: {error}",
                code="raw-file-damaged",
                remedy=f"remove {path}, start the server and ingest {self._content(digest)} again",
            ) from error

    def known(self, digest: str) -> Description | None:
        """Returns how a file is read; None where nothing says so that can be read."""
        try:
            return self.description(digest)
        except UnavailableError:
            return None

    def is_described(self, digest: str) -> bool:
        """Tells whether something says how a file is read, be it damaged."""
        return (self._folder / f"{digest}.json").exists()

    @property
    def inventory(self) -> str:
        """The digest of the inventory in use, empty if none."""
        path = self._folder / INVENTORY
        return path.read_text(encoding="ascii") if path.exists() else ""

    @inventory.setter
    def inventory(self, digest: str) -> None:
        write_atomically(self._folder / INVENTORY, digest.encode())

    def open(self, digest: str) -> IO[bytes]:
        """Opens a raw file.

        Raises:
            UnavailableError: it is not there any more.
        """
        try:
            return self._content(digest).open("rb")
        except OSError as error:
            raise UnavailableError(f"raw file {digest} cannot be read: {error}", code="raw-file-missing") from error

    @contextmanager
    def reading(self, digest: str) -> Iterator[None]:
        """Holds a raw file against its destruction, also by other processes, for as long as it is read in.

        Raises:
            UnavailableError: it is not there, or is destroyed at this moment (`raw-file-missing`).
        """
        with self.open(digest) as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            if not os.fstat(file.fileno()).st_nlink:
                raise UnavailableError(f"raw file {digest} was just destroyed", code="raw-file-missing")
            yield

    def destroy(self, digest: str) -> None:
        """Destroys a raw file and what says how it is read; nothing where it is gone. Waits until nobody reads it in.

        The description goes first: a file without one is never read.

        Raises:
            UnavailableError: it may still be there. Ask again.
        """
        with translated(self._folder), ExitStack() as stack:
            if self._content(digest).exists():
                fcntl.flock(stack.enter_context(self.open(digest)), fcntl.LOCK_EX)
            for path in (self._folder / f"{digest}.json", self._content(digest)):
                path.unlink(missing_ok=True)
            sync_folder(self._folder)

    def digests(self) -> Iterator[str]:
        """Yields the digest of every raw file: there may be millions, so in no order."""
        with os.scandir(self._folder) as found:
            yield from (one.name for one in found if _DIGEST.fullmatch(one.name))

    def size_of_unread(self, digest: str) -> int | None:
        """Returns the bytes of a raw file; None where it is not there, or is read in or destroyed at this moment."""
        try:
            with self._content(digest).open("rb") as file:
                return os.fstat(file.fileno()).st_size if alone(file) else None
        except FileNotFoundError:
            return None

    def described(self) -> Iterator[tuple[str, Description]]:
        """Yields the digest and description of every file, by digest.

        Raises:
            UnavailableError: as `description`.
        """
        for path in sorted(self._folder.glob("*.json")):
            found = self.description(path.stem)
            if found is not None:
                yield path.stem, found

    def _content(self, digest: str) -> Path:
        return self._folder / digest

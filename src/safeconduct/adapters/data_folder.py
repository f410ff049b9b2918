"""The folder that holds an installation's data, open in one process at a time."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from safeconduct.kernel.errors import ConflictError, InvalidInputError

LOCK = "server.lock"
LOG_KEYS = "log-keys"
"""The folder that every installation has from its first moment."""

DECISION_KEYS = "decision-keys"
"""The folder of the keys that sign decisions on tool calls. In no backup: lost ones are rotated."""

WAIT_S = 10.0
"""Seconds to wait for another command that has the data open. Commands beside no server take less."""

GRACE_S = 0.5
"""Seconds until an address in the lock file is believed. Whoever looks for a server holds the lock for microseconds,
and a server that was killed has left its address behind."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a running server listens, and the secret that shows its caller can read the data folder."""

    url: str
    secret: str


class DataLock:
    """Held while this process has the data open."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def announce(self, address: Address) -> None:
        """Tells commands on this machine where to ask."""
        record = json.dumps({"url": address.url, "secret": address.secret}).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, record, 0)


def running_server(data: Path) -> Address | None:
    """Returns the address of the server that has this data open, if one does."""
    try:
        with (data / LOCK).open("rb") as file:
            # Shared, so that two who look at once don't take each other for a server.
            if _take(file.fileno(), fcntl.LOCK_SH):
                return None
            return _address(file.read())
    except (FileNotFoundError, NotADirectoryError):
        return None


def require_installation(data: Path) -> None:
    """Returns if the folder holds an installation.

    Raises:
        InvalidInputError: `no-installation`.
    """
    if not (data / LOG_KEYS).is_dir():
        raise InvalidInputError(
            f"there is no installation in {data}", code="no-installation", remedy=f"safeconduct init --data {data}"
        )


@contextmanager
def locked(data: Path) -> Iterator[DataLock]:
    """Opens the data folder for this process alone.

    Raises:
        InvalidInputError: there is no installation there. Nothing is written then.
        ConflictError: another process keeps it open.
    """
    require_installation(data)
    descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait(descriptor, data)
        os.ftruncate(descriptor, 0)
        try:
            yield DataLock(descriptor)
        finally:  # a signal may end a server before it listens for signals
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _wait(descriptor: int, data: Path) -> None:
    began = time.monotonic()
    while not _take(descriptor, fcntl.LOCK_EX):
        server = _address(os.pread(descriptor, 4096, 0))
        if time.monotonic() - began > (GRACE_S if server else WAIT_S):
            by = f"the server at {server.url}" if server else "another command"
            raise ConflictError(f"{data} is open in {by}", code="data-in-use", remedy="stop it, or let it finish")
        time.sleep(0.05)


def _take(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _address(record: bytes) -> Address | None:
    try:
        fields = json.loads(record)
        return Address(fields["url"], fields["secret"])
    except (ValueError, KeyError):  # empty or half-written: nobody serves yet
        return None

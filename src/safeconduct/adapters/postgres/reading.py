"""Readings from any thread, and what the writer's connection shares with them."""

import threading
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from safeconduct.adapters.postgres.database import Connection, connect, lost, one, rows, translated
from safeconduct.adapters.sql import BLOBS, SqlLog
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Records
from safeconduct.ledger.records import StoredRecords

_LAST = b"\xff"  # in no UTF-8 text, and after every byte of one
READERS_MAX = 16
"""Connections that a process reads on at once. A server takes 100 by default, and a request reads for milliseconds."""

WAIT_S = 10.0
"""Seconds that a reading waits for one of them."""

_RECORD = "SELECT value FROM records WHERE collection = ? AND key = ?"
_STOPPED = "SELECT origin, stopped FROM logs JOIN terms ON log = number WHERE stopped != ''"
_FIRST_BLOBS = "SELECT entry_id, field, blob FROM payloads ORDER BY entry_id, field LIMIT ?"
_NEXT_BLOBS = (
    "SELECT entry_id, field, blob FROM payloads WHERE (entry_id, field) > (?, ?) ORDER BY entry_id, field LIMIT ?"
)


class PostgresRows(SqlLog):
    """The readings. Keys of records are stored as bytes, which sort as their texts do and may hold any letter."""

    @abstractmethod
    def _connected(self) -> AbstractContextManager[Connection]:
        """Opens a connection to read on, for as long as the block lasts."""

    def waiting(self, origin: Origin) -> Iterator[bytes]:
        waits = "SELECT leaf FROM pending WHERE log = ? ORDER BY number"
        for (leaf,) in self._all(waits, self._number(origin)):
            yield bytes(leaf)

    def blobs(self) -> Iterator[tuple[str, str, bytes]]:
        found = self._all(_FIRST_BLOBS, BLOBS)
        while found:
            for entry_id, name, blob in found:
                yield entry_id, name, bytes(blob)
            found = self._all(_NEXT_BLOBS, *found[-1][:2], BLOBS)

    def raw(self, collection: str, key: str) -> bytes | None:
        found = self._all(_RECORD, collection, key.encode())
        return bytes(found[0][0]) if found else None

    def raw_scan(self, collection: str, prefix: str) -> Iterator[tuple[str, bytes]]:
        begins = prefix.encode()
        found = self._all(
            "SELECT key, value FROM records WHERE collection = ? AND key BETWEEN ? AND ? ORDER BY key",
            *(collection, begins, begins + _LAST),
        )
        for key, value in found:
            yield bytes(key).decode("utf-8", "replace"), bytes(value)

    def raw_all(self) -> dict[tuple[str, str], bytes]:
        found = self._all("SELECT collection, key, value FROM records")
        return {(name, bytes(key).decode("utf-8", "replace")): bytes(value) for name, key, value in found}

    def _all(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._connected() as connection, translated("read the log"):
            return rows(connection, statement, values)


class OneConnection(PostgresRows):
    """Readings on one connection, which somebody else keeps open."""

    def __init__(self, connection: Connection) -> None:
        self._only = connection

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        yield self._only


class PostgresReader(PostgresRows):
    """Readings from any thread, each on a connection of its own while it lasts."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._free = threading.BoundedSemaphore(READERS_MAX)
        self._lock = threading.Lock()  # guards _idle and _closed, which any thread changes
        self._idle: list[Connection] = []
        self._closed = False

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        if not self._free.acquire(timeout=WAIT_S):
            raise UnavailableError(f"{READERS_MAX} readings run already, for {WAIT_S:.0f} s", code="readers-busy")
        try:
            connection = self._take()
            try:
                yield connection
            finally:
                self._give_back(connection)
        finally:
            self._free.release()

    def _take(self) -> Connection:
        with self._lock:
            if self._closed:
                raise UnavailableError("the store is closed", code="store-closed")
            if self._idle and lost(self._idle[-1]):
                self._close_idle()
            if self._idle:
                return self._idle.pop()
        return connect(self._url)

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if connection.closed:  # lost, and so most likely are the others: the server was restarted
                self._close_idle()
            elif self._closed:
                connection.close()
            else:
                self._idle.append(connection)

    @contextmanager
    def frozen(self) -> Iterator[OneConnection]:
        with self._connected() as connection:
            with translated("read control state"):
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                one(connection, "SELECT 1")  # a snapshot begins at the first read
            try:
                yield OneConnection(connection)
            finally:
                if not connection.closed:
                    with translated("read control state"):
                        connection.execute("ROLLBACK")

    @contextmanager
    def snapshot(self) -> Iterator[Records]:
        with self.frozen() as frozen:
            yield StoredRecords(frozen)

    def stopped(self) -> dict[Origin, str]:
        """Returns the logs to which workers append nothing, and why."""
        return {Origin(origin): why for origin, why in self._all(_STOPPED)}

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

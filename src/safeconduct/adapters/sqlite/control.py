"""Control state and log in one SQLite database: `Store` on disk."""

import sqlite3
import threading
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from safeconduct.adapters.sql import BLOBS, SqlLog, repairing
from safeconduct.adapters.sqlite.database import connect, migrate, transaction, translated, write_anew
from safeconduct.adapters.sqlite.database import rows as rows_of
from safeconduct.adapters.sqlite.many import changed, delete_records, insert
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Records
from safeconduct.ledger.ports import Batch, Changes, FrozenStore, LogGrowth, LogRepair
from safeconduct.ledger.records import StoredRecords

MIGRATIONS = (
    """
    CREATE TABLE logs (number INTEGER PRIMARY KEY, origin TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE entries (
        log INTEGER NOT NULL, idx INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, leaf BLOB NOT NULL,
        PRIMARY KEY (log, idx)
    ) STRICT;
    CREATE TABLE tiles (
        log INTEGER NOT NULL, level INTEGER NOT NULL, number INTEGER NOT NULL, hashes BLOB NOT NULL,
        PRIMARY KEY (log, level, number)
    ) STRICT;
    CREATE TABLE checkpoints (log INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
    CREATE TABLE cosigned (
        log INTEGER NOT NULL, size INTEGER NOT NULL, witness TEXT NOT NULL, note TEXT NOT NULL,
        PRIMARY KEY (log, size, witness)
    ) STRICT;
    CREATE TABLE payloads (
        entry_id TEXT NOT NULL, field TEXT NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (entry_id, field)
    ) STRICT;
    CREATE TABLE records (
        collection TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (collection, key)
    ) STRICT, WITHOUT ROWID;
    """,
)
_END = """
    SELECT number, (SELECT coalesce(max(idx) + 1, 0) FROM entries WHERE log = number) FROM logs WHERE origin = ?
"""
_LAST = "\U0010ffff"
_RECORD = "SELECT value FROM records WHERE collection = ? AND key = ?"


class _Rows(SqlLog):
    """The readings that the writer's connection and the readers' connections share."""

    @abstractmethod
    def _connection(self) -> AbstractContextManager[sqlite3.Connection]:
        """Opens a connection to read on, for as long as the block lasts."""

    def damage(self) -> list[str]:
        return [text for (text,) in self._all("PRAGMA integrity_check") if text != "ok"]

    def blobs(self) -> Iterator[tuple[str, str, bytes]]:
        last = -1
        while rows := self._all(
            "SELECT rowid, entry_id, field, blob FROM payloads WHERE rowid > ? ORDER BY rowid LIMIT ?", last, BLOBS
        ):
            for _row, entry_id, name, blob in rows:
                yield entry_id, name, blob
            before, last = last, rows[-1][0]
            if last <= before:
                raise UnavailableError("the table of sealed fields is out of order", code="log-damaged")

    def raw(self, collection: str, key: str) -> bytes | None:
        rows = self._all(_RECORD, collection, key)
        return bytes(rows[0][0]) if rows else None

    def raw_scan(self, collection: str, prefix: str) -> Iterator[tuple[str, bytes]]:
        yield from self._all(
            "SELECT key, value FROM records WHERE collection = ? AND key BETWEEN ? AND ? ORDER BY key",
            *(collection, prefix, prefix + _LAST),
        )

    def raw_all(self) -> dict[tuple[str, str], bytes]:
        rows = self._all("SELECT collection, key, value FROM records")
        return {(collection, key): value for collection, key, value in rows}

    def _all(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._connection() as connection, translated("read the log"):
            return rows_of(connection, statement, values)


class SqliteReader(_Rows):
    """Readings from any thread, each on a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()  # guards _idle, which any thread takes from
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise UnavailableError("the store is closed", code="store-closed")
            idle = self._idle.pop() if self._idle else None
        connection = connect(self._path) if idle is None else idle
        try:
            yield connection
        finally:
            self._give_back(connection)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if self._closed:
                connection.close()
            else:
                self._idle.append(connection)

    @contextmanager
    def frozen(self) -> Iterator["_OneConnection"]:
        with self._connection() as connection:
            with translated("read control state"):
                connection.execute("BEGIN")
                connection.execute("SELECT 1 FROM records LIMIT 1").fetchall()  # a snapshot begins at the first read
            try:
                yield _OneConnection(connection)
            finally:
                with translated("read control state"):
                    connection.execute("COMMIT")

    @contextmanager
    def snapshot(self) -> Iterator[Records]:
        with self.frozen() as frozen:
            yield StoredRecords(frozen)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().close()


class _OneConnection(_Rows):
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._only = connection

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        yield self._only


@contextmanager
def copied_store(path: Path) -> Iterator[FrozenStore]:
    """Opens a copy of a store that nobody writes to. Neither it nor anything beside it is written.

    Raises:
        UnavailableError: it is none, or of another release.
    """
    with translated(f"open {path.name}"):
        connection = sqlite3.connect(f"file:{quote(str(path))}?immutable=1", uri=True)
        with closing(connection):
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != len(MIGRATIONS):
                raise UnavailableError(
                    f"{path.name} has schema {version}, expected {len(MIGRATIONS)}", code="schema-unknown"
                )
            yield _OneConnection(connection)


class SqliteStore(_OneConnection):
    """`Store` in one file. One process writes; a second one that tries is refused at its commit."""

    def __init__(self, path: Path, *, synchronous: str = "FULL") -> None:
        super().__init__(connect(path, synchronous=synchronous))
        write_anew(self._only, path.name)
        migrate(self._only, MIGRATIONS, path.name)
        self._reader = SqliteReader(path)

    def raw(self, collection: str, key: str) -> bytes | None:
        # What every command reads by: no detour.
        try:
            row = self._only.execute(_RECORD, (collection, key)).fetchone()
        except sqlite3.Error as error:
            raise UnavailableError(f"could not read control state: {error}", code="store-failed") from error
        return None if row is None else row[0]

    def commit(self, batch: Batch) -> None:
        with transaction(self._only, "commit"):
            for repair in batch.repairs:
                self._repair(repair)
            for growth in batch.growths:
                self._grow(growth)
            self._change(batch.changes)

    def keep_cosigned(self, origin: Origin, size: int, note: str, witness: str) -> None:
        with transaction(self._only, "store a cosigned checkpoint"):
            row = (self._number(origin), size, witness, note)
            self._only.execute("INSERT OR REPLACE INTO cosigned VALUES (?, ?, ?, ?)", row)

    def reader(self) -> SqliteReader:
        return self._reader

    def frozen(self) -> AbstractContextManager[_OneConnection]:
        return self._reader.frozen()

    def snapshot(self) -> AbstractContextManager[Records]:
        return self._reader.snapshot()

    def close(self) -> None:
        self._reader.close()
        self._only.close()

    def _repair(self, repair: LogRepair) -> None:
        number = self._number(repair.origin)
        for statement, rows in repairing(number, repair):
            self._only.executemany(statement, rows)

    def _grow(self, growth: LogGrowth) -> None:
        number, size = self._end_of(growth.origin)
        if size != growth.base:
            raise UnavailableError(
                f"{growth.origin} has {size} entries, expected {growth.base}: someone else wrote to it",
                code="log-changed",
            )
        new = enumerate(growth.entries, start=growth.base)
        insert(self._only, "INSERT OR FAIL INTO entries", [(number, index, e.id, e.leaf) for index, e in new])
        odd = changed(self._only, number, growth.base, growth.entries)
        if odd is not None:
            raise UnavailableError(f"entry {odd} changed on its way to the store", code="log-damaged")
        tiles = [(number, level, position, hashes) for (level, position), hashes in growth.tiles.items()]
        insert(self._only, "INSERT INTO tiles", tiles, " ON CONFLICT DO UPDATE SET hashes = excluded.hashes")
        blobs = [(entry.id, name, blob) for entry in growth.entries for name, blob in entry.blobs.items()]
        insert(self._only, "INSERT OR FAIL INTO payloads", blobs)
        insert(self._only, "INSERT OR REPLACE INTO checkpoints", [(number, growth.checkpoint)])

    def _change(self, changes: Changes) -> None:
        gone: dict[str, list[str]] = {}
        for (collection, key), value in changes.items():
            if value is None:
                gone.setdefault(collection, []).append(key)
        for collection, keys in gone.items():
            delete_records(self._only, collection, keys)
        kept = [(*name, value) for name, value in changes.items() if value is not None]
        insert(self._only, "INSERT OR REPLACE INTO records", kept)

    def _end_of(self, origin: Origin) -> tuple[int, int]:
        """Returns the number of a log, which it gets here if it is new, and its size."""
        found = self._only.execute(_END, (origin,)).fetchone()
        if found is None:
            insert(self._only, "INSERT INTO logs (origin)", [(origin,)])
            return self._end_of(origin)
        number, size = found
        return number, size

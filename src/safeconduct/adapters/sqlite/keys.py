"""Data keys in a file of their own, so that a backup of the log does not undo the destruction of a key."""

import sqlite3
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from safeconduct.adapters.key_tables import KeyTables
from safeconduct.adapters.sqlite.database import connect, migrate, transaction, translated, write_anew
from safeconduct.adapters.sqlite.key_schema import MIGRATIONS
from safeconduct.adapters.stored_keys import StoredKeys
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ports import Entropy
from safeconduct.ledger.key_ports import WrappingKeys


class SqliteKeyFile:
    """`KeyDatabase` in one file."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self._log = path.with_name(path.name + "-wal")

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with translated("read data keys"):
            return self.connection.execute(statement, values).fetchall()

    def run(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        self.connection.executemany(statement, rows)

    def transaction(self, action: str) -> AbstractContextManager[None]:
        return transaction(self.connection, action)

    def erase(self) -> None:
        with translated("overwrite destroyed data keys"):
            self.connection.execute("VACUUM")  # a page that was split may hold a stale copy of a row
            ((busy, *_counts),) = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if busy or (self._log.exists() and self._log.stat().st_size):
            raise UnavailableError(
                f"{self._log.name} still holds destroyed data keys: someone else reads the file",
                code="keys-in-use",
                remedy="end the backup or program that has it open; the destruction is then finished",
            )


class SqliteKeys(StoredKeys):
    """`DataKeys` in one file, readable by its owner only."""

    def __init__(self, path: Path, entropy: Entropy, wrappers: WrappingKeys) -> None:
        self._connection = connect(path)
        write_anew(self._connection, path.name)
        migrate(self._connection, MIGRATIONS, path.name)
        super().__init__(KeyTables(SqliteKeyFile(self._connection, path), wrappers), entropy)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

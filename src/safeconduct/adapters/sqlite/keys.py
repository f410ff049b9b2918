"""Data keys in a file of their own, so that a backup of the log does not undo the destruction of a key."""

import threading
from pathlib import Path

from safeconduct.adapters.sqlite.database import connect, migrate, transaction, translated
from safeconduct.kernel.ports import Entropy
from safeconduct.ledger.envelope import DATA_KEY_BYTES, DataKeyName

MIGRATIONS = (
    """
    CREATE TABLE data_keys (
        origin TEXT NOT NULL, subject TEXT NOT NULL, retention TEXT NOT NULL, key BLOB NOT NULL,
        PRIMARY KEY (origin, subject, retention)
    ) STRICT, WITHOUT ROWID;
    """,
)
CACHED_KEYS_MAX = 4096  # 32 bytes each; above it the cache starts again


class SqliteKeys:
    """`DataKeys` in one file, readable by its owner only."""

    def __init__(self, path: Path, entropy: Entropy) -> None:
        self._connection = connect(path)
        migrate(self._connection, MIGRATIONS, path.name)
        self._entropy = entropy
        self._lock = threading.Lock()  # guards all below: the writer makes keys while readers open fields
        self._known: dict[DataKeyName, bytes] = {}
        self._new: dict[DataKeyName, bytes] = {}

    def get(self, name: DataKeyName) -> bytes | None:
        with self._lock:
            return self._get(name)

    def make(self, name: DataKeyName) -> bytes:
        with self._lock:
            key = self._get(name)
            if key is None:
                key = self._new[name] = self._entropy(DATA_KEY_BYTES)
            return key

    def commit(self) -> None:
        with self._lock:
            if not self._new:
                return
            with transaction(self._connection, "store data keys"):
                rows = [(name.origin, name.subject, name.retention, key) for name, key in self._new.items()]
                self._connection.executemany("INSERT INTO data_keys VALUES (?, ?, ?, ?)", rows)
            self._known |= self._new
            self._new.clear()

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def _get(self, name: DataKeyName) -> bytes | None:
        key = self._known.get(name) or self._new.get(name)
        if key is None:
            with translated("read a data key"):
                row = self._connection.execute(
                    "SELECT key FROM data_keys WHERE origin = ? AND subject = ? AND retention = ?",
                    (name.origin, name.subject, name.retention),
                ).fetchone()
            if row is not None:
                if len(self._known) >= CACHED_KEYS_MAX:
                    self._known.clear()
                key = self._known[name] = row[0]
        return key

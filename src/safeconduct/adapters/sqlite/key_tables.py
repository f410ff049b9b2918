"""The tables of keys.db: data keys wrapped for the house, copies wrapped for other readers, and under what."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safeconduct.adapters.sqlite.database import transaction, translated
from safeconduct.kernel.entries import Reader, Retention
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.key_ports import KeyWrapper, WrappingKeys
from safeconduct.ledger.sealing import (
    DataKey,
    DataKeyName,
    KeySelector,
    Readership,
    WrappedKey,
    house_bound,
    record_bound,
)

MIGRATIONS = (
    """
    CREATE TABLE data_keys (
        origin TEXT NOT NULL, subject TEXT NOT NULL, retention TEXT NOT NULL, key BLOB NOT NULL,
        PRIMARY KEY (origin, subject, retention)
    ) STRICT, WITHOUT ROWID;
    """,
    # What the first form sealed had no key id in its leaf, so nothing reads it any more: its raw keys go.
    """
    DROP TABLE data_keys;
    CREATE TABLE wrappers (id TEXT PRIMARY KEY, retired INTEGER NOT NULL) STRICT;
    CREATE TABLE data_keys (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, origin TEXT NOT NULL, subject TEXT NOT NULL,
        retention TEXT NOT NULL, readers TEXT NOT NULL, day TEXT NOT NULL, recipients TEXT NOT NULL,
        wrapper TEXT NOT NULL, wrapped BLOB  -- NULL where the house may not read
    ) STRICT;
    CREATE INDEX data_keys_by_name ON data_keys (origin, subject, retention, readers, day);
    CREATE TABLE reader_keys (
        number INTEGER PRIMARY KEY AUTOINCREMENT,  -- a reader asks for those after a number: none is used twice
        id TEXT NOT NULL, reader TEXT NOT NULL, wrapper TEXT NOT NULL, wrapped BLOB NOT NULL, UNIQUE (id, reader)
    ) STRICT;
    """,
    "CREATE TABLE taken (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL) STRICT;",
)
_RECORDS = 256  # read at once


@dataclass(frozen=True, slots=True)
class NewKey:
    """A data key that is to be stored, as it was wrapped for each other reader."""

    name: DataKeyName
    readership: Readership
    made: DataKey
    wrapped: Mapping[Reader, bytes] = field(default_factory=dict)


class KeyTables:
    """Reads and writes keys.db. Whoever uses it takes turns."""

    def __init__(self, connection: sqlite3.Connection, path: Path, wrappers: WrappingKeys) -> None:
        self._connection = connection
        self._log = path.with_name(path.name + "-wal")
        self._wrappers = wrappers
        self._opened: dict[str, KeyWrapper] = {}
        self.finish()
        self._current()

    def insert(self, keys: Iterable[NewKey], *, taken: int | None = None) -> None:
        """Stores keys, wrapped for each of their readers. Those that a failed commit stored nevertheless stay.

        `taken` is the number up to which they were taken from the keeper of the log, in the file of another reader.

        Raises:
            UnavailableError: none was stored - unless the commit itself failed.
        """
        wrapper = self._current()
        with transaction(self._connection, "store data keys"):
            for key in keys:
                self._insert(key, wrapper)
            if taken is not None:
                self._connection.execute("INSERT OR REPLACE INTO taken VALUES (1, ?)", (taken,))

    def taken(self) -> int:
        """Returns the number up to which keys were taken; 0 at first."""
        rows = self._all("SELECT number FROM taken")
        return int(rows[0][0]) if rows else 0

    def key(self, key_id: str) -> bytes | None:
        """Returns a data key that is the house's to open, or None.

        Raises:
            UnavailableError: it is damaged, or its key-encryption key is not here.
        """
        rows = self._all("SELECT wrapper, wrapped FROM data_keys WHERE id = ? AND wrapped IS NOT NULL", key_id)
        return self._wrapper(rows[0][0]).unwrap(rows[0][1], house_bound(key_id)) if rows else None

    def find(self, name: DataKeyName, recipients: str) -> str | None:
        """Returns the id of the latest key of this name that these can open, the house among them; or None."""
        rows = self._all(
            "SELECT id FROM data_keys WHERE origin = ? AND subject = ? AND retention = ? AND readers = ? AND day = ?"
            " AND recipients = ? AND wrapped IS NOT NULL ORDER BY number DESC LIMIT 1",
            *(*_columns(name), recipients),
        )
        return str(rows[0][0]) if rows else None

    def records(self, reader: Reader, after: int) -> list[WrappedKey]:
        """Returns the next keys that were wrapped for a reader; none if there are no more."""
        rows = self._all(
            "SELECT r.number, r.id, origin, retention, day, r.wrapper, r.wrapped"
            " FROM reader_keys r JOIN data_keys USING (id) WHERE reader = ? AND r.number > ? ORDER BY r.number LIMIT ?",
            *(reader, after, _RECORDS),
        )
        return [
            WrappedKey(
                number=number,
                id=key_id,
                origin=Origin(origin),
                reader=reader,
                retention=Retention(retention),
                day=day,
                wrapped=self._wrapper(wrapper).unwrap(wrapped, record_bound(key_id, reader)),
            )
            for number, key_id, origin, retention, day, wrapper, wrapped in rows
        ]

    def ids(self, selector: KeySelector) -> list[str]:
        """Returns the ids of the keys that fit."""
        rows = self._all(
            "SELECT id FROM data_keys WHERE origin = ?1 AND ifnull(subject = ?2, TRUE) AND ifnull(retention = ?3, TRUE)"
            " AND (?4 IS NULL OR day != '' AND day < ?4) ORDER BY number",
            *(selector.origin, selector.subject, selector.retention, selector.before),
        )
        return [row[0] for row in rows]

    def delete(self, key_ids: Collection[str]) -> None:
        """Deletes keys and wraps all others under a new key-encryption key, in one transaction; `finish` does the rest.

        Nothing happens if none of them is there.

        Raises:
            UnavailableError: it was not done - unless the commit itself failed.
        """
        if not any(self._all("SELECT 1 FROM data_keys WHERE id = ?", key_id) for key_id in key_ids):
            return
        new = self._wrappers.make()
        with transaction(self._connection, "destroy data keys"):
            gone = [(key_id,) for key_id in key_ids]
            self._connection.executemany("DELETE FROM data_keys WHERE id = ?", gone)
            self._connection.executemany("DELETE FROM reader_keys WHERE id = ?", gone)
            self._rewrap(new)
            self._connection.execute("UPDATE wrappers SET retired = 1")
            self._connection.execute("INSERT INTO wrappers VALUES (?, 0)", (new.id,))

    def finish(self) -> None:
        """Leaves no byte of deleted keys in the files, then destroys the key-encryption keys that were retired.

        Others are left alone: beside a restored older one the newer key stays.

        Raises:
            UnavailableError: it is not all done.
        """
        retired = [row[0] for row in self._all("SELECT id FROM wrappers WHERE retired")]
        if not retired:
            return
        with translated("overwrite destroyed data keys"):
            self._connection.execute("VACUUM")  # a page that was split may hold a stale copy of a row
            self._truncate()
        for key_id in retired:
            self._opened.pop(key_id, None)
            self._wrappers.destroy(key_id)
        with transaction(self._connection, "forget a destroyed key-encryption key"):
            self._connection.executemany("DELETE FROM wrappers WHERE id = ?", [(one,) for one in retired])

    def _truncate(self) -> None:
        ((busy, *_counts),) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if busy or (self._log.exists() and self._log.stat().st_size):
            raise UnavailableError(
                f"{self._log.name} still holds destroyed data keys: someone else reads the file",
                code="keys-in-use",
                remedy="end the backup or program that has it open; the destruction is then finished",
            )

    def _insert(self, new: NewKey, wrapper: KeyWrapper) -> None:
        made, name, readership = new.made, new.name, new.readership
        kept = wrapper.wrap(made.key, house_bound(made.id)) if readership.house else None
        self._connection.execute(
            "INSERT OR IGNORE INTO data_keys"
            " (id, origin, subject, retention, readers, day, recipients, wrapper, wrapped)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (made.id, *_columns(name), readership.recipients, wrapper.id, kept),
        )
        for reader, record in sorted(new.wrapped.items()):
            self._connection.execute(
                "INSERT OR IGNORE INTO reader_keys (id, reader, wrapper, wrapped) VALUES (?, ?, ?, ?)",
                (made.id, reader, wrapper.id, wrapper.wrap(record, record_bound(made.id, reader))),
            )

    def _rewrap(self, new: KeyWrapper) -> None:
        execute, many = self._connection.execute, self._connection.executemany
        keys = execute("SELECT wrapper, wrapped, id FROM data_keys WHERE wrapped IS NOT NULL").fetchall()
        many(
            "UPDATE data_keys SET wrapper = ?, wrapped = ? WHERE id = ?",
            [(new.id, self._again(new, row[0], row[1], house_bound(row[2])), row[2]) for row in keys],
        )
        records = execute("SELECT wrapper, wrapped, id, reader FROM reader_keys").fetchall()
        many(
            "UPDATE reader_keys SET wrapper = ?, wrapped = ? WHERE id = ? AND reader = ?",
            [(new.id, self._again(new, row[0], row[1], record_bound(row[2], row[3])), *row[2:]) for row in records],
        )

    def _again(self, new: KeyWrapper, wrapper: str, wrapped: bytes, bound: bytes) -> bytes:
        return new.wrap(self._wrapper(wrapper).unwrap(wrapped, bound), bound)

    def _current(self) -> KeyWrapper:
        rows = self._all("SELECT id FROM wrappers WHERE NOT retired")
        if rows:
            return self._wrapper(rows[0][0])
        made = self._wrappers.make()
        with transaction(self._connection, "note the key-encryption key"):
            self._connection.execute("INSERT INTO wrappers VALUES (?, 0)", (made.id,))
        return made

    def _wrapper(self, key_id: str) -> KeyWrapper:
        if key_id not in self._opened:
            self._opened[key_id] = self._wrappers.find(key_id)
        return self._opened[key_id]

    def _all(self, statement: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        with translated("read data keys"):
            return self._connection.execute(statement, values).fetchall()


def _columns(name: DataKeyName) -> tuple[str, str, str, str, str]:
    return name.origin, name.subject, name.retention, ",".join(sorted(name.readers)), name.day

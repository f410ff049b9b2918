"""The event index on disk: `events.db`. Derived from the raw files; a damaged one is thrown away and made again."""

import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from safeconduct.adapters.sqlite.database import LOCK_TIMEOUT_S, connect, migrate, transaction, translated
from safeconduct.kernel.beginnings import BEGINNING_MIN
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.model import Event
from safeconduct.soc.ocsf.deferring import Meaning
from safeconduct.soc.ports import DeadLetter, Progress, Reading, unknown_event

MIGRATIONS = (
    """
    CREATE TABLE events (
        id TEXT PRIMARY KEY, source TEXT NOT NULL, at INTEGER NOT NULL, raw BLOB NOT NULL, ocsf BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX events_in_time ON events (at, id);
    CREATE TABLE files (digest TEXT PRIMARY KEY, lines INTEGER NOT NULL, complete INTEGER NOT NULL) STRICT;
    CREATE TABLE dead_letters (
        digest TEXT NOT NULL, line INTEGER NOT NULL, letter BLOB NOT NULL, PRIMARY KEY (digest, line)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    ALTER TABLE events RENAME TO former;
    CREATE TABLE events (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, source TEXT NOT NULL, at INTEGER NOT NULL,
        raw BLOB NOT NULL, ocsf BLOB NOT NULL
    ) STRICT;
    INSERT INTO events (id, source, at, raw, ocsf) SELECT id, source, at, raw, ocsf FROM former;
    DROP TABLE former;
    CREATE INDEX events_in_time ON events (at, id);
    CREATE TABLE generation (name TEXT NOT NULL) STRICT;
    INSERT INTO generation VALUES (lower(hex(randomblob(16))));
    """,
)
_INSERT = "INSERT INTO events (id, source, at, raw, ocsf) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_PROGRESS = """
    INSERT INTO files VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET lines = max(lines, excluded.lines), complete = max(complete, excluded.complete)
"""
_DEAD = "INSERT INTO dead_letters VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET letter = excluded.letter"
_COLUMNS = "SELECT id, source, at, raw, ocsf FROM events"
_ARRIVED = "SELECT id, source, at, raw, ocsf, number FROM events WHERE number > ? ORDER BY number LIMIT ?"
_BEGUN = "SELECT id FROM events WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
_AFTER_DIGITS = "g"  # sorts after each hex digit, so after all that begins alike
PAGE_BYTES = 16_384
"""Bytes of a page: a record has a thousand, which small pages spread over two, and each is summed and written twice."""

_PAGE = 2000
_WORKED_OUT = b""  # a meaning that follows from its row is not kept
_IDS_MAX = 500  # ids in one query, well below SQLite's limit on variables


class SqliteEventStore:
    """`EventStore` on disk. Callers of any thread take turns."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Opens the index, made if it is not there; `read_only` the one that another process keeps.

        Raises:
            UnavailableError: it can't be opened.
        """
        self._lock = threading.Lock()
        self._connection = _opened_to_read(path) if read_only else _open(path)

    def add(self, events: Iterable[Event], *, file: str, reading: Reading) -> int:
        # Written out before the lock is taken: what it takes to read a file keeps nobody waiting.
        rows = [(e.id, e.source, e.at, msgspec.json.encode(e.raw), _kept(e.ocsf)) for e in events]
        letters = [(file, letter.line, msgspec.json.encode(letter)) for letter in reading.dead]
        with self._lock, transaction(self._connection, "index events"):
            before = self._connection.total_changes
            self._connection.executemany(_INSERT, rows)
            new = self._connection.total_changes - before
            self._connection.executemany(_DEAD, letters)
            self._connection.execute(_PROGRESS, (file, reading.lines, reading.complete))
        return new

    def progress(self, file: str) -> Progress:
        rows = self._all("SELECT lines, complete FROM files WHERE digest = ?", (file,))
        return Progress(rows[0][0], bool(rows[0][1])) if rows else Progress()

    def forget(self, file: str) -> None:
        with self._lock, transaction(self._connection, "forget a file"):
            self._connection.execute("DELETE FROM files WHERE digest = ?", (file,))
            self._connection.execute("DELETE FROM dead_letters WHERE digest = ?", (file,))

    def dead_letters(self, file: str) -> Sequence[DeadLetter]:
        rows = self._all("SELECT letter FROM dead_letters WHERE digest = ? ORDER BY line", (file,))
        return [msgspec.json.decode(letter, type=DeadLetter) for (letter,) in rows]

    def get(self, event_id: EventId) -> Event:
        found = self.many([event_id])
        if event_id not in found:
            raise unknown_event(event_id)
        return found[event_id]

    def many(self, event_ids: Collection[EventId]) -> Mapping[EventId, Event]:
        wanted, found = list(event_ids), {}
        for start in range(0, len(wanted), _IDS_MAX):
            part = wanted[start : start + _IDS_MAX]
            marks = ",".join("?" * len(part))
            for row in self._all(f"{_COLUMNS} WHERE id IN ({marks})", part):
                found[EventId(row[0])] = _event(row)
        return {key: found[key] for key in wanted if key in found}

    def begun(self, beginning: str, most: int) -> Sequence[EventId]:
        if len(beginning) < BEGINNING_MIN:
            return []
        return [EventId(row[0]) for row in self._all(_BEGUN, (beginning, beginning + _AFTER_DIGITS, most))]

    def between(
        self, first: Instant | None = None, last: Instant | None = None, sources: Collection[str] = ()
    ) -> Iterator[Event]:
        # Page by page, so that a long reading neither holds the lock nor a snapshot.
        low, after = (-(2**63) if first is None else first), ""
        high = 2**63 - 1 if last is None else last
        marks = f" AND source IN ({','.join('?' * len(sources))})" if sources else ""
        query = f"{_COLUMNS} WHERE (at, id) > (?, ?) AND at <= ?{marks} ORDER BY at, id LIMIT {_PAGE}"
        while rows := self._all(query, (low, after, high, *sources)):
            yield from map(_event, rows)
            after, low = rows[-1][0], rows[-1][2]

    def generation(self) -> str:
        return str(self._all("SELECT name FROM generation", ())[0][0])

    def arrived(self, after: int, count: int) -> Sequence[tuple[int, Event]]:
        return [(row[5], _event(row[:5])) for row in self._all(_ARRIVED, (after, count))]

    def latest(self) -> int:
        return int(self._all("SELECT coalesce(max(number), 0) FROM events", ())[0][0])

    def counts(self) -> Mapping[str, int]:
        return dict(self._all("SELECT source, count(*) FROM events GROUP BY source ORDER BY source", ()))

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def _all(self, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._lock, translated("read the event index"):
            return self._connection.execute(query, values).fetchall()


def _open(path: Path) -> sqlite3.Connection:
    if not _sound(path):
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    connection = connect(path, page_bytes=PAGE_BYTES)
    try:
        migrate(connection, MIGRATIONS, path.name)
    except UnavailableError:
        connection.close()
        raise
    path.chmod(0o600)
    return connection


def _opened_to_read(path: Path) -> sqlite3.Connection:
    with translated(f"open {path.name}"):
        return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=LOCK_TIMEOUT_S)


def _sound(path: Path) -> bool:
    """Tells whether the file is a whole database. One that is busy is not damaged, and raises later."""
    connection = sqlite3.connect(path)
    try:
        rows: list[tuple[str]] = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.OperationalError:
        return True
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()
    return rows == [("ok",)]


def _kept(meaning: Mapping[str, Any]) -> bytes:
    return _WORKED_OUT if isinstance(meaning, Meaning) else msgspec.json.encode(meaning)


def _event(row: tuple[Any, ...]) -> Event:
    identity, source, at, kept, ocsf = row
    raw = msgspec.json.decode(kept)
    meaning = msgspec.json.decode(ocsf) if ocsf else Meaning(source, raw, at)
    return Event(id=EventId(identity), source=source, at=Instant(at), raw=raw, ocsf=meaning)

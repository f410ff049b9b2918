"""The event index on disk: `events.db`. Derived from the raw files; a damaged one is thrown away and made again."""

import sqlite3
import threading
from collections import defaultdict
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
    # Which files an event is in: each is read once more, which finds that out and changes nothing else. `last` is the
    # number of the event that arrived last when some were destroyed, `destroyed` how often that was.
    """
    DROP TABLE files;
    CREATE TABLE files (
        number INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, lines INTEGER NOT NULL,
        complete INTEGER NOT NULL
    ) STRICT;
    ALTER TABLE events ADD COLUMN file INTEGER;
    CREATE INDEX events_of_file ON events (file);
    CREATE TABLE also_in (event INTEGER NOT NULL, file INTEGER NOT NULL, PRIMARY KEY (event, file))
        STRICT, WITHOUT ROWID;
    CREATE INDEX also_in_file ON also_in (file);
    ALTER TABLE generation ADD COLUMN destroyed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE generation ADD COLUMN last INTEGER NOT NULL DEFAULT 0;
    """,
)
_INSERT = "INSERT INTO events (id, source, at, raw, ocsf, file) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_FILE = """
    INSERT INTO files (digest, lines, complete) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET lines = max(lines, excluded.lines), complete = max(complete, excluded.complete)
    RETURNING number
"""
_OF_NO_FILE = "UPDATE events SET file = ? WHERE id = ? AND file IS NULL"
_ALSO_IN = "INSERT OR IGNORE INTO also_in SELECT number, ? FROM events WHERE id = ? AND file <> ?"
_SHARED = "SELECT number, (SELECT min(file) FROM also_in WHERE event = number) FROM events WHERE file = ? LIMIT ?"
_FILES_OF = """
    SELECT id, digest FROM events JOIN files ON files.number = events.file WHERE id IN ({marks})
    UNION SELECT id, digest FROM events JOIN also_in ON also_in.event = events.number
    JOIN files ON files.number = also_in.file WHERE id IN ({marks})
"""
_SPAN = """
    SELECT coalesce(min(first), 0), coalesce(max(last), 0) FROM (
        SELECT min(events.number) AS first, max(events.number) AS last
        FROM files JOIN events ON events.file = files.number WHERE digest = ?
        UNION ALL SELECT min(event), max(event) FROM files JOIN also_in ON also_in.file = files.number WHERE digest = ?
    )
"""
_LATEST = "SELECT max(last, (SELECT coalesce(max(number), 0) FROM events)) FROM generation"
_REMEMBER = "UPDATE generation SET last = max(last, (SELECT coalesce(max(number), 0) FROM events))"
_RISE = "INSERT INTO events SELECT last, '', '', 0, x'', x'', NULL FROM generation WHERE last > ?"
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
            ((number,),) = self._connection.execute(_FILE, (file, reading.lines, reading.complete)).fetchall()
            new = self._insert([(*row, number) for row in rows])
            if new < len(rows):
                again = [(number, row[0]) for row in rows]
                self._connection.executemany(_OF_NO_FILE, again)
                self._connection.executemany(_ALSO_IN, [(*one, number) for one in again])
            self._connection.executemany(_DEAD, letters)
        return new

    def _insert(self, rows: Sequence[tuple[object, ...]]) -> int:
        """Inserts what is new under numbers that none ever had, destroyed ones neither; returns how many that is."""
        ((highest,),) = self._connection.execute("SELECT coalesce(max(number), 0) FROM events").fetchall()
        risen = self._connection.execute(_RISE, (highest,)).rowcount
        before = self._connection.total_changes
        self._connection.executemany(_INSERT, rows)
        new = self._connection.total_changes - before
        if risen:
            self._connection.execute("DELETE FROM events WHERE id = ''")
        return new

    def progress(self, file: str) -> Progress:
        rows = self._all("SELECT lines, complete FROM files WHERE digest = ?", (file,))
        return Progress(rows[0][0], bool(rows[0][1])) if rows else Progress()

    def forget(self, file: str) -> None:
        with self._lock, transaction(self._connection, "forget a file"):
            self._connection.execute("UPDATE files SET lines = 0, complete = 0 WHERE digest = ?", (file,))
            self._connection.execute("DELETE FROM dead_letters WHERE digest = ?", (file,))

    def files_of(self, event_ids: Collection[EventId]) -> Mapping[EventId, frozenset[str]]:
        wanted, found = list(event_ids), defaultdict[EventId, set[str]](set)
        for start in range(0, len(wanted), _IDS_MAX):
            part = wanted[start : start + _IDS_MAX]
            for event, digest in self._all(_FILES_OF.format(marks=",".join("?" * len(part))), part * 2):
                found[EventId(event)].add(digest)
        return {key: frozenset(found[key]) for key in wanted if key in found}

    def span(self, file: str) -> tuple[int, int]:
        ((first, last),) = self._all(_SPAN, (file, file))
        return int(first), int(last)

    def destroy(self, file: str) -> None:
        while self._destroy(file):
            pass

    def _destroy(self, file: str) -> bool:
        """Destroys up to a page of a file's events, with the last of them all else of it; tells if there are more."""
        with self._lock, transaction(self._connection, "destroy events"):
            done = self._connection
            for (number,) in done.execute("SELECT number FROM files WHERE digest = ?", (file,)).fetchall():
                done.execute(_REMEMBER)
                shared = done.execute(_SHARED, (number, _PAGE)).fetchall()
                done.executemany("DELETE FROM events WHERE number = ?", [(one,) for one, other in shared if not other])
                done.executemany("UPDATE events SET file = ? WHERE number = ?", [(f, n) for n, f in shared if f])
                done.executemany("DELETE FROM also_in WHERE event = ? AND file = ?", [one for one in shared if one[1]])
                if len(shared) == _PAGE:
                    return True
                done.execute("DELETE FROM also_in WHERE file = ?", (number,))
                done.execute("DELETE FROM files WHERE number = ?", (number,))
            done.execute("DELETE FROM dead_letters WHERE digest = ?", (file,))
        return False

    def edition(self) -> str:
        ((name, destroyed),) = self._all("SELECT name, destroyed FROM generation", ())
        return f"{name}-{destroyed}" if destroyed else str(name)

    def renew(self) -> None:
        with self._lock, translated("overwrite destroyed events"):
            self._connection.execute("UPDATE generation SET destroyed = destroyed + 1")
            ((busy, *_counts),) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if busy:
            raise UnavailableError(
                "the log of the event index still holds destroyed events: someone else reads it",
                code="telemetry-in-use",
                remedy="it is tried again; end the backup or program that has it open",
            )

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
        return int(self._all(_LATEST, ())[0][0])

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

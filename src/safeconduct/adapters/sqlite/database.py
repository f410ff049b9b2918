"""Opening a SQLite file the one way we open them: WAL, synced at each commit, at a known schema version."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from safeconduct.kernel.errors import UnavailableError
from safeconduct.ledger.ports import DISK_FAILED

LOCK_TIMEOUT_S = 5.0  # another process's write takes milliseconds; longer means that something is stuck
OWNER_ONLY = 0o600
WAL_BYTES = 16_384_000  # before the log is taken into the database: pages that change in every commit are written once
PAGE_BYTES = 8192  # a commit writes half as many as of 4096; of 16,384 it would write more that did not change
_PRIMARY = 0xFF  # of an extended result code


def connect(path: Path, *, synchronous: str = "FULL", page_bytes: int = PAGE_BYTES) -> sqlite3.Connection:
    """Opens a database in autocommit mode; whoever uses it from several threads takes turns.

    `synchronous` is an argument only so that a test can show what another setting loses. A database that is there
    keeps the pages it was made with.
    """
    with translated(f"open {path.name}"):
        path.touch(mode=OWNER_ONLY)  # SQLite gives its side files the same mode
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=LOCK_TIMEOUT_S)
        try:
            connection.execute(f"PRAGMA page_size = {page_bytes}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_BYTES // page_bytes}")
            connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten: destruction means it
        except sqlite3.Error:
            connection.close()
            raise
    return connection


def rows(connection: sqlite3.Connection, statement: str, values: Sequence[object]) -> list[tuple]:  # type: ignore[type-arg]
    """Returns all rows of a query. Damaged text is read with replacement characters, to be found out by its reader."""
    try:
        return connection.execute(statement, values).fetchall()
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
    factory, connection.text_factory = connection.text_factory, lambda raw: raw.decode("utf-8", "replace")
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.text_factory = factory


def migrate(connection: sqlite3.Connection, migrations: Sequence[str], name: str) -> None:
    """Brings a database to the newest schema, one numbered step in one transaction each.

    Raises:
        UnavailableError: the file is from a newer release.
    """
    with translated(f"migrate {name}"):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise UnavailableError(
                f"{name} has schema {version}, this release knows {len(migrations)}",
                code="schema-unknown",
                remedy="use the release that wrote it, or a newer one",
            )
        for number, script in enumerate(migrations[version:], start=version + 1):
            connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


def write_anew(connection: sqlite3.Connection, name: str) -> None:
    """Writes what an earlier process left in the write-ahead log into the database, and empties that log.

    A sync that failed may have lost what can still be read (Linux drops the pages and forgets that they were dirty):
    what is appended after it would be lost with it.

    Raises:
        UnavailableError: `disk-failed` or `store-failed`; another process keeps reading an earlier state.
    """
    with translated(f"write {name} anew"):
        busy, _log, _done = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise UnavailableError(f"another process reads {name}", code="store-busy", remedy="try again when it has ended")


_HELPS = {
    sqlite3.SQLITE_FULL: "make room on the disk: nothing is recorded until there is",
    sqlite3.SQLITE_READONLY: "run this as whoever owns the data, where they may be written",
    sqlite3.SQLITE_CANTOPEN: "run this as whoever owns the data, where they may be written",
}


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Turns SQLite's errors, and the file system's, into ours. The one place that does.

    `disk-failed` stands for a read, write or sync that the disk refused other than for want of room.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        raise UnavailableError(
            f"could not {action}: {error}",
            code=DISK_FAILED if code == sqlite3.SQLITE_IOERR else "store-failed",
            remedy=_HELPS.get(code, ""),
        ) from error
    except (OSError, UnicodeDecodeError) as error:  # the second where a damaged schema is named in an error
        raise UnavailableError(f"could not {action}: {error}", code="store-failed") from error


@contextmanager
def transaction(connection: sqlite3.Connection, action: str) -> Iterator[None]:
    """Runs the block in one transaction: all of it or nothing.

    Raises:
        UnavailableError: it failed. Only if the commit itself failed can it be that it was applied nevertheless.
    """
    with translated(action):
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

"""Opening a SQLite file the one way we open them: WAL, synced at each commit, at a known schema version."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from safeconduct.kernel.errors import UnavailableError

LOCK_TIMEOUT_S = 5.0  # another process's write takes milliseconds; longer means that something is stuck
OWNER_ONLY = 0o600


def connect(path: Path, *, synchronous: str = "FULL") -> sqlite3.Connection:
    """Opens a database in autocommit mode; whoever uses it from several threads takes turns.

    `synchronous` is an argument only so that a test can show what another setting loses.
    """
    with translated(f"open {path.name}"):
        path.touch(mode=OWNER_ONLY)  # SQLite gives its side files the same mode
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=LOCK_TIMEOUT_S)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {synchronous}")
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


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Turns SQLite's errors, and the file system's, into ours. The one place that does."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
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

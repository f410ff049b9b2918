"""Connecting to PostgreSQL the one way we do: synced at each commit, at a known schema version."""

import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict

from safeconduct.kernel.errors import InvalidInputError, UnavailableError

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

CONNECT_TIMEOUT_S = 10
"""Seconds until a server that does not answer is given up."""

SILENCE_MAX_S = 20
"""Seconds until a network connection on which nothing arrives counts as lost; the system's own default is hours."""

LOCK_NAMESPACE = 0x53414645
"""The first number of every advisory lock of ours ("SAFE"); the second one is a `Lock`, or that plus a log's number."""

WRITING, DECIDING, MIGRATING, KEEPING, SERVING_ALL, SEQUENCING = 0, 1, 2, 3, 4, 1000

_SETTINGS = {
    "synchronous_commit": "on",  # whatever the server's default: what is acknowledged is on disk
    "default_transaction_isolation": "read committed",
    "timezone": "UTC",
}


def connect(url: str) -> Connection:
    """Opens a connection in autocommit mode.

    Raises:
        InvalidInputError: `database-address`.
        UnavailableError: there is no such database, or it would not keep what is committed (`durability-off`).
    """
    _require_address(url)
    with translated("connect to PostgreSQL"):
        connection = psycopg.connect(
            url,
            autocommit=True,
            application_name="safeconduct",
            connect_timeout=CONNECT_TIMEOUT_S,
            keepalives_idle=SILENCE_MAX_S // 2,
            keepalives_interval=SILENCE_MAX_S // 4,
            keepalives_count=2,
            tcp_user_timeout=SILENCE_MAX_S * 1000,
        )
        try:
            for name, value in _SETTINGS.items():
                one(connection, "SELECT set_config(?, ?, false)", name, value)
            _require_durable(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def _require_address(url: str) -> None:
    try:
        conninfo_to_dict(url)
    except psycopg.Error:  # not with what it says: it quotes the address, and a password may stand there
        raise InvalidInputError(
            "the address of a database can't be read",
            code="database-address",
            remedy="expected postgresql://user:password@host/name, where % in a password is written %25",
        ) from None


def _require_durable(connection: Connection) -> None:
    for name in ("fsync", "full_page_writes"):
        if one(connection, "SELECT current_setting(?)", name) != "on":
            raise UnavailableError(
                f"PostgreSQL runs with {name} off: what it acknowledges may be lost",
                code="durability-off",
                remedy=f"set {name} = on in postgresql.conf",
            )


def rows(connection: Connection, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Returns all rows of a query."""
    if any(isinstance(value, str) and "\0" in value for value in values):
        return []  # no text in PostgreSQL holds it, so that nothing can match
    return connection.execute(placed(statement), values, binary=True).fetchall()


def one(connection: Connection, statement: str, *values: object) -> Any:  # noqa: ANN401 - whatever the column holds
    """Returns the first column of a query's only row."""
    return rows(connection, statement, values)[0][0]


@lru_cache(maxsize=256)
def placed(statement: str) -> Any:  # noqa: ANN401 - psycopg takes literal text only, and ours is constant
    """Returns a statement with the driver's placeholders, for values in binary form, in place of question marks."""
    return statement.replace("?", "%b")


def migrate(connection: Connection, migrations: Sequence[str]) -> None:
    """Brings a database to the newest schema, one numbered step in one transaction each. Processes take turns.

    Raises:
        UnavailableError: the database is from a newer release.
    """
    with transaction(connection, "migrate the database"):
        rows(connection, "SELECT pg_advisory_xact_lock(?, ?)", (LOCK_NAMESPACE, MIGRATING))
        connection.execute("CREATE TABLE IF NOT EXISTS schema_version (number integer NOT NULL)")
        (version,) = [number for (number,) in rows(connection, "SELECT number FROM schema_version")] or [0]
        if version > len(migrations):
            raise UnavailableError(
                f"the database has schema {version}, this release knows {len(migrations)}",
                code="schema-unknown",
                remedy="use the release that wrote it, or a newer one",
            )
        if version == len(migrations):
            return
        for script in migrations[version:]:
            connection.execute(placed(script))
        connection.execute("DELETE FROM schema_version")
        connection.execute(placed("INSERT INTO schema_version VALUES (?)"), (len(migrations),))


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Turns the driver's errors into ours. The one place that does."""
    try:
        yield
    except psycopg.Error as error:
        said = str(error).strip().replace("\n", "; ")
        raise UnavailableError(f"could not {action}: {said}", code="store-failed") from error


@contextmanager
def transaction(connection: Connection, action: str, begin: str = "BEGIN") -> Iterator[None]:
    """Runs the block in one transaction: all of it or nothing.

    Raises:
        UnavailableError: it failed. Only if the commit itself failed can it be that it was applied nevertheless.
    """
    with translated(action):
        connection.execute(placed(begin))
        try:
            yield
            connection.execute("COMMIT")
        finally:
            if not connection.closed and connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                connection.execute("ROLLBACK")


def lost(connection: Connection) -> bool:
    """Tells whether a connection ended, also while nobody used it: its end then lies there unread.

    Within a transaction only a failing statement tells: nobody may go on with another connection in its place.
    """
    if connection.closed or connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        return connection.closed
    unread = select.poll()
    unread.register(connection.fileno(), select.POLLIN)
    if unread.poll(0):
        with suppress(psycopg.Error):
            connection.execute("SELECT 1")
    return connection.closed

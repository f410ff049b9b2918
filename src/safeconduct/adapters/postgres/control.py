"""Control state and log in one PostgreSQL database: `Store` for one writing process."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from safeconduct.adapters.postgres.database import (
    LOCK_NAMESPACE,
    WRITING,
    Connection,
    migrate,
    one,
    transaction,
)
from safeconduct.adapters.postgres.reading import OneConnection, PostgresReader, PostgresRows
from safeconduct.adapters.postgres.session import Session
from safeconduct.adapters.postgres.writing import write_batch, write_cosigned
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Records
from safeconduct.ledger.ports import Batch

MIGRATIONS = (
    """
    CREATE TABLE logs (number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, origin text NOT NULL UNIQUE);
    CREATE TABLE entries (
        log integer NOT NULL, idx bigint NOT NULL, id text COLLATE "C" NOT NULL UNIQUE, leaf bytea NOT NULL,
        PRIMARY KEY (log, idx)
    );
    CREATE TABLE tiles (
        log integer NOT NULL, level integer NOT NULL, number bigint NOT NULL, hashes bytea NOT NULL,
        PRIMARY KEY (log, level, number)
    );
    CREATE TABLE checkpoints (log integer PRIMARY KEY, note text NOT NULL);
    CREATE TABLE cosigned (
        log integer NOT NULL, size bigint NOT NULL, witness text COLLATE "C" NOT NULL, note text NOT NULL,
        PRIMARY KEY (log, size, witness)
    );
    CREATE TABLE payloads (
        entry_id text COLLATE "C" NOT NULL, field text COLLATE "C" NOT NULL, blob bytea NOT NULL,
        PRIMARY KEY (entry_id, field)
    );
    CREATE TABLE records (
        collection text COLLATE "C" NOT NULL, key bytea NOT NULL, value bytea NOT NULL, PRIMARY KEY (collection, key)
    );
    CREATE TABLE pending (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, log integer NOT NULL,
        id text COLLATE "C" NOT NULL UNIQUE, at bigint NOT NULL, leaf bytea NOT NULL, hash bytea NOT NULL
    );
    CREATE INDEX pending_by_at ON pending (at);
    CREATE TABLE instants (kind text PRIMARY KEY, at bigint NOT NULL);
    INSERT INTO instants VALUES ('decided', 0), ('sequenced', 0);
    CREATE TABLE terms (log integer PRIMARY KEY, term bigint NOT NULL, stopped text NOT NULL);
    CREATE TABLE openings (number bigint NOT NULL);
    INSERT INTO openings VALUES (0);
    ALTER TABLE tiles ALTER hashes SET STORAGE EXTERNAL;
    ALTER TABLE payloads ALTER blob SET STORAGE EXTERNAL;
    """,  # hashes and ciphertext don't compress
)


class PostgresStore(PostgresRows):
    """`Store` in one database. One process writes: a second one is refused when it opens the store."""

    def __init__(self, url: str) -> None:
        self._opening: int | None = None
        self._sequenced = False
        self._session = Session(url, self._take_over)
        self._reader = PostgresReader(url)

    def commit(self, batch: Batch) -> None:
        connection = self._session.get()
        with transaction(connection, "commit"):
            if not (self._sequenced or batch.repairs):
                require_sequenced(connection)
            write_batch(connection, batch)
        self._sequenced = self._sequenced or not batch.repairs  # who has the lock alone adds nothing that waits

    def keep_cosigned(self, origin: Origin, size: int, note: str, witness: str) -> None:
        with transaction(self._session.get(), "store a cosigned checkpoint"):
            write_cosigned(self._session.get(), (self._number(origin), size, witness, note))

    def reader(self) -> PostgresReader:
        return self._reader

    def frozen(self) -> AbstractContextManager[OneConnection]:
        return self._reader.frozen()

    def snapshot(self) -> AbstractContextManager[Records]:
        return self._reader.snapshot()

    def close(self) -> None:
        self._reader.close()
        self._session.close()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        yield self._session.get()

    def _take_over(self, connection: Connection) -> None:
        """Takes the lock that only one writing process has, and counts the openings, to tell if another came between.

        Raises:
            UnavailableError: another process writes (`store-locked`), or wrote since this one did.
        """
        if not one(connection, "SELECT pg_try_advisory_lock(?, ?)", LOCK_NAMESPACE, WRITING):
            raise UnavailableError(
                "another process writes to this database", code="store-locked", remedy="stop it, or let it finish"
            )
        migrate(connection, MIGRATIONS)
        if self._opening is None:
            self._opening = count_opening(connection)
        elif one(connection, "SELECT number FROM openings") != self._opening:
            raise UnavailableError(
                "another process wrote to this database meanwhile", code="store-taken-over", remedy="restart"
            )


def count_opening(connection: Connection) -> int:
    """Counts that a process opens the database to write, and returns how many have."""
    return int(one(connection, "UPDATE openings SET number = number + 1 RETURNING number"))


def require_sequenced(connection: Connection) -> None:
    """Returns if no entry waits for its place: what one process writes would overtake it.

    Raises:
        UnavailableError: some do.
    """
    waiting = one(connection, "SELECT count(*) FROM pending")
    if waiting:
        raise UnavailableError(
            f"{waiting} entries of workers wait for their place in the log",
            code="entries-pending",
            remedy="run `safeconduct log sequence --once`, then start again",
        )

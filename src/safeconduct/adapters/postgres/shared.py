"""One PostgreSQL database under many writing processes: what they commit waits for its place in the log."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from safeconduct.adapters.postgres.control import MIGRATIONS, count_opening
from safeconduct.adapters.postgres.database import (
    DECIDING,
    LOCK_NAMESPACE,
    WRITING,
    Connection,
    migrate,
    one,
    placed,
    rows,
    transaction,
)
from safeconduct.adapters.postgres.reading import OneConnection, PostgresReader, PostgresRows
from safeconduct.adapters.postgres.session import Session
from safeconduct.adapters.postgres.writing import log_number, write_changes, write_cosigned, write_payloads
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records
from safeconduct.ledger.ports import Changes
from safeconduct.ledger.reader import last_entry
from safeconduct.ledger.shared_ports import Unplaced

CHANNEL = "safeconduct"
"""What is notified in the transaction of a change that others must learn of at once."""

PAUSE_MAX_S = 5
"""Seconds that a process may stop in the middle of a transaction: it holds up every decision meanwhile."""

_PENDING = """
    INSERT INTO pending (log, id, at, leaf, hash) SELECT log, id, at, leaf, hash
    FROM unnest(?::integer[], ?::text[], ?::bigint[], ?::bytea[], ?::bytea[]) WITH ORDINALITY
        AS new (log, id, at, leaf, hash, place) ORDER BY place
"""
_PLACED = "SELECT id FROM entries WHERE id = ANY (?::text[]) LIMIT 1"
_TAKEN = "SELECT EXISTS (SELECT 1 FROM pending WHERE id = ?) OR EXISTS (SELECT 1 FROM entries WHERE id = ?)"
_FLOOR = """
    SELECT coalesce((SELECT max(idx) + 1 FROM entries WHERE log = number), 0), coalesce(stopped, '')
    FROM logs LEFT JOIN terms ON log = number WHERE origin = ?
"""
_STOP = """
    INSERT INTO terms SELECT number, 0, ? FROM logs WHERE origin = ?
    ON CONFLICT (log) DO UPDATE SET stopped = excluded.stopped
"""
_AFTER_ALL = "SELECT greatest(max(at), (SELECT coalesce(max(at), 0) FROM pending)) FROM instants"
_AFTER_DECISIONS = "SELECT at FROM instants WHERE kind = 'decided'"


class PostgresShared(PostgresRows):
    """`SharedStore`. While a process has it open, nobody opens the database for one writer alone.

    `told` are the collections of control state whose changes every process is told of at once.
    """

    def __init__(self, url: str, told: Collection[str] = ()) -> None:
        self._alone = False
        self._told = frozenset(told)
        self._session = Session(url, join)
        self._reader = PostgresReader(url)
        self._pass_by_placed()

    @contextmanager
    def deciding(self, *, alone: bool) -> Iterator[Instant]:
        connection = self._session.get()
        with transaction(connection, "commit"):
            lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
            rows(connection, f"SELECT {lock}(?, ?)", (LOCK_NAMESPACE, DECIDING))
            self._alone = alone
            yield Instant(one(connection, _AFTER_ALL if alone else _AFTER_DECISIONS))

    def append(self, entries: Sequence[Unplaced], changes: Changes) -> None:
        connection = self._session.get()
        numbers = {origin: log_number(connection, origin) for origin in {new.origin for new in entries}}
        table = [(numbers[new.origin], new.entry.id, new.at, new.entry.leaf, new.entry.hash) for new in entries]
        connection.execute(placed(_PENDING), [list(column) for column in zip(*table, strict=True)])
        # Asked after the insertion: an entry leaves `pending` only in the transaction that brings it into its log.
        for (entry_id,) in rows(connection, _PLACED, ([new.entry.id for new in entries],)):
            raise UnavailableError(f"entry {entry_id} is in its log already", code="store-failed")
        write_payloads(connection, [new.entry for new in entries])
        write_changes(connection, changes)
        if not self._told.isdisjoint(name for name, _key in changes):
            rows(connection, "SELECT pg_notify(?, '')", (CHANNEL,))
        if self._alone:
            latest = max(new.at for new in entries)
            connection.execute(placed("UPDATE instants SET at = ? WHERE kind = 'decided'"), (latest,))

    def taken(self, entry_id: str) -> bool:
        found = self._all(_TAKEN, entry_id, entry_id)
        return bool(found and found[0][0])

    def floor(self, origin: Origin) -> int:
        found = self._all(_FLOOR, origin)
        size, stopped = found[0] if found else (0, "")
        if stopped:
            raise UnavailableError(f"the log {origin} is stopped: {stopped}", code="log-stopped")
        return int(size)

    def stopped(self) -> dict[Origin, str]:
        return self._reader.stopped()

    def stop(self, origin: Origin, why: str) -> None:
        with transaction(self._session.get(), "stop a log"):
            self._session.get().execute(placed(_STOP), (why, origin))

    def keep_cosigned(self, origin: Origin, size: int, note: str, witness: str) -> None:
        with transaction(self._session.get(), "store a cosigned checkpoint"):
            write_cosigned(self._session.get(), (self._number(origin), size, witness, note))

    def reader(self) -> PostgresReader:
        """Returns a reader for any thread."""
        return self._reader

    def frozen(self) -> AbstractContextManager[OneConnection]:
        """Opens all that is committed as of now, for one thread, whichever."""
        return self._reader.frozen()

    def snapshot(self) -> AbstractContextManager[Records]:
        """Opens the committed control state as of now, from any thread."""
        return self._reader.snapshot()

    def close(self) -> None:
        """Ends the connections."""
        self._reader.close()
        self._session.close()

    def _pass_by_placed(self) -> None:
        """Makes decisions come after the entries that one process wrote when it had the database alone."""
        last = [last_entry(self, origin) for origin in self.origins()]
        latest = max((at for _id, at in filter(None, last)), default=Instant(0))
        with transaction(self._session.get(), "pass by the last entries"):
            passed = "UPDATE instants SET at = greatest(at, ?) WHERE kind = 'sequenced'"
            self._session.get().execute(placed(passed), (latest,))

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        yield self._session.get()


def join(connection: Connection) -> None:
    """Takes the writers' lock beside others who share it.

    Raises:
        UnavailableError: one process writes alone (`store-locked`).
    """
    if not one(connection, "SELECT pg_try_advisory_lock_shared(?, ?)", LOCK_NAMESPACE, WRITING):
        raise UnavailableError(
            "one process writes alone to this database", code="store-locked", remedy="stop it, or let it finish"
        )
    one(connection, "SELECT set_config('idle_in_transaction_session_timeout', ?, false)", f"{PAUSE_MAX_S}s")
    migrate(connection, MIGRATIONS)
    count_opening(connection)

"""The database for whoever gives places: a lock a log for as long as the session lasts, and a term that fences."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from safeconduct.adapters.postgres.database import (
    LOCK_NAMESPACE,
    SEQUENCING,
    Connection,
    one,
    placed,
    rows,
    transaction,
)
from safeconduct.adapters.postgres.reading import PostgresRows
from safeconduct.adapters.postgres.session import Session
from safeconduct.adapters.postgres.shared import join
from safeconduct.adapters.postgres.writing import log_number, write_growth
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.ledger.merkle import leaf_hash
from safeconduct.ledger.ports import LogGrowth, NewEntry

PAUSE_MAX_S = 3
"""Seconds that a sequencer may be silent until the server ends its session, so that another one takes over."""

_ENTER = """
    INSERT INTO terms VALUES (?, ?, '') ON CONFLICT (log) DO UPDATE SET term = excluded.term
    WHERE terms.term < excluded.term RETURNING term
"""
_WAITING = "SELECT origin FROM logs WHERE number IN (SELECT log FROM pending) ORDER BY number"
_FIRST = "SELECT id, leaf, hash, at FROM pending WHERE log = ? ORDER BY number LIMIT ?"
_SEQUENCED = "UPDATE instants SET at = greatest(at, ?) WHERE kind = 'sequenced'"


class PostgresSequencing(PostgresRows):
    """`SequencedStore`. Its locks go with the connection; a new connection has none."""

    def __init__(self, url: str) -> None:
        self._terms: dict[Origin, int] = {}
        self._session = Session(url, self._prepare)

    def lock(self, origin: Origin) -> bool:
        connection = self._session.get()
        with transaction(connection, "find a log"):
            number = log_number(connection, origin)
        key = LOCK_NAMESPACE, SEQUENCING + number
        return bool(self._all("SELECT pg_try_advisory_lock(?, ?)", *key)[0][0])

    def enter(self, origin: Origin, term: int) -> None:
        connection = self._session.get()
        with transaction(connection, "begin a term"):
            if not rows(connection, _ENTER, (log_number(connection, origin), term)):
                raise UnavailableError(f"a later term than {term} of {origin} was begun", code="term-over")
        self._terms[origin] = term

    def waiting_logs(self) -> list[Origin]:
        return [Origin(origin) for (origin,) in self._all(_WAITING)]

    def drain(self, origin: Origin, count: int, grow: Callable[[Sequence[NewEntry]], LogGrowth]) -> int:
        connection = self._session.get()
        with transaction(connection, "sequence"):
            number = log_number(connection, origin)
            self._require_term(connection, origin, number)
            found = rows(connection, _FIRST, (number, count))
            if found:
                entries = [_intact(*row[:3]) for row in found]
                write_growth(connection, grow(entries))
                gone = [entry.id for entry in entries]
                connection.execute(placed("DELETE FROM pending WHERE id = ANY (?::text[])"), (gone,))
                connection.execute(placed(_SEQUENCED), (max(row[3] for row in found),))
        return len(found)

    def stop(self, origin: Origin, why: str) -> None:
        connection = self._session.get()
        with transaction(connection, "stop a log"):
            number = log_number(connection, origin)
            self._require_term(connection, origin, number)
            connection.execute(placed("UPDATE terms SET stopped = ? WHERE log = ?"), (why, number))

    def close(self) -> None:
        """Ends the connection, and with it the locks."""
        self._session.close()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        yield self._session.get()

    def _prepare(self, connection: Connection) -> None:
        join(connection)
        self._terms.clear()
        for name in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
            one(connection, "SELECT set_config(?, ?, false)", name, f"{PAUSE_MAX_S}s")

    def _require_term(self, connection: Connection, origin: Origin, number: int) -> None:
        held = rows(connection, "SELECT term FROM terms WHERE log = ? FOR SHARE", (number,))
        if origin not in self._terms or held != [(self._terms[origin],)]:
            raise UnavailableError(f"this process's term of {origin} is over", code="term-over")


def _intact(entry_id: str, leaf: bytes, hash_: bytes) -> NewEntry:
    if leaf_hash(leaf) != hash_:
        raise UnavailableError(f"entry {entry_id} is not what its worker wrote", code="log-damaged")
    return NewEntry(EntryId(entry_id), leaf, hash_, {})

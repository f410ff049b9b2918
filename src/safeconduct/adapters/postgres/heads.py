"""Heads in a PostgreSQL database of their own, replaced by compare-and-swap under a term."""

from safeconduct.adapters.postgres.database import Connection, migrate, one, rows, transaction, translated
from safeconduct.adapters.postgres.session import Session
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin

MIGRATIONS = ("CREATE TABLE heads (origin text PRIMARY KEY, head text, term bigint NOT NULL);",)

_TAKE = """
    INSERT INTO heads VALUES (?, NULL, 1) ON CONFLICT (origin) DO UPDATE SET term = heads.term + 1 RETURNING term
"""
_SWAP = """
    UPDATE heads SET head = ? WHERE origin = ? AND head IS NOT DISTINCT FROM ? AND term = ? RETURNING 1
"""


class PostgresHeads:
    """`Heads` in one table. Whoever begins to write a log takes its next term, and nobody with an older one writes.

    A head reaches the disk within a second (the server's `wal_writer_delay`), a term before it is used.
    """

    def __init__(self, url: str) -> None:
        self._terms: dict[Origin, int] = {}
        self._session = Session(url, lambda connection: migrate(connection, MIGRATIONS))

    def take(self, origin: Origin) -> int:
        """Takes the next term of a log, which is greater than every one before, and returns it.

        Raises:
            UnavailableError: it can't be written.
        """
        with translated("take a term"):
            self._terms[origin] = int(one(self._session.get(), _TAKE, origin))
        return self._terms[origin]

    def read(self, origin: Origin) -> str | None:
        with translated("read a head"):
            found = rows(self._session.get(), "SELECT head FROM heads WHERE origin = ?", (origin,))
        return found[0][0] if found else None

    def copies(self, origin: Origin) -> list[str]:
        head = self.read(origin)
        return [] if head is None else [head]

    def replace(self, origin: Origin, head: str, *, previous: str | None) -> None:
        if origin not in self._terms:
            self.take(origin)
        try:
            swapped = self._swap(origin, head, previous)
        except UnavailableError:  # it may have been applied nevertheless
            swapped = self.read(origin) == head or self._swap(origin, head, previous)
        if not swapped:
            raise UnavailableError(f"the head of {origin} was changed by someone else", code="head-changed")

    def flush(self) -> None:
        connection = self._session.get()
        with transaction(connection, "make the heads durable"):
            connection.execute("UPDATE heads SET term = term")  # a commit that waits for the disk, and for all before

    def close(self) -> None:
        """Ends the connection."""
        self._session.close()

    def _swap(self, origin: Origin, head: str, previous: str | None) -> bool:
        connection: Connection = self._session.get()
        with transaction(connection, "replace a head"):
            connection.execute("SET LOCAL synchronous_commit = off")
            found = rows(connection, _SWAP, (head, origin, previous, self._terms[origin]))
        return bool(found)

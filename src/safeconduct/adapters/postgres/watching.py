"""The session by which a process is told of changes, and by which others see that it lives."""

from safeconduct.adapters.postgres.database import Connection, one, translated
from safeconduct.adapters.postgres.overview import named
from safeconduct.adapters.postgres.reading import OneConnection
from safeconduct.adapters.postgres.session import Session
from safeconduct.adapters.postgres.shared import CHANNEL
from safeconduct.kernel.ports import Records
from safeconduct.ledger.records import StoredRecords


class PostgresWatch:
    """`Watch` on a session of its own, which says who it belongs to: as long as it is there, that process lives.

    A process that is stopped keeps its session: it may go on any time.
    """

    def __init__(self, url: str, role: str, name: str) -> None:
        self._said = named(role, name)
        self._session = Session(url, self._prepare)

    def wait(self, seconds: float) -> bool:
        with translated("listen for changes"):
            return any(True for _ in self._session.get().notifies(timeout=seconds, stop_after=1))

    def records(self) -> Records:
        return StoredRecords(OneConnection(self._session.get()))

    def close(self) -> None:
        """Ends the session."""
        self._session.close()

    def _prepare(self, connection: Connection) -> None:
        one(connection, "SELECT set_config('application_name', ?, false)", self._said)
        connection.execute(f"LISTEN {CHANNEL}".encode())

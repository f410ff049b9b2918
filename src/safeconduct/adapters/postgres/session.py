"""A connection that holds an advisory lock for as long as it lasts, and is opened again when it was lost."""

import contextlib
import threading
from collections.abc import Callable

from safeconduct.adapters.postgres.database import Connection, connect, lost, rows, translated
from safeconduct.kernel.errors import UnavailableError

END_TIMEOUT_MS = 5000
"""How long the server may take to end what a lost connection left behind."""


class Session:
    """One connection at a time. `prepare` takes the locks, and raises where somebody else has them.

    What a lost connection had begun is ended before another one takes its place: whatever is read then is what counts.
    """

    def __init__(self, url: str, prepare: Callable[[Connection], None]) -> None:
        self._url = url
        self._prepare = prepare
        self._process = 0
        self._lock = threading.Lock()  # guards _connection: heads are read from any thread
        self._connection = self._open()

    def get(self) -> Connection:
        """Returns the connection, a new one where it was lost. One that is within a transaction stays until that ends.

        Raises:
            UnavailableError: the server does not answer, or somebody else took the locks meanwhile.
        """
        with self._lock:
            if lost(self._connection):
                self._connection.close()
                self._connection = self._open()
            return self._connection

    def close(self) -> None:
        """Gives the locks back, then ends the connection: who opens next may be faster than the server ends it."""
        with contextlib.suppress(UnavailableError), translated("give the writer's lock back"):
            rows(self._connection, "SELECT pg_advisory_unlock_all()")
        self._connection.close()

    def _open(self) -> Connection:
        connection = connect(self._url)
        try:
            with translated("end a lost connection"):
                self._end_former(connection)
            with translated("take the writer's lock"):
                self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._process = connection.info.backend_pid
        return connection

    def _end_former(self, connection: Connection) -> None:
        """Ends the server's side of the connection that was lost; else it might commit after we looked."""
        ours = (
            "starts_with(application_name, 'safeconduct') AND datname = current_database() AND usename = current_user"
        )
        rows(
            connection,
            f"SELECT pg_terminate_backend(pid, ?) FROM pg_stat_activity WHERE pid = ? AND {ours}",  # noqa: S608
            (END_TIMEOUT_MS, self._process),
        )

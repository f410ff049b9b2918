"""Whose turn it is to do what must be done once: one session's at a time."""

from safeconduct.adapters.postgres.database import LOCK_NAMESPACE, SERVING_ALL, connect, one, translated


class PostgresTurn:
    """A turn that lasts as long as its session, which is never opened again: who loses it begins anew."""

    def __init__(self, url: str) -> None:
        self._connection = connect(url)

    def take(self) -> bool:
        """Tells whether it is this session's turn from now on.

        Raises:
            UnavailableError: the session is lost.
        """
        with translated("take a turn"):
            return bool(one(self._connection, "SELECT pg_try_advisory_lock(?, ?)", LOCK_NAMESPACE, SERVING_ALL))

    def require(self) -> None:
        """Returns if it is still this session's turn.

        Raises:
            UnavailableError: the session is lost, and the turn with it.
        """
        with translated("keep a turn"):
            one(self._connection, "SELECT 1")

    def close(self) -> None:
        """Ends the turn."""
        self._connection.close()

"""Who is at work on a shared database, and how far behind the giving of places is. Derived, for people and for care."""

from dataclasses import dataclass

from safeconduct.adapters.postgres.database import LOCK_NAMESPACE, SEQUENCING
from safeconduct.adapters.postgres.reading import PostgresReader
from safeconduct.kernel.instants import Instant

SAID = "safeconduct/"
"""How the name of a session begins that tells whose it is: role and name follow."""

_LIVING = """
    SELECT application_name, (extract(epoch FROM backend_start) * 1000000)::bigint FROM pg_stat_activity
    WHERE datname = current_database() AND starts_with(application_name, 'safeconduct/') ORDER BY backend_start
"""
_SEQUENCING = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = ?::bigint::oid
    AND objid >= ?::bigint::oid AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True, slots=True)
class Process:
    """One that is at work on the database, by what its session says, and since when it is there."""

    role: str
    name: str
    since: Instant


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for places: how many entries, the instant of the oldest, and whether somebody has a log's turn."""

    count: int
    oldest: Instant
    sequenced: bool


def named(role: str, name: str) -> str:
    """Returns what the session of a process says, of at most 63 letters."""
    return f"{SAID}{role}/{name}"


class PostgresOverview(PostgresReader):
    """Looks from any thread."""

    def living(self) -> list[Process]:
        """Returns the processes whose sessions are there, oldest first.

        Raises:
            UnavailableError: the database does not answer.
        """
        found = self._all(_LIVING)
        split = [(said.removeprefix(SAID).partition("/"), since) for said, since in found]
        return [Process(role, name, Instant(since)) for (role, _, name), since in split]

    def backlog(self) -> Backlog:
        """Returns what waits for places.

        Raises:
            UnavailableError: the database does not answer.
        """
        ((count, oldest),) = self._all("SELECT count(*), coalesce(min(at), 0) FROM pending")
        ((locks,),) = self._all(_SEQUENCING, LOCK_NAMESPACE, SEQUENCING)
        return Backlog(count, Instant(oldest), locks > 0)

"""The process that gives the entries of many workers their places in the logs, and signs."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.data_folder import require_installation
from safeconduct.bootstrap.custody import log_keys
from safeconduct.bootstrap.stores import require_postgres
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.notes import NoteSigner
from safeconduct.runtime.logs import signers_now
from safeconduct.runtime.sequencer import Sequencer
from safeconduct.settings import Databases


def run(data: Path, databases: Databases, *, ready: Callable[[], None], ended: threading.Event | None = None) -> None:
    """Gives places until the process is told to stop, or `ended` is set. `ready` is called when it can.

    Raises:
        InvalidInputError: there is no installation, or no database for logs or heads was named.
        UnavailableError: a database does not answer, or one process writes alone.
    """
    with _opened(data, databases) as sequencer:
        ready()
        sequencer.run(ended or threading.Event())
        sequencer.finish()  # so that one process may take over alone


def run_until_empty(data: Path, databases: Databases) -> int:
    """Gives places to all that waits; returns to how many entries.

    Raises:
        InvalidInputError: there is no installation, or no database for logs or heads was named.
        UnavailableError: a database does not answer, or one process writes alone; or some entries still wait, because
            their log is damaged or another process has its turn (`entries-pending`).
    """
    total = 0
    with _opened(data, databases) as sequencer:
        while placed := sequencer.run_once():
            total += placed
        left = sequencer.waiting()
    if left:
        raise UnavailableError(
            f"{total} entries got their places; others wait in {_named(left)}",
            code="entries-pending",
            remedy="see `safeconduct log verify`, or let the other sequencer finish",
        )
    return total


@contextmanager
def _opened(data: Path, databases: Databases) -> Iterator[Sequencer]:
    require_installation(data)
    require_postgres(data, databases)
    if not databases.heads:
        raise InvalidInputError(
            "a sequencer keeps the heads in a database of their own",
            code="database-unnamed",
            remedy="set SAFECONDUCT_HEADS to one on another server",
        )
    from safeconduct.adapters.postgres.heads import PostgresHeads  # noqa: PLC0415 - an optional extra
    from safeconduct.adapters.postgres.reading import PostgresReader  # noqa: PLC0415
    from safeconduct.adapters.postgres.sequencing import PostgresSequencing  # noqa: PLC0415

    keys = log_keys(data)
    with (
        closing(PostgresSequencing(databases.log)) as store,
        closing(PostgresHeads(databases.heads)) as heads,
        closing(PostgresReader(databases.log)) as reader,
    ):

        def signing(first: NoteSigner) -> list[NoteSigner]:
            with reader.snapshot() as records:
                return signers_now(first, records, SystemClock().now(), keys.of)

        sequencer = Sequencer(store, heads, keys.signer, signing)
        yield sequencer
        sequencer.close()


def _named(left: Mapping[Origin, str]) -> str:
    return "; ".join(f"{origin}: {why}" if why else origin for origin, why in left.items())

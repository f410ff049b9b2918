"""An installation's data, opened beside other processes: over PostgreSQL, where entries get their places later."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from safeconduct.access.destruction import excused
from safeconduct.access.readership import AgreementMatrix
from safeconduct.access.records import EPOCHS
from safeconduct.adapters.clock import SystemClock, system_entropy
from safeconduct.adapters.data_folder import require_installation
from safeconduct.adapters.log_keys import LogKeys
from safeconduct.adapters.stored_keys import StoredKeys
from safeconduct.adapters.telemetry.archives import open_archives
from safeconduct.bootstrap.custody import KEPT_HITS, current_signer, derived_secret, log_keys, wrapping_keys
from safeconduct.bootstrap.hunt_engine import hunt_engine
from safeconduct.bootstrap.installation import Installation, without_key
from safeconduct.bootstrap.projections import PROJECTIONS
from safeconduct.bootstrap.stores import open_keys, require_postgres
from safeconduct.boundary.decision_events import OWN as DECIDED
from safeconduct.gateway.events import OWN
from safeconduct.http.vitals import AtWork
from safeconduct.kernel.effects import OUTBOX, TIMERS
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.kernel.ids import ENTROPY_BYTES, Origin, ulid
from safeconduct.kernel.instants import SECOND, rfc3339
from safeconduct.kernel.ports import Clock, Entropy
from safeconduct.ledger.keys import SEED_BYTES, SecretKey
from safeconduct.ledger.notes import NoteSigner
from safeconduct.ledger.reader import LogReader
from safeconduct.ledger.rebuild import check_state
from safeconduct.ledger.service import Logs
from safeconduct.runtime.confirming import StandingWatch
from safeconduct.runtime.freeze import StandingBoard
from safeconduct.runtime.worker import WorkerWriter
from safeconduct.settings import Databases

if TYPE_CHECKING:
    from safeconduct.adapters.postgres.heads import PostgresHeads
    from safeconduct.adapters.postgres.overview import PostgresOverview
    from safeconduct.adapters.postgres.shared import PostgresShared

TOLD = frozenset({EPOCHS.name, OUTBOX.name, TIMERS.name})
"""Control state whose changes every process is told of at once: who may do what, and what is to be done outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The data as one of many processes has them. `name` is its incarnation, never used again."""

    name: str
    installation: Installation
    overview: "PostgresOverview"
    watch: Callable[[Callable[[], None]], StandingWatch]

    def at_work(self, unready: tuple[str, ...] = ()) -> AtWork:
        """Returns who is at work beside this process."""
        backlog, now = self.overview.backlog(), self.installation.clock.now()
        return AtWork(
            unready=unready,
            processes=[
                {"role": one.role, "name": one.name, "since": rfc3339(one.since)} for one in self.overview.living()
            ],
            waiting=backlog.count,
            behind_s=max(0.0, (now - backlog.oldest) / SECOND) if backlog.count else 0.0,
            sequenced=backlog.sequenced,
        )


def require_shared(data: Path, databases: Databases) -> None:
    """Returns if several processes can work on an installation.

    Raises:
        InvalidInputError: there is none, or some of its data are in files (`database-unnamed`).
    """
    require_installation(data)
    require_postgres(data, databases)
    for url, variable, what in (
        (databases.heads, "SAFECONDUCT_HEADS", "heads"),
        (databases.keys, "SAFECONDUCT_KEYS", "data keys"),
    ):
        if not url:
            raise InvalidInputError(
                f"several workers share {what} in a database of their own",
                code="database-unnamed",
                remedy=f"set {variable} to one on another server, before the first entry; or serve with one worker",
            )


@contextmanager
def joined(data: Path, databases: Databases, role: str) -> Iterator[Joined]:
    """Opens the data beside other processes. Nothing is checked: who gives places audits, who keeps house compares.

    Raises:
        InvalidInputError: as `require_shared`.
        UnavailableError: a database does not answer, or one process writes alone.
    """
    require_shared(data, databases)
    from safeconduct.adapters.postgres.heads import PostgresHeads  # noqa: PLC0415 - an optional extra
    from safeconduct.adapters.postgres.overview import PostgresOverview  # noqa: PLC0415
    from safeconduct.adapters.postgres.shared import PostgresShared  # noqa: PLC0415
    from safeconduct.adapters.postgres.watching import PostgresWatch  # noqa: PLC0415

    clock, entropy = SystemClock(), system_entropy
    name = ulid(clock.now(), entropy(ENTROPY_BYTES))
    logs, wrapping = log_keys(data), wrapping_keys(data, entropy)
    with ExitStack() as stack:
        store: PostgresShared = stack.enter_context(closing(PostgresShared(databases.log, TOLD)))
        heads = stack.enter_context(closing(PostgresHeads(databases.heads)))
        keys = stack.enter_context(open_keys(data, databases, entropy, wrapping))
        archives = stack.enter_context(
            open_archives(data, entropy, partial(hunt_engine, data), derived_secret(logs, KEPT_HITS))
        )
        overview = stack.enter_context(closing(PostgresOverview(databases.log)))
        session = stack.enter_context(closing(PostgresWatch(databases.log, role, name)))
        writer = stack.enter_context(closing(_writer(store, keys, name, clock, entropy)))
        board = StandingBoard(store.snapshot)
        writer.subscribe(board.take_in)
        writer.start()
        yield Joined(
            name=name,
            installation=Installation(
                data=data,
                origin=logs.installation(),
                snapshot=store.snapshot,
                writer=writer,
                ready=writer.open_origin,
                log=LogReader(store.reader(), keys),
                logs=_logs(store, heads, keys, logs),
                log_keys=logs,
                board=board,
                archives=archives,
                keys=keys,
                vault=keys,
                clock=writer.time,
                entropy=entropy,
                findings=[],
            ),
            overview=overview,
            watch=partial(StandingWatch, session, board),
        )


def _writer(
    store: "PostgresShared",
    keys: StoredKeys,
    name: str,
    clock: Clock,
    entropy: Entropy,
) -> WorkerWriter:
    secret = SecretKey(entropy(SEED_BYTES))
    return WorkerWriter(
        store,
        keys,
        worker=name,
        signer=lambda origin: NoteSigner(f"{origin}/worker/{name}", secret),
        own=OWN | DECIDED,
        clock=clock,
        entropy=entropy,
        projections=PROJECTIONS,
        matrix=AgreementMatrix(),
    )


def _logs(store: "PostgresShared", heads: "PostgresHeads", keys: StoredKeys, signing: LogKeys) -> Logs:
    return Logs(
        source=store.reader(),
        frozen=store.frozen,
        heads=heads,
        keys=keys,
        signer=lambda origin: current_signer(signing, store.snapshot, origin),
        projections=PROJECTIONS,
        excuse=excused,
    )


def check(data: Path, databases: Databases) -> None:
    """Holds the control state against a replay of all entries, and stops every log where they differ.

    Raises:
        InvalidInputError: as `require_shared`.
        UnavailableError: `state-damaged`: nobody may be let in by a record that no entry made.
    """
    require_shared(data, databases)
    from safeconduct.adapters.postgres.shared import PostgresShared  # noqa: PLC0415 - an optional extra

    with closing(PostgresShared(databases.log)) as store:
        with store.frozen() as frozen:
            found = [*without_key(frozen, log_keys(data)), *check_state(frozen, frozen, PROJECTIONS)]
        if found:
            what = f"the control state is not what its entries make: {found[0].what}"
            for origin in store.reader().origins():
                store.stop(Origin(origin), what)
            raise UnavailableError(what, code="state-damaged", remedy="run `safeconduct log verify`")

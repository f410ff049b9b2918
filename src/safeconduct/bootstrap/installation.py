"""An installation's data, made and opened in this process."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from safeconduct import settings
from safeconduct.access.destruction import excused
from safeconduct.access.program import installation_origin
from safeconduct.access.readership import AgreementMatrix
from safeconduct.adapters.clock import SystemClock, system_entropy
from safeconduct.adapters.data_folder import LOG_KEYS
from safeconduct.adapters.log_keys import LogKeys
from safeconduct.adapters.memory.records import MemoryState
from safeconduct.adapters.stored_keys import StoredKeys
from safeconduct.adapters.telemetry.archives import Archives, open_archives
from safeconduct.bootstrap.custody import KEPT_HITS, current_signer, derived_secret, log_keys, wrapping_keys
from safeconduct.bootstrap.hunt_engine import hunt_engine
from safeconduct.bootstrap.projections import PROJECTIONS
from safeconduct.bootstrap.stores import Stores, open_keys, open_stores
from safeconduct.boundary.ports import Vault
from safeconduct.kernel.errors import ConflictError, InvalidInputError, SafeconductError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Clock, Entropy
from safeconduct.ledger.audit import Finding
from safeconduct.ledger.key_ports import DataKeys
from safeconduct.ledger.notes import VerifierKey
from safeconduct.ledger.ports import LogSource, Store
from safeconduct.ledger.reader import LogReader
from safeconduct.ledger.rebuild import check_state
from safeconduct.ledger.service import Logs
from safeconduct.runtime.freeze import Snapshot, StandingBoard
from safeconduct.runtime.worker import WorkerWriter
from safeconduct.runtime.writer import GroupCommitWriter
from safeconduct.settings import Databases

_FOLDER_MODE = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The data of one installation, open. `findings` are what the self-check at start found wrong, log by log.

    `ready` makes a log take entries, new or stored, unless it is stopped.
    """

    data: Path
    origin: Origin
    snapshot: Snapshot
    writer: GroupCommitWriter | WorkerWriter
    ready: Callable[[Origin], object]
    log: LogReader
    logs: Logs
    log_keys: LogKeys
    board: StandingBoard
    archives: Archives
    keys: DataKeys
    vault: Vault
    clock: Clock
    entropy: Entropy
    findings: Sequence[Finding]

    def open_log(self, origin: Origin) -> None:
        """Makes a log ready for entries. One that is stopped stays so until the next start."""
        if origin not in self.writer.stopped():
            self.ready(origin)


def create(data: Path, origin: str, *, entropy: Entropy = system_entropy) -> VerifierKey:
    """Makes the folder of a new installation and the key of its own log, whose public half it returns.

    Raises:
        ConflictError: there is an installation already.
        InvalidInputError: the origin can't be a log's name, the folder can't be made, or `custody-invalid`.
        KeyUnavailableError: who is to keep the key can't be reached or refuses.
    """
    if (data / LOG_KEYS).exists():
        raise ConflictError(f"{data} holds an installation already", code="already-initialized")
    name = installation_origin(origin)
    try:
        for folder in (data, data / LOG_KEYS, data / "raw", data / "heads"):
            folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(f"cannot make a folder {data}: {error.strerror}", code="folder-unwritable") from error
    try:
        return log_keys(data, entropy).signer(name).verifier
    except (SafeconductError, OSError):
        shutil.rmtree(data / LOG_KEYS, ignore_errors=True)  # else there would be an installation without a whole key
        raise


def _check_state(writer: GroupCommitWriter, store: Store, keys: LogKeys) -> list[Finding]:
    """Holds the control state against a replay of the entries, and stops every log where they differ.

    Nobody may be let in by a record that no entry made. So a damaged log stops alone only where its entries still make
    the state that is stored, as they do in a restored backup; else whoever can write to the database would damage one
    entry to have any record believed.
    """
    with store.frozen() as frozen:
        found = [*without_key(frozen, keys), *check_state(frozen, frozen, PROJECTIONS)]
    for origin in set(store.origins()) - writer.stopped().keys() if found else ():
        writer.stop_origin(origin, "state-damaged", f"the control state is not what its entries make: {found[0].what}")
    return found


def without_key(source: LogSource, keys: LogKeys) -> list[Finding]:
    """Returns the logs that no key here vouches for. Whoever can write to the database can add one."""
    known = {signer.verifier.name for signer in keys.signers()}
    what = "there is no key of this log, and yet entries"
    return [
        Finding(origin=one, what=what, place="logs")
        for one in source.origins()
        if one not in known and source.size(one)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What an installation is put together from, open."""

    stores: Stores
    keys: StoredKeys
    log_keys: LogKeys
    archives: Archives
    writer: GroupCommitWriter


@contextmanager
def opened(
    data: Path,
    *,
    databases: Databases | None = None,
    clock: Clock | None = None,
) -> Iterator[Installation]:
    """Opens the data. Whoever calls this holds the folder's lock. The environment says where it is, unless given.

    `clock` is the machine's unless given; the installation's never goes back behind its log.

    A damaged log is stopped and reported in `findings`; everything else runs. Where the control state is not what the
    entries make, every log is stopped.
    """
    with ExitStack() as stack:
        parts = _parts(data, databases or settings.read().databases, stack, clock or SystemClock())
        findings = parts.writer.start()
        wrong = _check_state(parts.writer, parts.stores.store, parts.log_keys)
        # By records that no entry made nobody stands for anything, reads anything, or has anything carried out.
        snapshot: Snapshot = (lambda: nullcontext(MemoryState())) if wrong else parts.stores.store.snapshot
        board = StandingBoard(snapshot)
        parts.writer.subscribe(board.take_in)
        parts.archives.resume()
        yield _installation(data, parts, snapshot, board, [*findings, *wrong])


def _parts(data: Path, databases: Databases, stack: ExitStack, clock: Clock) -> _Parts:
    signers = log_keys(data)
    stores = stack.enter_context(open_stores(data, databases))
    wrapping = wrapping_keys(data, system_entropy)
    keys = stack.enter_context(open_keys(data, databases, system_entropy, wrapping))
    engine = hunt_engine(data)
    archives = stack.enter_context(
        open_archives(data, system_entropy, lambda: engine, derived_secret(signers, KEPT_HITS))
    )
    writer = stack.enter_context(closing(_writer(stores, keys, signers, clock)))
    return _Parts(stores=stores, keys=keys, log_keys=signers, archives=archives, writer=writer)


def _writer(stores: Stores, keys: StoredKeys, signers: LogKeys, clock: Clock) -> GroupCommitWriter:
    return GroupCommitWriter(
        stores.store,
        stores.heads,
        keys,
        signers=signers.signers(),
        clock=clock,
        entropy=system_entropy,
        projections=PROJECTIONS,
        matrix=AgreementMatrix(),
        signer_of=signers.of,
    )


def _logs(parts: _Parts, source: LogSource) -> Logs:
    store = parts.stores.store
    return Logs(
        source=source,
        frozen=store.frozen,
        heads=parts.stores.heads,
        keys=parts.keys,
        signer=lambda origin: current_signer(parts.log_keys, store.snapshot, origin),
        projections=PROJECTIONS,
        excuse=excused,
    )


def _installation(
    data: Path, parts: _Parts, snapshot: Snapshot, board: StandingBoard, findings: Sequence[Finding]
) -> Installation:
    reader = parts.stores.store.reader()
    return Installation(
        data=data,
        origin=parts.log_keys.installation(),
        snapshot=snapshot,
        writer=parts.writer,
        ready=lambda origin: parts.writer.open_origin(parts.log_keys.signer(origin)),
        log=LogReader(reader, parts.keys),
        logs=_logs(parts, reader),
        log_keys=parts.log_keys,
        board=board,
        archives=parts.archives,
        keys=parts.keys,
        vault=parts.keys,
        clock=parts.writer.time,
        entropy=system_entropy,
        findings=findings,
    )

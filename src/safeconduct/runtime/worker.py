"""A writer for one of many processes over one database: its entries are durable at once and get their places later.

docs/spec/workers.md. What a crash means is as in batch.py: an outcome is read from the database, never guessed.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby
from typing import TypeVar

from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Clock, Entropy, Projection, Receipt, State
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.key_ports import STALE_S, DataKeys
from safeconduct.ledger.notes import NoteSigner, VerifierKey
from safeconduct.ledger.ports import NewEntry
from safeconduct.ledger.receipts import deadline_of, make_receipts
from safeconduct.ledger.sealing import Matrix, house_only
from safeconduct.ledger.shared_ports import SharedStore, Unplaced
from safeconduct.ledger.worker_events import WORKER_ANNOUNCED, WorkerAnnounced
from safeconduct.runtime.commands import Command, CommandRunner, Receipts, Result, again, fail, failed
from safeconduct.runtime.logs import Stop
from safeconduct.runtime.queued import BATCH_MAX, Job, QueuedWriter
from safeconduct.runtime.transaction import BatchState, BatchTransaction, IdSource

T = TypeVar("T")
_log = logging.getLogger(__name__)
_Done = Sequence[tuple[Result, BatchTransaction]]


class SharedLog:
    """A log that this process appends to without knowing its end. `floor` is the running transaction's.

    `announced` says that the key stands in it by which this process promises.
    """

    def __init__(self, store: SharedStore, signer: NoteSigner, origin: Origin) -> None:
        self.pending: list[NewEntry] = []
        self.signer = signer
        self.announced = False
        self.floor: int | None = None
        self._store = store
        self._origin = origin

    def require_running(self) -> None:
        """Returns if the log takes entries.

        Raises:
            UnavailableError: it is stopped.
        """
        if self.floor is None:
            self.floor = self._store.floor(self._origin)

    def clear(self) -> None:
        """Forgets the transaction: it ended."""
        self.floor = None
        self.pending.clear()


class WorkerRunner(CommandRunner):
    """Runs batches of commands in transactions of a shared database. One thread at a time.

    `opening` are logs in which this process's key is to stand, though the batch appends nothing else to them.
    """

    _unclear: Sequence[Entry] = ()

    def __init__(
        self,
        store: SharedStore,
        keys: DataKeys,
        *,
        worker: str,
        signer: Callable[[Origin], NoteSigner],
        own: Collection[str],
        clock: Clock,
        entropy: Entropy,
        projections: Mapping[str, Projection],
        matrix: Matrix = house_only,
    ) -> None:
        self.opening: set[Origin] = set()
        self._logs: dict[Origin, SharedLog] = {}
        self._worker = worker
        self._signer = signer
        self._store = store
        self._keys = keys
        self._ids = IdSource(clock, entropy)
        self.time = self._ids.time
        self._all = projections
        beside = {*own, WORKER_ANNOUNCED.name}
        self._own = {name: found if name in beside else _not_own for name, found in projections.items()}
        super().__init__(
            BatchState(
                store=store,
                taken=store.taken,
                keys=keys,
                log_of=self._log,
                projections=projections,
                ids=self._ids,
                entropy=entropy,
                matrix=matrix,
            )
        )
        self._alone = True

    def run_as(self, commands: Sequence[Command], *, own: bool) -> list[Result]:
        """Runs commands of calls' own beside those of other processes, any others alone."""
        self._alone = not own
        self._state.projections = self._own if own else self._all
        return self.run(commands)

    def _run(self, commands: Sequence[Command]) -> list[Result]:
        done: _Done = []
        try:
            self._require_clear()
            with self._store.deciding(alone=self._alone) as after:
                self.time.go_past(after)
                now = self._ids.now()
                done = [self._execute(command, now) for command in commands]
                announced = self._announcing(done, now)
                self._append([*announced, *done], now)
        except UnavailableError as error:
            return self._failed(commands, done, error)
        else:
            self._finish(announced, done)
        finally:
            self._clear()
        return [result for result, _transaction in done]

    def _require_clear(self) -> None:
        """Finds out what a failed commit did, before anything is built on it."""
        if self._broken is not None:
            raise self._broken
        if self._unclear:
            applied = self._store.taken(self._unclear[0].id)
            entries, self._unclear = self._unclear, ()
            if applied:
                self._announce(entries)

    def alone(self, action: Callable[[], T]) -> T:
        """Runs something while no process commits anything, and for `STALE_S` after it.

        Raises:
            UnavailableError: the database does not answer; what else the action raised.
        """
        with self._store.deciding(alone=True):
            result = action()
            time.sleep(STALE_S)
        return result

    def _log(self, origin: Origin) -> SharedLog:
        """Returns a log, also one that another process began."""
        if origin not in self._logs:
            self._logs[origin] = SharedLog(self._store, self._signer(origin), origin)
        return self._logs[origin]

    def _announcing(self, done: _Done, now: Instant) -> _Done:
        """Appends this process's key to each log in which it does not stand yet: before what is promised with it."""
        transaction = BatchTransaction(self._state, now)
        for origin in dict.fromkeys([*(entry.origin for _new, entry in _appended(done)), *self.opening]):
            signer = self._log(origin).signer
            if not self._log(origin).announced:
                event = WorkerAnnounced(worker=self._worker, key=signer.verifier.text)
                transaction.append(origin, WORKER_ANNOUNCED.draft(event))
        return [(Result(), transaction)]

    def _append(self, done: _Done, now: Instant) -> None:
        new = [Unplaced(entry.origin, now, one) for one, entry in _appended(done)]
        if new:
            self._unclear = [entry for _new, entry in _appended(done)]
            self._keys.commit()
            self._store.append(new, self._state.overlay.batch)

    def _finish(self, announced: _Done, done: _Done) -> None:
        self._unclear = ()
        for _new, entry in _appended(announced):
            self._log(entry.origin).announced = True
        self._announce([entry for _new, entry in _appended(done)])
        receipts = self._sign(done)
        for result, transaction in done:
            self._give_receipts(result, transaction, receipts)

    def _failed(self, commands: Sequence[Command], done: _Done, error: UnavailableError) -> list[Result]:
        if not done:
            return [Result(error=again(error)) for _ in commands]
        _log.warning("a commit failed: %s", error)
        fail(done, failed(error))
        return [result for result, _transaction in done]

    def _clear(self) -> None:
        self._state.clear()
        self.opening.clear()
        for log in self._logs.values():
            log.clear()

    def _sign(self, done: _Done) -> Receipts:
        """Promises what is now durable, once per log, with this process's own key."""
        deadline, receipts = deadline_of(self._ids.now()), list[Receipt]()
        for origin in dict.fromkeys(entry.origin for _new, entry in _appended(done)):
            entries, log = [new for new, entry in _appended(done) if entry.origin == origin], self._log(origin)
            receipts += make_receipts(entries, origin, floor=log.floor or 0, deadline_s=deadline, signer=log.signer)
        return {receipt.entry_id: receipt for receipt in receipts}


class WorkerWriter(QueuedWriter):
    """`Writer` for one of many processes: a command is decided in the order of the database, not of this process.

    `own` are the entry types that commands of a call's own may append: each changes records of its call alone.
    `signer` makes this process's key for a log, under which it promises; it is announced by an entry. `time` is the
    clock, never before the last decision that this process knows of.
    """

    def __init__(
        self,
        store: SharedStore,
        keys: DataKeys,
        *,
        worker: str,
        signer: Callable[[Origin], NoteSigner],
        own: Collection[str],
        clock: Clock,
        entropy: Entropy,
        projections: Mapping[str, Projection],
        batch_max: int = BATCH_MAX,
        matrix: Matrix = house_only,
    ) -> None:
        self._runner = WorkerRunner(
            store,
            keys,
            worker=worker,
            signer=signer,
            own=own,
            clock=clock,
            entropy=entropy,
            projections=projections,
            matrix=matrix,
        )
        super().__init__(self._runner, batch_max=batch_max)
        self._store = store
        self._keys = keys
        self.time = self._runner.time

    def start(self) -> None:
        """Takes commands from here on."""
        self._begin()

    def close(self) -> None:
        """Finishes what was submitted and stops."""
        self._end()

    def open_origin(self, origin: Origin) -> None:
        """Makes a log ready, new or stored: this process's key stands in it on return. Not from within a command.

        Raises:
            UnavailableError: the log is stopped, or the database does not answer.
        """
        self.submit(lambda _tx: self._runner.opening.add(origin)).result()

    def stop_origin(self, origin: Origin, code: str, message: str) -> None:
        """Lets a log take no more entries, of any process, until one begins anew to give places in it.

        Not from within a command.

        Raises:
            UnavailableError: it can't be written.
        """
        self._between_batches(lambda: self._store.stop(origin, f"{message} ({code})"))

    def stopped(self) -> dict[Origin, Stop]:
        """Returns the logs that take no entries, and why.

        Raises:
            UnavailableError: the database does not answer.
        """
        return {origin: Stop("log-stopped", why) for origin, why in self._store.stopped().items()}

    def keep_cosigned(self, checkpoint: SignedCheckpoint, witness: VerifierKey) -> None:
        """Stores a checkpoint that a witness cosigned. Not from within a command.

        Raises:
            UnavailableError: it can't be stored.
        """
        said, note, key = checkpoint.checkpoint, checkpoint.encoded, witness.text
        self._between_batches(lambda: self._store.keep_cosigned(said.origin, said.size, note, key))

    def destroy_keys(self, key_ids: Collection[str], guard: Callable[[], None] = lambda: None) -> None:
        """Destroys data keys. Not from within a command.

        What `guard` raises prevents it. No process commits anything between that and the end of their use in all.

        Raises:
            UnavailableError: not all of it is done; ask again.
        """

        def retire() -> None:
            guard()
            self._keys.retire(key_ids)

        self._between_batches(lambda: self._runner.alone(retire))
        self._keys.destroy(key_ids)

    def _execute(self, jobs: Sequence[Job]) -> list[Result]:
        results: list[Result] = []
        for own, group in groupby(jobs, key=lambda job: job.own):
            results += self._runner.run_as([job.command for job in group], own=own)
        return results


def _appended(done: _Done) -> list[tuple[NewEntry, Entry]]:
    return [(new, entry) for _result, transaction in done for _log, new, entry in transaction.appended]


def _not_own(_state: State, entry: Entry) -> None:
    raise InvalidInputError(
        f"an entry of type {entry.type} changes more than one call: submit its command with own=False"
    )

"""The group-commit writer: one thread, many commands a commit, one signature a log."""

import queue
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from safeconduct.kernel.errors import LimitedError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Clock, Committed, Entropy, Projection, Transaction
from safeconduct.ledger.audit import Finding
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.key_ports import DataKeys
from safeconduct.ledger.notes import NoteSigner, VerifierKey
from safeconduct.ledger.ports import Heads, Store
from safeconduct.ledger.sealing import Matrix, house_only
from safeconduct.runtime.batch import BatchRunner, Command, Listener, Result
from safeconduct.runtime.logs import Stop

T = TypeVar("T")

QUEUE_MAX = 10_000  # commands waiting: about a second's work; more means that the disk does not keep up
BATCH_MAX = 1024  # commands a commit; more gained nothing when measured, and the first one waits for the last
LINGER_S = 0.002  # how long a first command waits for company when more is expected


class Delivery(Protocol):
    """Where outcomes go. Called on the writer's thread, or on the submitter's if nothing can be queued."""

    def deliver(self, outcomes: Sequence[tuple["Job", Result]]) -> None:
        """Takes the outcomes of one batch that are meant for it. Must not block or raise."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A command and who waits for it."""

    command: Command
    future: Any
    delivery: Delivery


class _Futures:
    """Delivers into `concurrent.futures.Future`."""

    def deliver(self, outcomes: Sequence[tuple[Job, Result]]) -> None:
        for job, result in outcomes:
            if not job.future.set_running_or_notify_cancel():
                continue  # nobody waits any more; the command ran all the same
            if result.error is not None:
                job.future.set_exception(result.error)
            else:
                job.future.set_result(result.committed)


_FUTURES = _Futures()


class GroupCommitWriter:
    """`Writer` over a store. Everything that changes goes through here, one command at a time.

    `expected` tells how many commands may still come soon (calls in flight); without it, as many as came last time.
    `matrix` tells who may read a sealed field.
    """

    def __init__(
        self,
        store: Store,
        heads: Heads,
        keys: DataKeys,
        *,
        signers: Sequence[NoteSigner],
        clock: Clock,
        entropy: Entropy,
        projections: Mapping[str, Projection],
        expected: Callable[[], int] | None = None,
        batch_max: int = BATCH_MAX,
        matrix: Matrix = house_only,
    ) -> None:
        self._runner = BatchRunner(
            store, heads, keys, clock=clock, entropy=entropy, projections=projections, matrix=matrix
        )
        self._keys = keys
        self._signers = signers
        self._expected = expected
        self._batch_max = batch_max
        self._last = 1
        self._queue: queue.SimpleQueue[Job | Callable[[], None] | None] = queue.SimpleQueue()
        self._gate = threading.Lock()  # guards _open: nothing is queued behind the end
        self._open = False
        self._thread: threading.Thread | None = None

    def start(self) -> list[Finding]:
        """Checks and opens every log, then takes commands; returns what is wrong, log by log.

        A log with findings is stopped; the others run.
        """
        findings = [finding for signer in self._signers for finding in self._runner.open(signer)]
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._open = True
        self._thread.start()
        return findings

    def close(self) -> None:
        """Finishes what was submitted and stops."""
        with self._gate:
            was_open, self._open = self._open, False
            if was_open:
                self._queue.put(None)
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._runner.heads.flush()

    def submit(self, command: Callable[[Transaction], T]) -> "Future[Committed[T]]":
        """Queues the command; never blocks for the disk. What is wrong is raised from the future."""
        future: Future[Committed[T]] = Future()
        self.enqueue(Job(command, future, _FUTURES))
        return future

    def enqueue(self, job: Job) -> None:
        """Queues a job. If it can't be, its delivery is told at once."""
        error: Exception
        with self._gate:
            if self._open and self._queue.qsize() < QUEUE_MAX:
                self._queue.put(job)
                return
            if self._open:
                error = LimitedError(f"{QUEUE_MAX} commands are waiting for the disk", code="writer-busy")
            else:
                error = UnavailableError("the writer is not running", code="writer-closed")
        job.delivery.deliver([(job, Result(error=error))])

    def subscribe(self, listener: Listener) -> None:
        """Calls the listener with each batch's entries, on the writer's thread, before anyone learns of the commit.

        A listener that raises ends all writing: what it keeps would be stale, and a freeze might be missing in it.
        """
        self._runner.listeners.append(listener)

    def open_origin(self, signer: NoteSigner) -> list[Finding]:
        """Opens one more log, new or stored; returns what is wrong with it. Not from within a command.

        One that is open and running stays as it is; one that was stopped is checked again.
        """
        return self._between_batches(lambda: self._runner.open(signer))

    def stop_origin(self, origin: Origin, code: str, message: str) -> None:
        """Lets a log take no more entries until the next start. Not from within a command."""

        def stop() -> None:
            if origin in self._runner.logs:
                self._runner.logs[origin].stop = Stop(code, message)

        self._between_batches(stop)

    def stopped(self) -> dict[Origin, Stop]:
        """Returns the logs that take no entries, and why."""
        return {origin: log.stop for origin, log in list(self._runner.logs.items()) if log.stop is not None}

    def keep_cosigned(self, checkpoint: SignedCheckpoint, witness: VerifierKey) -> None:
        """Stores a checkpoint that a witness cosigned. Not from within a command.

        Raises:
            UnavailableError: it can't be stored.
        """
        said, note, key = checkpoint.checkpoint, checkpoint.encoded, witness.text
        self._between_batches(lambda: self._runner.store.keep_cosigned(said.origin, said.size, note, key))

    def destroy_keys(self, key_ids: Collection[str]) -> None:
        """Destroys data keys, while no entry is being sealed under one. Not from within a command.

        Raises:
            UnavailableError: not all of it is done; ask again.
        """
        self._between_batches(lambda: self._keys.destroy(key_ids))

    def _between_batches(self, action: Callable[[], T]) -> T:
        """Runs an action where nothing else runs: on the writer's thread, or here if there is none."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(action())
            except Exception as error:  # noqa: BLE001 - raised again where the action was asked for
                future.set_exception(error)

        with self._gate:
            if self._open:
                self._queue.put(run)
            elif self._thread is None:
                run()
            else:
                raise UnavailableError("the writer is closing", code="writer-closed")
        return future.result()

    def _run(self) -> None:
        running = True
        while running:
            jobs: list[Job] = []
            running = self._collect(jobs)
            if jobs:
                self._last = len(jobs)
                self._deliver(jobs, self._runner.run([job.command for job in jobs]))

    def _collect(self, jobs: list[Job]) -> bool:
        """Gathers a batch: until all that is expected is here, or the first one waited long enough.

        Tells whether more may come.
        """
        deadline = 0.0
        while len(jobs) < self._batch_max:
            try:
                if not jobs:
                    item = self._queue.get()
                    deadline = time.monotonic() + LINGER_S
                elif self._queue.empty() and len(jobs) < self._goal():
                    item = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
                else:
                    item = self._queue.get_nowait()
            except queue.Empty:
                return True
            if item is None:
                return False
            if isinstance(item, Job):
                jobs.append(item)
            else:
                item()
        return True

    def _goal(self) -> int:
        return self._last if self._expected is None else self._expected()

    def _deliver(self, jobs: Sequence[Job], results: Sequence[Result]) -> None:
        by_delivery: dict[int, list[tuple[Job, Result]]] = {}
        for job, result in zip(jobs, results, strict=True):
            by_delivery.setdefault(id(job.delivery), []).append((job, result))
        for outcomes in by_delivery.values():
            outcomes[0][0].delivery.deliver(outcomes)

"""A queue of commands before one thread that runs them in batches: what every writer does first."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

import msgspec

from safeconduct.kernel.errors import LimitedError, UnavailableError
from safeconduct.kernel.ports import Committed, Transaction
from safeconduct.runtime.commands import Command, CommandRunner, Listener, Result

T = TypeVar("T")

QUEUE_MAX = 10_000  # commands waiting: about a second's work; more means that the disk does not keep up
BATCH_MAX = 1024  # commands a commit; more gained nothing when measured, and the first one waits for the last


class Delivery(Protocol):
    """Where outcomes go. Called on the writer's thread, or on the submitter's if nothing can be queued."""

    def deliver(self, outcomes: Sequence[tuple["Job", Result]]) -> None:
        """Takes the outcomes of one batch that are meant for it. Must not block or raise."""
        ...


class Job(msgspec.Struct, frozen=True, eq=False):
    """A command and who waits for it. One of a call's own needs no order among those of other calls."""

    command: Command
    future: Any
    delivery: Delivery
    own: bool = False


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


class QueuedWriter:
    """Runs commands in one thread, one at a time; all that wait when it has time share a commit."""

    def __init__(self, commands: CommandRunner, *, batch_max: int = BATCH_MAX) -> None:
        self._commands = commands
        self._batch_max = batch_max
        self._queue: deque[Job | Callable[[], None] | None] = deque()
        self._gate = threading.Condition(threading.Lock())  # guards all here: nothing is queued behind the end
        self._open = False
        self._thread: threading.Thread | None = None

    def submit(self, command: Callable[[Transaction], T], *, own: bool = False) -> "Future[Committed[T]]":
        """Queues the command; never blocks for the disk. What is wrong is raised from the future.

        `own` says that it appends entries of one call alone, which change records of that call alone: where many
        processes write, such commands run beside each other.
        """
        future: Future[Committed[T]] = Future()
        self.enqueue([Job(command, future, _FUTURES, own=own)])
        return future

    def enqueue(self, jobs: Sequence[Job]) -> None:
        """Queues jobs of one delivery, in their order. Of those that can't be, it is told at once."""
        error: Exception
        with self._gate:
            room = QUEUE_MAX - len(self._queue) if self._open else 0
            if room > 0:
                self._queue.extend(jobs[:room])
                self._gate.notify()
            if len(jobs) <= room:
                return
            if self._open:
                error = LimitedError(f"{QUEUE_MAX} commands are waiting for the disk", code="writer-busy")
            else:
                error = UnavailableError("the writer is not running", code="writer-closed")
        left = jobs[max(room, 0) :]
        left[0].delivery.deliver([(job, Result(error=error)) for job in left])

    def subscribe(self, listener: Listener) -> None:
        """Calls the listener with each batch's entries, on the writer's thread, before anyone learns of the commit.

        A listener that raises ends all writing: what it keeps would be stale, and a freeze might be missing in it.
        """
        self._commands.listeners.append(listener)

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._open = True
        self._thread.start()

    def _end(self) -> bool:
        """Finishes what was submitted; tells whether anything ran."""
        with self._gate:
            was_open, self._open = self._open, False
            if was_open:
                self._put(None)
        if self._thread is None:
            return False
        self._thread.join()
        self._thread = None
        return True

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
                self._put(run)
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
                self._deliver(jobs, self._execute(jobs))

    def _execute(self, jobs: Sequence[Job]) -> list[Result]:
        return self._commands.run([job.command for job in jobs])

    def _collect(self, jobs: list[Job]) -> bool:
        """Gathers a batch of what waits, once anything does. Tells whether more may come."""
        with self._gate:
            self._gate.wait_for(lambda: bool(self._queue))
        while self._queue and len(jobs) < self._batch_max:
            item = self._queue.popleft()
            if item is None:
                return False
            if isinstance(item, Job):
                jobs.append(item)
            else:
                item()
        return True

    def _put(self, item: Callable[[], None] | None) -> None:
        self._queue.append(item)
        self._gate.notify()

    def _deliver(self, jobs: Sequence[Job], results: Sequence[Result]) -> None:
        by_delivery: dict[int, list[tuple[Job, Result]]] = {}
        for job, result in zip(jobs, results, strict=True):
            by_delivery.setdefault(id(job.delivery), []).append((job, result))
        for outcomes in by_delivery.values():
            outcomes[0][0].delivery.deliver(outcomes)

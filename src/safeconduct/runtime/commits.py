"""Awaiting commits on an event loop: one wake-up for all outcomes of a batch."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from safeconduct.kernel.ports import Committed, Transaction
from safeconduct.runtime.commands import Result
from safeconduct.runtime.queued import Job, QueuedWriter

T = TypeVar("T")


class LoopCommits:
    """Submits commands from one event loop. Made on that loop."""

    def __init__(self, writer: QueuedWriter) -> None:
        self._writer = writer
        self._loop = asyncio.get_running_loop()

    async def commit(self, command: Callable[[Transaction], T], *, own: bool = False) -> Committed[T]:
        """Runs a command and returns when it is durable. Cancelling stops the waiting, not the command.

        `own` says that it appends entries of one call alone, as in `QueuedWriter.submit`.
        """
        future: asyncio.Future[Committed[T]] = self._loop.create_future()
        self._writer.enqueue(Job(command, future, self, own=own))
        return await future

    def deliver(self, outcomes: Sequence[tuple[Job, Result]]) -> None:
        """Takes a batch's outcomes, from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(_resolve, outcomes)


def _resolve(outcomes: Sequence[tuple[Job, Result]]) -> None:
    for job, result in outcomes:
        if job.future.done():
            continue
        if result.error is not None:
            job.future.set_exception(result.error)
        else:
            job.future.set_result(result.committed)

"""Awaiting commits on an event loop: one wake-up for all outcomes of a batch, and company for a call's own commands.

A commit costs as much for one command as for ten, so calls' own commands wait for each other while the loop is busy
anyway: as long as each of its turns brings another. On a loop that has nothing else to do none waits.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from safeconduct.kernel.ports import Committed, Transaction
from safeconduct.runtime.commands import Result
from safeconduct.runtime.queued import Job, QueuedWriter

T = TypeVar("T")

TOGETHER_MAX = 64
"""Commands that go to the writer together: in larger batches an entry costs no less."""

TOGETHER_S = 0.01
"""Seconds that a command waits for company at most: what a caller may lose by it, where the bar adds 20 ms."""

QUIET_TURNS = 2
"""Turns of the loop without another command that end the waiting: in the first, what would bring one may be behind."""


class LoopCommits:
    """Submits commands from one event loop. Made on that loop."""

    def __init__(self, writer: QueuedWriter) -> None:
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Job] = []
        self._since = 0.0  # when the first of them was seen
        self._seen = 0  # how many there were at the last turn
        self._quiet = 0  # turns that brought none
        self._looking = False  # whether a turn is to come

    async def commit(self, command: Callable[[Transaction], T], *, own: bool = False) -> Committed[T]:
        """Runs a command and returns when it is durable. Cancelling stops the waiting, not the command.

        `own` says that it appends entries of one call alone, as in `QueuedWriter.submit`. Others never wait for
        company: a freeze is among them.
        """
        future: asyncio.Future[Committed[T]] = self._loop.create_future()
        self._waiting.append(Job(command, future, self, own=own))
        if not own or len(self._waiting) >= TOGETHER_MAX:
            self._submit()
        else:
            self._look_again()
        return await future

    def _look_again(self) -> None:
        if not self._looking:
            self._looking = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._looking = False
        count = len(self._waiting)
        if not count:  # they went to the writer meanwhile
            return
        if not self._seen:
            self._since = self._loop.time()
        self._quiet = 0 if count > self._seen else self._quiet + 1
        self._seen = count
        if self._quiet >= QUIET_TURNS or self._loop.time() - self._since >= TOGETHER_S:
            self._submit()
        else:
            self._look_again()

    def _submit(self) -> None:
        jobs, self._waiting, self._seen = self._waiting, [], 0
        self._writer.enqueue(jobs)

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

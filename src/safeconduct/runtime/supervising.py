"""Child processes that are started again when they die, within bounds, and end when told to.

A child reads its order on standard input, says on standard output that it is ready or why it can't be, and then each
second that it is there. It ends when its input does: so none outlives its parent, however that ends.
"""

import asyncio
import contextlib
import json
import logging
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from safeconduct.kernel.errors import UnavailableError

READY_S = 120.0
"""Seconds until a child must be ready. A long log is replayed in some; a loaded machine takes tens to start Python."""

END_S = 25.0
"""Seconds that children get to end, beside what their task adds; then they are killed."""

DEATHS_MAX, DEATHS_S = 5, 60.0
"""Deaths of one child in so many seconds after which all is given up: it would die again."""

RESTART_FIRST_S, RESTART_MAX_S = 0.2, 5.0
"""Seconds until a child that died is started again: doubled with each try, up to the second."""

BEAT_S = 1.0
"""Seconds between two signs of life."""

SILENT_S = 10.0
"""Seconds without one after which a child is killed: who connects to a worker that stands still waits for it."""

LINE_BYTES_MAX = 64 * 1024
"""Bytes of what a child says in one line."""

_DEATHS = frozenset({"child-failed", "child-slow"})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One child: its command and environment, what it is ordered anew at each start, and descriptors it is given.

    `drain_s` are the seconds that it takes to end at most, beyond what all do.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    order: Callable[[], bytes]
    descriptors: Sequence[int] = ()
    drain_s: int = 0


@dataclass(slots=True)
class Child:
    """A task that is kept running."""

    task: Task
    process: Process | None = None
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=DEATHS_MAX))
    ending: bool = False

    async def start(self) -> None:
        """Starts the process and returns when it is ready.

        Raises:
            UnavailableError: it was not in time, or said why it can't be.
        """
        task = self.task
        self.process = process = await asyncio.create_subprocess_exec(
            *task.command,
            stdin=PIPE,
            stdout=PIPE,
            env=task.environment,
            pass_fds=task.descriptors,
            limit=LINE_BYTES_MAX,
            start_new_session=True,  # a Ctrl-C in the terminal is for the parent
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the child was started with pipes")
        process.stdin.write(task.order())
        try:
            async with asyncio.timeout(READY_S):
                await _require_ready(task.name, process.stdout)
        except TimeoutError as error:
            await _kill(process)
            raise UnavailableError(f"{task.name} was not ready in {READY_S:.0f} s", code="child-slow") from error
        except UnavailableError:
            await _kill(process)
            raise

    async def keep(self) -> None:
        """Starts the process again whenever it dies, until told to end.

        Raises:
            UnavailableError: `child-dies`: it does so too often.
        """
        while self.process is not None:
            await _silent(self.process)
            code = await self.process.wait()
            if self.ending:
                return
            _log.warning("%s ended with %s", self.task.name, code)
            await self._again()

    async def end(self) -> None:
        """Lets the process end in order, or ends it."""
        self.ending = True
        if self.process is None or self.process.stdin is None:
            return
        self.process.stdin.close()
        try:
            async with asyncio.timeout(END_S + self.task.drain_s):
                await self.process.wait()
        except TimeoutError:
            await _kill(self.process)

    async def _again(self) -> None:
        self._count_death()
        wait = RESTART_FIRST_S
        while not self.ending:
            await asyncio.sleep(wait)
            wait = min(wait * 2, RESTART_MAX_S)
            try:
                await self.start()
            except UnavailableError as error:
                _log.warning("%s: %s", self.task.name, error)
                if error.code in _DEATHS:  # else it said itself what it waits for, such as the database
                    self._count_death()
            else:
                return

    def _count_death(self) -> None:
        now = time.monotonic()
        self.deaths.append(now)
        if len(self.deaths) == DEATHS_MAX and now - self.deaths[0] < DEATHS_S:
            raise UnavailableError(
                f"{self.task.name} died {DEATHS_MAX} times within {DEATHS_S:.0f} s",
                code="child-dies",
                remedy="what it says above tells why",
            )


async def _silent(process: Process) -> None:
    """Returns when the process says nothing any more, for it ended or is killed."""
    said = b"."
    try:
        while said and process.stdout is not None:
            async with asyncio.timeout(SILENT_S):
                said = await process.stdout.readline()
    except TimeoutError:
        _log.warning("a process was silent for %s s and is killed", SILENT_S)
        await _kill(process)


async def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


async def _require_ready(name: str, says: asyncio.StreamReader) -> None:
    said: dict[str, Any] = {}
    while not said and (line := await says.readline()):  # signs of life come while it starts, and say nothing
        with contextlib.suppress(ValueError):
            said = json.loads(line)
    if said.get("ready"):
        return
    failed = said.get("failed") or {"message": f"{name} ended while it started", "code": "child-failed"}
    raise UnavailableError(failed["message"], code=failed["code"], remedy=failed.get("remedy", ""))

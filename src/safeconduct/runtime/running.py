"""The calls that run in one worker: found by whatever cuts them, and waited for by whatever lets them end."""

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

from safeconduct.gateway.moves import CutWhy
from safeconduct.gateway.observing import Observers
from safeconduct.runtime.freeze import CutReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from safeconduct.access.standing import Standing
    from safeconduct.runtime.one_call import CallRun

SHUTDOWN_S = 5.0
"""Seconds that ending calls get to record their outcomes. A commit takes milliseconds."""

RECORDED_S = 1.0
"""Seconds that a call waits for the answer before it in its session to be recorded. A commit takes milliseconds; what
is not recorded then counts as not seen, and is untrusted."""

REPORTS_KEPT = 64
"""Cut reports kept for whoever asks how fast a freeze was."""


class Running:
    """The calls that run. Made and used on one loop; `len` from any thread. `reports` are those of the last cuts."""

    def __init__(self, observers: Observers) -> None:
        self.reports: deque[CutReport] = deque(maxlen=REPORTS_KEPT)
        self._observers = observers
        self._loop = asyncio.get_running_loop()
        self._runs: set[CallRun] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> "Iterator[CallRun]":
        return iter(list(self._runs))

    def add(self, run: "CallRun") -> None:
        """Holds a call that runs from now on."""
        self._quiet.clear()
        self._runs.add(run)
        self._observers.running(1)

    def discard(self, run: "CallRun") -> None:
        """Lets go of one that has ended."""
        self._runs.discard(run)
        self._observers.running(-1)
        if not self._runs:
            self._quiet.set()

    def standing_changed(self, standing: "Standing", committed_at: float) -> CutReport:
        """Cuts every call that the standing no longer allows."""
        cut_at = {}
        for run in self:
            reason = run.fallen(standing)
            if reason is not None and run.cut(*reason) and run.call:
                cut_at[run.call] = self._loop.time()
        report = CutReport(epoch=standing.epoch, committed_at=committed_at, cut_at=cut_at)
        self.reports.append(report)
        return report

    def cut_all(self, why: CutWhy) -> None:
        """Cuts every call."""
        for run in self:
            run.cut(why)

    async def end(self, drain_s: float) -> None:
        """Lets calls end within so many seconds, cuts what is left, and waits until outcomes are recorded."""
        await self._quiet_within(drain_s)
        self.cut_all(CutWhy.SHUTDOWN)
        await self._quiet_within(SHUTDOWN_S)  # what could not be recorded is closed at the next start

    async def _quiet_within(self, most_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await self._quiet.wait()

    async def answers_recorded(self, session: str) -> None:
        """Waits until what was answered here in a session is recorded: its client may have had it before that."""
        ending = [asyncio.ensure_future(run.ended()) for run in self._runs if run.ends_in(session)]
        if ending:
            await asyncio.wait(ending, timeout=RECORDED_S)
            for waiting in ending:
                waiting.cancel()

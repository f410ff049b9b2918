"""Carrying out effects and firing timers (R2). Both are control state; whatever stands there is not done yet.

An effect's function is idempotent, keyed by the entry's id, and ends by submitting the entry whose projection removes
the effect. One that fails, or that did not submit it, is tried again, slower each time, also after a restart.
"""

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from safeconduct.kernel.effects import OUTBOX, TIMERS, Effect, Timer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.kernel.instants import seconds
from safeconduct.kernel.ports import Clock, Records, Transaction
from safeconduct.runtime.commits import LoopCommits
from safeconduct.runtime.queued import QueuedWriter

_log = logging.getLogger(__name__)

Carry = Callable[[Effect], Awaitable[None] | None]
Fire = Callable[[Transaction, Timer], object]

EFFECTS_MAX = 16  # carried out at once; each may hold a connection
RETRY_FIRST_S = 1.0
RETRY_MAX_S = 60.0  # a partner that was away for a day is asked again within a minute
GATHER_S = 0.02  # commits come by the hundred a second; looking after each would cost more than it brings
LOOK_AGAIN_S = 30.0  # how often due timers are looked for without being woken, should the clock have jumped


@dataclass(slots=True)
class _Delay:
    """When something that failed is tried again, and why it failed."""

    attempts: int = 0
    not_before: int = 0
    error: SafeconductError | None = None


class EffectRunner:
    """Runs on one event loop, beside the writer. `snapshot` opens committed control state.

    `gather_s` is how long it waits for more after a commit, `retry_max_s` the longest between two tries, in seconds.
    `quiet` names types of entries whose projections neither order effects nor set timers: a commit of these alone,
    as nearly all are, is not looked after.
    """

    def __init__(
        self,
        writer: QueuedWriter,
        snapshot: Callable[[], AbstractContextManager[Records]],
        clock: Clock,
        *,
        gather_s: float = GATHER_S,
        retry_max_s: float = RETRY_MAX_S,
        quiet: AbstractSet[str] = frozenset(),
    ) -> None:
        self._quiet = quiet
        self._writer = writer
        self._snapshot = snapshot
        self._clock = clock
        self._gather_s = gather_s
        self._retry_max_s = retry_max_s
        self._carry: dict[str, Carry] = {}
        self._fire: dict[str, Fire] = {}
        self._delays: dict[str, _Delay] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._commits: LoopCommits | None = None
        self._wake = asyncio.Event()

    def on(self, kind: str, carry: Carry) -> None:
        """Names the function that carries out effects of a kind; one that is not async runs in a thread."""
        self._carry[kind] = carry

    def on_timer(self, kind: str, fire: Fire) -> None:
        """Names the command that is submitted when a timer of a kind is due; its entry's projection clears it."""
        self._fire[kind] = fire

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Takes up what is unfinished and overdue, and follows the writer from now on."""
        self._loop = asyncio.get_running_loop()
        self._wake.set()
        self._commits = LoopCommits(self._writer)
        self._writer.subscribe(self._take_in)
        self._main = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Stops following; what runs is cancelled and taken up at the next start."""
        tasks = [task for task in (self._main, *self._running.values()) if task is not None]
        self._main, self._loop = None, None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def settle(self) -> Mapping[str, SafeconductError]:
        """Tries everything that waits now, and returns when each ended or failed once.

        Returns why, for what failed: effects by the id of the entry that ordered them, timers by when they were due.
        """
        self._delays.clear()
        await self._fire_due()
        seen: set[str] = set()
        while True:
            self._take_up()
            new = {key: task for key, task in self._running.items() if key not in seen}
            if not new:
                return {key.split("/")[0]: delay.error for key, delay in self._delays.items() if delay.error}
            seen |= set(new)
            await asyncio.gather(*new.values(), return_exceptions=True)

    def _take_in(self, entries: Sequence[Entry]) -> None:
        if not all(entry.type in self._quiet for entry in entries):
            self.wake()

    def wake(self) -> None:
        """Looks for what can be done now. Any thread."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: what was ordered waits for the next start
                loop.call_soon_threadsafe(self._wake.set)

    async def _follow(self) -> None:
        while True:
            self._wake.clear()
            try:
                self._take_up()
                next_due = await self._fire_due()
            except SafeconductError as error:
                _log.warning("control state can't be read: %s", error)
                next_due = RETRY_MAX_S
            try:
                # Not wait_for: in Python 3.11 it loses a cancellation that comes when the wait has just ended.
                async with asyncio.timeout(max(0.0, min(next_due, LOOK_AGAIN_S))):
                    await self._wake.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(self._gather_s)

    def _take_up(self) -> None:
        """Starts every effect that may run now."""
        with self._snapshot() as records:
            waiting = list(records.scan(OUTBOX))
        now = self._clock.now()
        for key, effect in waiting:
            delay = self._delays.get(key)
            if key in self._running or effect.kind not in self._carry or len(self._running) >= EFFECTS_MAX:
                continue
            if delay is None or delay.not_before <= now:
                self._running[key] = asyncio.create_task(self._carry_out(key, effect))

    async def _carry_out(self, key: str, effect: Effect) -> None:
        carry = self._carry[effect.kind]
        failed: SafeconductError | None = None
        try:
            if inspect.iscoroutinefunction(carry):
                await carry(effect)
            else:
                await asyncio.to_thread(carry, effect)
        except SafeconductError as error:
            failed = error
        except Exception:  # noqa: BLE001 - an effect that fails in any way stays, and the others go on
            _log.exception("effect %s failed", key)
            failed = _unforeseen("effect", key)
        finally:
            self._running.pop(key, None)
        with self._snapshot() as records:
            if records.get(OUTBOX, key) is None:
                self._delays.pop(key, None)
            else:
                self._put_off(key, failed)
        self._wake.set()

    async def _fire_due(self) -> float:
        """Fires what is due; returns in how many seconds to look again."""
        now = self._clock.now()
        with self._snapshot() as records:
            timers = [(key, timer) for key, timer in records.scan(TIMERS) if timer.kind in self._fire]
        for key, timer in timers:
            delay = self._delays.get(key)
            if timer.due_at <= now and (delay is None or delay.not_before <= now):
                await self._fire_one(key, timer)
        later: list[int] = [timer.due_at for key, timer in timers if timer.due_at > now]
        later += [delay.not_before for delay in self._delays.values() if delay.not_before > now]
        return min(((due - now) / seconds(1) for due in later), default=LOOK_AGAIN_S)

    async def _fire_one(self, key: str, timer: Timer) -> None:
        fire, commits = self._fire[timer.kind], self._commits
        if commits is None:
            return

        def command(tx: Transaction) -> Any:  # noqa: ANN401 - whatever the timer's command returns
            return fire(tx, timer) if tx.get(TIMERS, key) is not None else None

        failed: SafeconductError | None = None
        try:
            await commits.commit(command)
        except SafeconductError as error:
            failed = error
        except Exception:  # noqa: BLE001 - as for effects: one timer must not hold up the others, nor who waits for them
            _log.exception("timer %s failed", key)
            failed = _unforeseen("timer", key)
        with self._snapshot() as records:
            if records.get(TIMERS, key) is None:
                self._delays.pop(key, None)
            else:
                self._put_off(key, failed)

    def _put_off(self, key: str, error: SafeconductError | None) -> None:
        delay = self._delays.setdefault(key, _Delay())
        delay.error = error
        wait = min(RETRY_FIRST_S * 2**delay.attempts, self._retry_max_s)
        delay.attempts = min(delay.attempts + 1, 10)
        delay.not_before = self._clock.now() + seconds(wait)


def _unforeseen(what: str, key: str) -> UnavailableError:
    return UnavailableError(f"{what} {key} failed; the output of the process says how", code=f"{what}-failed")

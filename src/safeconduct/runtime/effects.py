"""Carries out effects and fires timers: what follows a commit (R2).

Both stand in the control state until a second entry removes them, so whatever is there at start is taken up again.
An effect may be carried out more than once, and must allow it; its ending command decides, in its transaction, whether
there is still something to end.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from safeconduct.kernel.effects import OUTBOX, TIMERS, Effect, Timer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Clock, Records, Transaction, Writer

RETRY_S = 5.0
"""Seconds until an effect that failed is tried again. Partners' servers restart in about that time."""

TICK_S = 1.0
"""Seconds between two looks at the timers at most, so that a clock that was set is noticed."""

Command = Callable[[Transaction], object]
Perform = Callable[[Effect], Awaitable[Command]]
"""Carries out an effect and returns the command whose entry ends it. Raises SafeconductError to be tried again."""

Fire = Callable[[Transaction, Timer], object]
"""The command of a timer. Its entry's projection clears the timer."""


class EffectRunner:
    """Made and used on one loop. A kind that nobody carries out here waits for a process in which somebody does."""

    def __init__(self, writer: Writer, snapshot: Callable[[], AbstractContextManager[Records]], clock: Clock) -> None:
        self._writer = writer
        self._snapshot = snapshot
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._performs: dict[str, Perform] = {}
        self._fires: dict[str, Fire] = {}
        self._failed: dict[str, tuple[float, SafeconductError]] = {}  # when it may be tried again, and why it must
        self._one_at_a_time = asyncio.Lock()
        self._woken = asyncio.Event()
        self._woken.set()

    def on(self, kind: str, perform: Perform) -> None:
        """Says who carries out effects of a kind."""
        self._performs[kind] = perform

    def on_timer(self, kind: str, fire: Fire) -> None:
        """Says what a timer of a kind does."""
        self._fires[kind] = fire

    def take_in(self, entries: Sequence[Entry]) -> None:
        """Notices a commit: a listener of the writer, on its thread."""
        if entries and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._woken.set)

    async def settle(self) -> Mapping[str, SafeconductError]:
        """Carries out what waits now, what that orders included. Returns what failed, by the ordering entry's id."""
        async with self._one_at_a_time:
            self._failed.clear()
            while await self._pass():
                pass
            return {key.split("/")[0]: error for key, (_, error) in self._failed.items()}

    async def run(self) -> None:
        """Carries out whatever becomes due, until cancelled. A bug in an effect ends it, and with it the server."""
        while True:
            self._woken.clear()
            async with self._one_at_a_time:
                while await self._pass():
                    pass
            try:
                async with asyncio.timeout(TICK_S):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _pass(self) -> int:
        """Does everything due once and returns how much was done."""
        effects, timers = await asyncio.to_thread(self._due, self._clock.now())
        done = 0
        for key, effect in effects:
            done += await self._carry_out(key, effect)
        for timer in timers:
            done += await self._fire(timer)
        return done

    def _due(self, now: Instant) -> tuple[list[tuple[str, Effect]], list[Timer]]:
        with self._snapshot() as records:
            effects = [(key, one) for key, one in records.scan(OUTBOX) if one.kind in self._performs]
            timers = [one for _, one in records.scan(TIMERS) if one.due_at <= now and one.kind in self._fires]
        return [(key, one) for key, one in effects if not self._waits(key)], timers

    def _waits(self, key: str) -> bool:
        return key in self._failed and self._loop.time() < self._failed[key][0]

    async def _carry_out(self, key: str, effect: Effect) -> int:
        try:
            await self._end(await self._performs[effect.kind](effect))
        except SafeconductError as error:
            self._failed[key] = (self._loop.time() + RETRY_S, error)
            return 0
        self._failed.pop(key, None)
        return 1

    async def _fire(self, timer: Timer) -> int:
        key = f"{timer.kind}/{timer.key}"
        if self._waits(key):
            return 0
        try:
            await self._end(lambda tx: self._fires[timer.kind](tx, timer))
        except SafeconductError as error:
            self._failed[key] = (self._loop.time() + RETRY_S, error)
            return 0
        return 1

    async def _end(self, command: Command) -> None:
        await asyncio.wrap_future(self._writer.submit(command))

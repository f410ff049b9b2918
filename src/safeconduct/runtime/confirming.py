"""Where many processes write, a freeze is another one's commit: each worker asks whether its standing is in force.

docs/spec/workers.md 4. What a worker hands over at some moment rests on a reading that began at most `RELEASE_S`
before: a freeze that was committed earlier was in it. So also where it was stopped and woken: the clock went on.
"""

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Protocol

from safeconduct.access.records import epoch
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ports import Records
from safeconduct.runtime.freeze import StandingBoard

HEARTBEAT_S = 0.1
"""Seconds between two readings, where nobody tells of a change before: two may fail to come in time."""

RELEASE_S = 0.25
"""Seconds since the last reading began, after which nothing is dispatched or handed to a client: what a freeze may take
(docs/architecture.md)."""

ADMIT_S = 1.0
"""Seconds since the last reading began, after which new calls are refused (R5); so nobody waits longer for a newer one
before they are told anything."""

LOST_S = 4.0
"""Seconds between two readings after which running calls are cut: whoever closes the calls of dead workers waits for
`DEAD_S` (runtime/abandoning.py), and no call may go on whose outcome another process said."""

RETRY_S = 0.1
"""Seconds until the database is asked again that did not answer."""

_log = logging.getLogger(__name__)


def time_awake_or_not() -> float:
    """Returns seconds that go on while the process is stopped, and while the machine sleeps where the system says."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Watch(Protocol):
    """A session with the database that is told of changes. While it lasts, others see that this process lives."""

    def wait(self, seconds: float) -> bool:
        """Returns when a change was told of, or after that time; tells which.

        Raises:
            UnavailableError: the session is lost.
        """
        ...

    def records(self) -> Records:
        """Returns the control state, each reading as it is then.

        Raises:
            UnavailableError: the database does not answer.
        """
        ...


class Confirmation:
    """When a worker last knew that its standing was the one in force. Used on one loop.

    `lost` is called when so long went by that the worker may have been taken for dead.
    """

    def __init__(self, lost: Callable[[], None] = lambda: None, clock: Callable[[], float] = time_awake_or_not) -> None:
        self._lost = lost
        self._clock = clock
        self._at = -math.inf
        self._came = asyncio.Event()

    @property
    def age_s(self) -> float:
        """Seconds since the last reading began."""
        return self._clock() - self._at

    def admits(self) -> bool:
        """Tells whether new calls may be decided."""
        return self.age_s <= ADMIT_S

    def releases(self) -> bool:
        """Tells whether something may be dispatched or handed over: the last reading is fresh."""
        return self.age_s <= RELEASE_S

    async def wait(self) -> None:
        """Returns when something may be dispatched or handed over."""
        while not self.releases():
            self._came.clear()
            await self._came.wait()

    async def fresh(self) -> None:
        """Returns as `wait`, for those who are told to come again rather than wait for long.

        Raises:
            UnavailableError: `standing-unconfirmed`, no reading came within ADMIT_S.
        """
        if not self.releases():
            await _in_time(self.wait())

    async def newer(self, enough: Callable[[], bool] = lambda: False) -> None:
        """Returns when a reading is taken in that began after this was asked; before, once one came that is `enough`.

        It asks for none: readings come as they do, whoever waits for them.

        Raises:
            UnavailableError: `standing-unconfirmed`, none came within ADMIT_S.
        """
        await _in_time(self._newer(self._clock(), enough))

    async def _newer(self, asked: float, enough: Callable[[], bool]) -> None:
        while self._at < asked and not enough():
            self._came.clear()
            await self._came.wait()

    def confirm(self, began: float) -> None:
        """Takes in a reading that found the standing to be in force; `began` is when it was asked for."""
        if math.isfinite(self._at) and began - self._at > LOST_S:
            self._lost()
        self._at = began
        self._came.set()


async def _in_time(reading: Coroutine[None, None, None]) -> None:
    """Waits for a reading for ADMIT_S at most."""
    try:
        async with asyncio.timeout(ADMIT_S):
            await reading
    except TimeoutError:
        raise unconfirmed() from None


def unconfirmed() -> UnavailableError:
    """Returns what a new call is told where nobody knows whether a freeze is in force."""
    return UnavailableError(
        "this worker can't tell whether a freeze is in force: the database does not answer it",
        code="standing-unconfirmed",
        remedy="retry; an operator looks at the database",
    )


class StandingWatch:
    """Keeps a board's standing in force, in a thread of its own, and tells a loop each time that it is.

    `changed` is called in that thread whenever a change was told of, whatever it was.
    """

    def __init__(self, watch: Watch, board: StandingBoard, changed: Callable[[], None] = lambda: None) -> None:
        self._watch = watch
        self._board = board
        self._changed = changed
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, loop: asyncio.AbstractEventLoop, confirmation: Confirmation) -> None:
        """Begins. Changes of standing reach the loop before the confirmation that comes after them."""
        self._thread = threading.Thread(target=self._run, args=(loop, confirmation), name="standing", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, loop: asyncio.AbstractEventLoop, confirmation: Confirmation) -> None:
        failed = False
        while not self._ended.is_set():
            began = time_awake_or_not()
            try:
                self.look()
                with suppress(RuntimeError):  # the loop is closed
                    loop.call_soon_threadsafe(confirmation.confirm, began)
                if self._watch.wait(HEARTBEAT_S):
                    self._changed()
                failed = False
            except UnavailableError as error:
                if not failed:  # said once: it is tried ten times a second
                    _log.warning("the standing is not confirmed: %s", error)
                failed = True
                self._ended.wait(RETRY_S)

    def look(self) -> None:
        """Compares the standing with what is in force, once.

        Raises:
            UnavailableError: the database does not answer.
        """
        if epoch(self._watch.records()) != self._board.current.epoch:
            self._board.refresh()

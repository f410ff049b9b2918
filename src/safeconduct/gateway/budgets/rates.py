"""How many calls one principal makes on one path: at most so many in any minute, and so many at once.

Counted in memory, exactly: a sliding window over the instants of the last calls, no buckets. Of several workers each
takes its share of the limit, at least one call; so together they let through no more than the larger of the limit and
the number of workers.
"""

from collections import deque
from dataclasses import dataclass, field

from safeconduct.kernel.errors import LimitedError

MINUTE_S = 60.0
"""Seconds of the window that calls a minute are counted in."""

CONCURRENCY_RETRY_S = 1
"""Seconds after which to try again where too many calls run: one may have ended, and nobody knows when."""

Caller = tuple[str, str]
"""A principal and a path."""


def share(limit: int, worker: int, workers: int) -> int:
    """Returns a worker's part of a limit, counting workers from 0. All parts make the limit, if it has one for each."""
    return max(1, limit // workers + (1 if worker < limit % workers else 0))


@dataclass(slots=True)
class Pace:
    """The calls of one worker. `worker` of `workers` it is. Times are seconds of a clock that never goes back."""

    worker: int = 0
    workers: int = 1
    _recent: dict[Caller, deque[float]] = field(default_factory=dict)
    _running: dict[Caller, int] = field(default_factory=dict)

    def begin(self, caller: Caller, per_minute: int | None, at_once: int | None, now: float) -> None:
        """Counts a call in; `end` counts it out.

        Raises:
            LimitedError: `rate-exceeded` or `concurrency-exceeded`; nothing was counted.
        """
        running = self._running.get(caller, 0)
        if at_once is not None and running >= share(at_once, self.worker, self.workers):
            raise _too_many(caller, at_once)
        if per_minute is not None:
            self._count(caller, per_minute, now)
        self._running[caller] = running + 1

    def end(self, caller: Caller) -> None:
        """Counts a call out."""
        self._running[caller] -= 1
        if not self._running[caller]:
            del self._running[caller]

    def _count(self, caller: Caller, per_minute: int, now: float) -> None:
        recent = self._recent.setdefault(caller, deque())
        while recent and recent[0] <= now - MINUTE_S:
            recent.popleft()
        if len(recent) >= share(per_minute, self.worker, self.workers):
            raise _too_often(caller, per_minute, recent[0] + MINUTE_S - now)
        recent.append(now)


def _too_often(caller: Caller, per_minute: int, wait_s: float) -> LimitedError:
    seconds = max(1, int(-(-wait_s // 1)))
    return LimitedError(
        f"{caller[0]} may make {per_minute} calls a minute on path {caller[1]}",
        code="rate-exceeded",
        clause=f"path:{caller[1]}/limits",
        remedy=f"retry in {seconds} s",
        retry_after_s=seconds,
    )


def _too_many(caller: Caller, at_once: int) -> LimitedError:
    return LimitedError(
        f"{caller[0]} may have {at_once} calls at once on path {caller[1]}",
        code="concurrency-exceeded",
        clause=f"path:{caller[1]}/limits",
        remedy="let one end first",
        retry_after_s=CONCURRENCY_RETRY_S,
    )

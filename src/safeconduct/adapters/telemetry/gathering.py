"""Batches of a stream, gathered into segments: each is taken in as one file and stands in the log as one entry.

The first batch of a stream that was quiet is taken in at once; those that come within SEGMENT_S after it go together.
Everybody waits for the segment that holds theirs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from safeconduct.kernel.errors import LimitedError

if TYPE_CHECKING:
    from safeconduct.adapters.telemetry.batches import Batch

SEGMENT_S = 1.0
"""Seconds between two segments of a stream: an entry each second, as of a file that is followed."""

SEGMENT_BYTES = 8 * 1024 * 1024
"""Bytes at which a segment is not waited for, as of the parts in which files are sent."""

WAITING_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of one owner's batches that are under way in a process: a second of several busy shippers."""

RETRY_AFTER_S = 2
"""What a shipper is told to wait then: the segments that are in the way are in by then."""

Check = Callable[[], Awaitable[object]]
"""Raises where a batch may not be taken in any more."""

Take = Callable[[tuple["Batch", ...]], Awaitable[Any]]
"""Takes a segment in, durably, and returns what is told of it."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    batch: "Batch"
    check: Check
    told: asyncio.Future[Any]


@dataclass
class _Stream:
    waiting: list[_Waiting] = field(default_factory=list)
    full: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, one: _Waiting) -> None:
        self.waiting.append(one)
        if sum(waiting.batch.size for waiting in self.waiting) >= SEGMENT_BYTES:
            self.full.set()

    def draw(self) -> list[_Waiting]:
        drawn, self.waiting = self.waiting, []
        self.full.clear()
        return drawn


class Gathering:
    """The streams of a process. For one loop at a time."""

    def __init__(self, segment_s: float = SEGMENT_S) -> None:
        self._segment_s = segment_s
        self._streams: dict[Hashable, _Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes: dict[str, int] = {}

    @contextmanager
    def room(self, owner: str) -> Iterator[Callable[[int], None]]:
        """Yields what counts bytes of an owner's that are held here until the block ends.

        Raises:
            LimitedError: `stream-waiting`: by what counts, where WAITING_BYTES_MAX is passed.
        """
        held = 0

        def count(size: int) -> None:
            nonlocal held
            if self._bytes.get(owner, 0) + size > WAITING_BYTES_MAX:
                raise LimitedError(
                    f"over {WAITING_BYTES_MAX} bytes of telemetry wait to be taken in",
                    code="stream-waiting",
                    remedy="send the batch again later",
                    retry_after_s=RETRY_AFTER_S,
                )
            held += size
            self._bytes[owner] = self._bytes.get(owner, 0) + size

        try:
            yield count
        finally:
            left = self._bytes.get(owner, 0) - held
            self._bytes[owner] = left
            if not left:
                del self._bytes[owner]

    async def send(self, stream: Hashable, batch: "Batch", check: Check, take: Take) -> Any:  # noqa: ANN401 - as `take`
        """Returns what `take` told of the segment that holds the batch.

        Raises:
            SafeconductError: what `check` raised of this batch, or `take` of the segment.
        """
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        found = self._streams.get(stream)
        if found is None:
            found = self._streams[stream] = _Stream()
            found.add(_Waiting(batch, check, told))
            task = asyncio.create_task(self._work(stream, found, take))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            found.add(_Waiting(batch, check, told))
        return await told

    async def _work(self, name: Hashable, stream: _Stream, take: Take) -> None:
        try:
            while stream.waiting:
                await _segment(stream.draw(), take)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._segment_s):
                        await stream.full.wait()
        finally:
            del self._streams[name]


async def _segment(drawn: list[_Waiting], take: Take) -> None:
    allowed = [one for one in drawn if await _allowed(one)]
    if not allowed:
        return
    try:
        told = await take(tuple(one.batch for one in allowed))
    except Exception as error:  # noqa: BLE001 - whatever it was, everybody who waits is told, and the stream goes on
        for one in allowed:
            _fail(one, error)
        return
    for one in allowed:
        if not one.told.done():
            one.told.set_result(told)


async def _allowed(one: _Waiting) -> bool:
    try:
        await one.check()
    except Exception as error:  # noqa: BLE001 - as above: a fault of one check leaves nobody of the segment waiting
        _fail(one, error)
        return False
    return True


def _fail(one: _Waiting, error: Exception) -> None:
    if not one.told.done():
        one.told.set_exception(error)

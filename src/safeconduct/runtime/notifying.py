"""Sending notices, apart from all other effects: nothing waits for a mail server that hangs (docs/spec/notices.md).

One send at a time and channel, each in a thread of a pool of its own. What was not taken is tried again, slower
each time, for a day; then that channel's part is over, and the entry says so.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import msgspec

from safeconduct.kernel.effects import Effect
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import DAY, Duration, Instant
from safeconduct.kernel.notices import Notice, NoticeLine, Notifier
from safeconduct.kernel.ports import Clock
from safeconduct.program.notice_events import Outcome
from safeconduct.program.notices import Attempt, open_channels, record
from safeconduct.program.warnings import Look, look, tell
from safeconduct.runtime.freeze import Snapshot
from safeconduct.runtime.queued import QueuedWriter

GIVE_UP: Duration = DAY
"""How long a notice is tried, counted from its order: whoever mends a mail server does so within a day."""

TRIES_MIN = 3
"""Tries before giving up, however late it is: after a day without power the network takes a moment, too."""

RETRY_MAX_S = 900.0
"""Seconds between two tries at most: a server that came back is found within a quarter of an hour."""

GATHER_S = 1.0
"""Seconds after a commit until notices are looked for: they are not in a hurry, and commits come by the hundred."""

SENDERS_MAX = 32
"""Sends at once, one for each channel; no more channels may be named."""

LOOK_S = 5.0
"""Seconds between two looks at whether it is time to look at the calendar. Two records are read for it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Where notices go: whose and of which kinds, all where none is named, and the way there."""

    name: str
    notifier: Notifier
    owners: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def part(self, notice: Notice) -> Notice | None:
        """Returns what of a notice goes here; None where nothing does. A principal's gets that principal's lines."""
        if notice.only:
            return notice if notice.only == self.name else None
        if self.kinds and notice.kind not in self.kinds:
            return None
        if not self.owners or f"organization:{notice.to}" in self.owners:
            return notice
        lines = tuple(line for line in notice.lines if line.owner in self.owners)
        return replace(notice, lines=lines, more=0, subject=_subject(lines)) if lines else None


def _subject(lines: Sequence[NoticeLine]) -> str:
    return f"{len(lines)} {'thing is' if len(lines) == 1 else 'things are'} due of {lines[0].owner}"


class Carrier:
    """Carries out the effects of notices. `channels` reads them anew, so that a mended file counts at once."""

    def __init__(
        self, writer: QueuedWriter, snapshot: Snapshot, clock: Clock, channels: Callable[[], Sequence[Channel]]
    ) -> None:
        self._writer = writer
        self._snapshot = snapshot
        self._clock = clock
        self._channels = channels
        self._pool = ThreadPoolExecutor(SENDERS_MAX, thread_name_prefix="notices")
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tries: defaultdict[tuple[str, str], int] = defaultdict(int)

    async def carry_out(self, effect: Effect) -> None:
        """Tries every channel that has not taken the notice yet; ends the effect where none is left.

        Raises:
            InvalidInputError: the channels can't be read: the notice waits until they can.
            UnavailableError: it was not taken somewhere, and is to be tried again.
        """
        notice, entry = msgspec.convert(effect.body, Notice), EntryId(effect.key)
        named = await asyncio.to_thread(self._channels)
        parts = [(one, part) for one in named if (part := one.part(notice)) is not None]
        with self._snapshot() as records:
            left = open_channels(records, entry, [one.name for one, _ in parts])
        if not left:
            await self._record(entry, notice, Attempt("", Outcome.UNADDRESSED, "no channel is named for it"), ())
            return
        waiting = [one.name for one, _ in parts]
        sends = [self._send(entry, one, part, waiting) for one, part in parts if one.name in left]
        failed = [error for error in await asyncio.gather(*sends) if error is not None]
        if failed:
            raise failed[0]

    async def _send(
        self, entry: EntryId, channel: Channel, notice: Notice, all_of: Sequence[str]
    ) -> SafeconductError | None:
        async with self._turns[channel.name]:
            loop = asyncio.get_running_loop()
            try:
                said = await loop.run_in_executor(self._pool, channel.notifier.send, entry, notice)
            except SafeconductError as error:
                return await self._failed(entry, channel.name, notice, all_of, error)
        await self._record(entry, notice, Attempt(channel.name, Outcome.SENT, said), all_of)
        return None

    async def _failed(
        self, entry: EntryId, name: str, notice: Notice, all_of: Sequence[str], error: SafeconductError
    ) -> SafeconductError | None:
        self._tries[entry, name] += 1
        late = self._clock.now() >= notice.at + GIVE_UP and self._tries[entry, name] >= TRIES_MIN
        if not (late or notice.only):
            return error
        await self._record(entry, notice, Attempt(name, Outcome.UNDELIVERABLE, error.message), all_of)
        return None

    async def _record(self, entry: EntryId, notice: Notice, attempt: Attempt, all_of: Sequence[str]) -> None:
        self._tries.pop((entry, attempt.channel), None)
        await asyncio.wrap_future(self._writer.submit(lambda tx: record(tx, entry, notice, attempt, all_of)))

    def close(self) -> None:
        """Takes no more; what is being sent ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)


async def look_out(writer: QueuedWriter, snapshot: Snapshot, clock: Clock) -> None:
    """Looks at the calendar whenever it is time, and has what is new told, until cancelled."""
    while True:
        try:
            found = await asyncio.to_thread(_look, snapshot, clock.now())
            if found is not None:
                await asyncio.wrap_future(writer.submit(lambda tx, found=found: tell(tx, found)))  # type: ignore[misc]
        except SafeconductError as error:
            _log.warning("nobody is told of what is due: %s", error)
        except Exception:  # noqa: BLE001 - were this to end here, nobody would be warned any more
            _log.exception("nobody is told of what is due")
        await asyncio.sleep(LOOK_S)


def _look(snapshot: Snapshot, now: Instant) -> Look | None:
    with snapshot() as records:
        return look(records, now)

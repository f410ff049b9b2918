"""Orders telemetry to be destroyed whose time is over, and records strays (docs/telemetry.md, Retention)."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial

from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Clock
from safeconduct.ledger.sealing import DAY_LENGTH
from safeconduct.runtime.freeze import Snapshot
from safeconduct.runtime.queued import QueuedWriter
from safeconduct.soc.retention.due import due_days
from safeconduct.soc.retention.holding import FilesOf, citations, hold_on_telemetry
from safeconduct.soc.retention.ordering import all_due, order_due
from safeconduct.soc.retention.strays import RawFiles, Stray, record_found, strays

LOOK_S = 60.0
"""Seconds between two looks. Days are counted, so that nothing waits for it but a backlog, in bounded parts."""

_log = logging.getLogger(__name__)


class Retainer:
    """Looks for what is due. One process does; two that did would order nothing twice."""

    def __init__(
        self,
        writer: QueuedWriter,
        snapshot: Snapshot,
        clock: Clock,
        *,
        owners: Callable[[], Iterable[str]],
        files_of: Callable[[str], FilesOf],
        raws_of: Callable[[str], RawFiles],
    ) -> None:
        self._writer = writer
        self._snapshot = snapshot
        self._clock = clock
        self._owners = owners
        self._files_of = files_of
        self._raws_of = raws_of
        self._strays_on = ""  # the day on which strays were looked for last, as far as there were no more

    def look(self) -> tuple[EntryId, ...]:
        """Orders what is due of every owner's, as much as one look may, and returns the orders. Records strays.

        For these it looks at its first time and each day, as it reads the names of all raw files; and again at once
        where something came of it, for each look is bounded.

        Raises:
            SafeconductError: the records can't be read, or the log takes no entries now.
        """
        today = rfc3339(self._clock.now())[:DAY_LENGTH]
        ordered, more = list[EntryId](), False
        for owner in self._owners():
            found, recorded = self._strays(owner) if self._strays_on != today else ((), False)
            orders = self._ordered(owner, found)
            more = more or recorded or bool(orders and any(one.order for one in found))
            ordered += orders
        self._strays_on = "" if more else today
        return tuple(ordered)

    def _strays(self, owner: str) -> tuple[tuple[Stray, ...], bool]:
        """Returns an owner's strays, and whether some were recorded."""
        with self._snapshot() as records:
            found = strays(records, owner, self._raws_of(owner))
        if not any(one.counts for one in found):
            return found, False
        return found, bool(self._writer.submit(partial(record_found, owner=owner, found=found)).result().value)

    def _ordered(self, owner: str, found: tuple[Stray, ...]) -> tuple[EntryId, ...]:
        with self._snapshot() as records:
            now = self._clock.now()
            over = due_days(records, owner, now) or any(one.order for one in found)
            if not over or hold_on_telemetry(records) is not None:
                return ()
            citing = citations(records, owner, self._files_of(owner))
            if not any(one.to_destroy for one in all_due(records, owner, now, citing, found)):
                return ()
        return self._writer.submit(partial(order_due, owner=owner, citing=citing, found=found)).result().value


async def retain(retainer: Retainer) -> None:
    """Looks again and again."""
    while True:
        try:
            await asyncio.to_thread(retainer.look)
        except SafeconductError as error:
            _log.warning("which telemetry is to be destroyed is not known now: %s", error)
        await asyncio.sleep(LOOK_S)

"""Orders telemetry to be destroyed whose time is over, behind everything else (docs/telemetry.md, Retention)."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial

from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.ports import Clock
from safeconduct.runtime.freeze import Snapshot
from safeconduct.runtime.queued import QueuedWriter
from safeconduct.soc.retention.due import due, due_days
from safeconduct.soc.retention.holding import FilesOf, citations, hold_on_telemetry
from safeconduct.soc.retention.ordering import order_due

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
    ) -> None:
        self._writer = writer
        self._snapshot = snapshot
        self._clock = clock
        self._owners = owners
        self._files_of = files_of

    def look(self) -> tuple[EntryId, ...]:
        """Orders what is due of every owner's, as much as one look may, and returns the orders.

        Raises:
            SafeconductError: the records can't be read, or the log takes no entries now.
        """
        return tuple(order for owner in self._owners() for order in self._ordered(owner))

    def _ordered(self, owner: str) -> tuple[EntryId, ...]:
        with self._snapshot() as records:
            now = self._clock.now()
            if not due_days(records, owner, now) or hold_on_telemetry(records) is not None:
                return ()
            citing = citations(records, owner, self._files_of(owner))
            if not any(one.to_destroy for one in due(records, owner, now, citing)):
                return ()
        return self._writer.submit(partial(order_due, owner=owner, citing=citing)).result().value


async def retain(retainer: Retainer) -> None:
    """Looks again and again."""
    while True:
        try:
            await asyncio.to_thread(retainer.look)
        except SafeconductError as error:
            _log.warning("which telemetry is to be destroyed is not known now: %s", error)
        await asyncio.sleep(LOOK_S)

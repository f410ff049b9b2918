"""Closing the calls of workers that died: whoever takes care of what must be done once says their outcomes."""

import logging
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager

from safeconduct.gateway.budgets.records import BUDGETS
from safeconduct.gateway.budgets.service import settle_gone
from safeconduct.gateway.entries import abandoned_draft
from safeconduct.gateway.events import OPEN_CALLS
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.runtime.queued import QueuedWriter

DEAD_S = 5.0
"""Seconds without a session after which a worker counts as dead, seen over all of them. Above `LOST_S`
(runtime/confirming.py): a worker that was away so long has cut its calls by itself before it goes on."""

_log = logging.getLogger(__name__)


class Abandoner:
    """Looks for open calls of workers that are not there. `living` returns the incarnations whose sessions are."""

    def __init__(
        self,
        writer: QueuedWriter,
        snapshot: Callable[[], AbstractContextManager[Records]],
        living: Callable[[], Collection[str]],
        *,
        by: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer = writer
        self._snapshot = snapshot
        self._living = living
        self._by = by
        self._clock = clock
        self._missed: dict[str, float] = {}

    def look(self) -> int:
        """Closes the calls of workers that are dead, and accounts for their budgets; returns how many calls.

        Raises:
            UnavailableError: the database does not answer, or takes no entries; nobody counts as missed then.
        """
        try:
            with self._snapshot() as records:
                known = {call.worker for _, call in records.scan(OPEN_CALLS)}
                known |= {worker for _, budget in records.scan(BUDGETS) for worker in budget.held}
            missed = known - set(self._living())  # asked after: who opened a call was there before
        except UnavailableError:
            self._missed.clear()
            raise
        now = self._clock()
        self._missed = {worker: self._missed.get(worker, now) for worker in missed}
        dead = frozenset(worker for worker, since in self._missed.items() if now - since >= DEAD_S)
        return self._abandon(dead) if dead else 0

    def _abandon(self, dead: Collection[str]) -> int:
        closed = self._writer.submit(lambda tx: abandon_open_calls(tx, self._by, dead.__contains__)).result().value
        _log.warning("%s calls of workers that died are closed: %s", closed, ", ".join(sorted(dead)))
        return closed


def abandon_open_calls(tx: Transaction, by: str, gone: Callable[[str], bool] | None = None) -> int:
    """Closes the calls of workers that are gone, and accounts for what those held of budgets. Returns how many.

    Where there is one process, all are gone that are not `by`.
    """
    is_gone = gone or (lambda worker: worker != by)
    open_calls = [call for _, call in tx.scan(OPEN_CALLS) if is_gone(call.worker)]
    for call in open_calls:
        tx.append(Origin(call.origin), abandoned_draft(call.call, by, call.reserved))
    settle_gone(tx, is_gone, by)
    return len(open_calls)

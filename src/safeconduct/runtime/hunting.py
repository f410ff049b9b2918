"""Asking hunts that are due, after the entry that says so (R2, docs/spec/hunts.md). One at a time.

An answer changes nothing but the entry that ends the run, so that it may be asked again after any crash.
"""

import asyncio
from collections.abc import Callable

from safeconduct.kernel.effects import Effect
from safeconduct.kernel.errors import LimitedError, SafeconductError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import MINUTE, Duration
from safeconduct.kernel.ports import Clock
from safeconduct.runtime.freeze import Snapshot
from safeconduct.runtime.queued import QueuedWriter
from safeconduct.soc.hunts.model import Budget, HuntResult
from safeconduct.soc.hunts.scheduled_events import OPEN_RUNS, SCHEDULES, HuntDue, Outcome
from safeconduct.soc.hunts.scheduling import Found, settle_run
from safeconduct.soc.hunts.stopping import stopped_by
from safeconduct.soc.ingesting import owned_key

GIVE_UP = Duration(15 * MINUTE)
"""How long an engine that fails is asked again, counted from when the hunt was due."""

EVENTS_CITED = 20
"""Events that an answer names: enough to begin at. `hunt run --saved NAME` has all."""

Ask = Callable[[HuntDue, Budget], HuntResult]


class HuntAsker:
    """Carries out what is due. `ask` reads the hunt as it was saved and asks it, in a thread."""

    def __init__(self, writer: QueuedWriter, snapshot: Snapshot, clock: Clock, ask: Ask) -> None:
        self._writer = writer
        self._snapshot = snapshot
        self._clock = clock
        self._ask = ask
        self._turn = asyncio.Lock()

    async def carry_out(self, effect: Effect) -> None:
        """Asks once, and ends the run with what came of it.

        Raises:
            SafeconductError: the engine failed, and it is early yet.
        """
        due_id = EntryId(effect.key)
        async with self._turn:
            found = await asyncio.to_thread(self._found, due_id)
        if found is not None:
            await asyncio.wrap_future(self._writer.submit(lambda tx: settle_run(tx, due_id, found)))

    def _found(self, due_id: EntryId) -> Found | None:
        with self._snapshot() as records:
            due = records.get(OPEN_RUNS, due_id)
            schedule = records.get(SCHEDULES, owned_key(due.owner, due.name)) if due else None
            if due is None or schedule is None:
                return None
            stopped = stopped_by(records, due)
        if stopped:
            return Found(outcome=Outcome.STOPPED, code=stopped)
        return self._asked(due, Budget(seconds=schedule.scheduled.seconds))

    def _asked(self, due: HuntDue, budget: Budget) -> Found:
        try:
            result = self._ask(due, budget)
        except LimitedError as error:
            return Found(outcome=Outcome.OVER_BUDGET, code=error.code)
        except SafeconductError as error:
            if self._clock.now() < due.due_at + GIVE_UP and error.code != "hunt-changed":
                raise
            return Found(outcome=Outcome.FAILED, code=error.code)
        cited = result.events or tuple(dict.fromkeys(one for row in result.rows for one in row.events))
        return Found(
            outcome=Outcome.ANSWERED,
            counted=result.counted,
            scanned=result.scanned,
            events=cited[:EVENTS_CITED],
            reach=result.reach,
        )

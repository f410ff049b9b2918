"""Telling SIEMs of their alerts, after the entry that ordered it (R2, docs/spec/siem.md section 4).

Each alert is looked at before it is told of, so that no alert gets a comment twice, whatever was lost.
"""

import asyncio
from collections.abc import Callable

from safeconduct.kernel.effects import Effect
from safeconduct.kernel.errors import AbsentError, SafeconductError, UnavailableError
from safeconduct.kernel.instants import DAY, Duration
from safeconduct.kernel.ports import Clock
from safeconduct.runtime.freeze import Snapshot
from safeconduct.runtime.queued import QueuedWriter
from safeconduct.soc.siem.events import ORDERS, SiemOrder, Told
from safeconduct.soc.siem.model import Telling
from safeconduct.soc.siem.ports import Siem
from safeconduct.soc.siem.service import settle_telling

GIVE_UP: Duration = DAY
"""How long a SIEM that answers nothing, or no, is asked again: a day of somebody's mending a credential."""


class SiemTeller:
    """Carries out the orders. `siem` reads the operator's file anew, so that a mended one counts at once."""

    def __init__(self, writer: QueuedWriter, snapshot: Snapshot, clock: Clock, siem: Callable[[str], Siem]) -> None:
        self._writer = writer
        self._snapshot = snapshot
        self._clock = clock
        self._siem = siem

    async def carry_out(self, effect: Effect) -> None:
        """Tries once, and ends the order with what came of it.

        Raises:
            SafeconductError: the SIEM took it not or not yet, and a day has not passed.
        """
        with self._snapshot() as records:
            order = records.get(ORDERS, effect.key)
        if order is None:
            raise UnavailableError(f"no entry ordered to tell anybody as {effect.key}", code="log-damaged")
        told = {alert: await self._tell(order, alert) for alert in order.order.alerts}
        await asyncio.wrap_future(self._writer.submit(lambda tx: settle_telling(tx, order.id, told)))

    async def _tell(self, order: SiemOrder, alert: str) -> Told:
        line = f"Safeconduct incident {order.order.incident[:12]}: judged {order.order.judgment} by a person."
        telling = Telling(alert=alert, judgment=order.order.judgment, line=line, entry=order.id)
        try:
            siem = await asyncio.to_thread(self._siem, order.order.siem)
            return Told.TOLD if await asyncio.to_thread(siem.tell, telling) else Told.KNOWN
        except AbsentError:
            return Told.ABSENT
        except SafeconductError:
            if self._clock.now() < order.at + GIVE_UP:
                raise
            return Told.FAILED

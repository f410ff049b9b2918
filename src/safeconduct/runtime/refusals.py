"""Requests that became no call: who is told, and which of them leave an entry."""

import contextlib
from collections.abc import Callable

from safeconduct.access.honeytoken_events import HONEYTOKEN_USED, HoneytokenUsed
from safeconduct.access.standing import Standing
from safeconduct.gateway.arriving import Arrival
from safeconduct.gateway.entries import PATH_SHOWN_MAX, refused_draft
from safeconduct.gateway.events import CALLERS_UNIDENTIFIED, CallersUnidentified
from safeconduct.gateway.meter import RefusalMeter
from safeconduct.gateway.observing import Observers, refused_call
from safeconduct.gateway.ports import CallClient
from safeconduct.gateway.prepared import Refusal
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant
from safeconduct.runtime.leases import Commits
from safeconduct.runtime.marking import Marking


class Refusals:
    """Those of one worker. The `installation`'s log has what is of no path; the others stand where their path does."""

    def __init__(
        self,
        commits: Commits,
        standing: Callable[[], Standing],
        marking: Marking,
        observers: Observers,
        installation: Origin,
    ) -> None:
        self._commits = commits
        self._standing = standing
        self._marking = marking
        self._observers = observers
        self._installation = installation
        self._meter = RefusalMeter()

    async def tell(self, refusal: Refusal, arrival: Arrival, body: bytes, client: CallClient) -> str:
        """Records a refusal where an entry is due, and tells the client. Returns the call, or nothing."""
        call = await self.record(refusal, arrival, body)
        refusal.error.clause = refusal.clause
        await client.error(refusal.error, call, after_dispatch=False)
        return call

    async def record(self, refusal: Refusal, arrival: Arrival, body: bytes) -> str:
        """Appends the entry of a refusal where one is due, and returns its id; else nothing."""
        if refusal.principal is None:
            self._observers.unidentified()
            await self._record_bait(arrival)
            await self._record_unidentified(self._meter.unidentified(arrival.at))
            return ""
        unrecorded = self._meter.refused(refusal.principal.id, arrival.at)
        call = "" if unrecorded is None else await self._append_refusal(refusal, arrival, body, unrecorded)
        self._observers.refused(refused_call(call, refusal))
        return call

    async def drain(self, now: Instant) -> None:
        """Records those of nobody known that were only counted so far."""
        await self._record_unidentified(self._meter.drain(now))

    async def _append_refusal(self, refusal: Refusal, arrival: Arrival, body: bytes, unrecorded: int) -> str:
        traits = self._marking.traits(arrival, refusal.principal, body) if refusal.principal else None
        draft = refused_draft(refusal, arrival, body, unrecorded, traits)
        origin = refusal.path.origin if refusal.path else self._installation
        try:
            committed = await self._commits(lambda tx: tx.append(origin, draft), own=True)
        except SafeconductError:
            return ""  # the answer is no in any case; a log that takes no entries shows itself by its own alarms
        return committed.receipts[0].entry_id

    async def _record_bait(self, arrival: Arrival) -> None:
        honeytoken = self._standing().bait(arrival.token)
        if not honeytoken or not self._meter.baited(honeytoken, arrival.at):
            return
        network = self._marking.network(arrival.client)
        event = HoneytokenUsed(honeytoken=honeytoken, path=arrival.path[:PATH_SHOWN_MAX], network=network)
        with contextlib.suppress(SafeconductError):  # the answer is no in any case
            await self._commits(lambda tx: tx.append(self._installation, HONEYTOKEN_USED.draft(event)))

    async def _record_unidentified(self, event: CallersUnidentified | None) -> None:
        if event is None:
            return
        draft = CALLERS_UNIDENTIFIED.draft(event)
        try:
            await self._commits(lambda tx: tx.append(self._installation, draft))
        except SafeconductError:
            return  # as above

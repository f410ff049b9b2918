"""One governed call on its way: carries out what its machine commands, and feeds back what happened.

A cut comes from outside the call's task (freeze, client, timer, shutdown) and acts at once: the machine is fed there
and then, both transports are closed, and the task is woken only to record the outcome.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from safeconduct.access.records import epoch
from safeconduct.gateway.budgets.charging import charge
from safeconduct.gateway.budgets.model import NO_COST, Amounts
from safeconduct.gateway.call import Call, State
from safeconduct.gateway.entries import intent_draft, outcome_draft
from safeconduct.gateway.moves import (
    AbortClient,
    AbortUpstream,
    AppendIntent,
    AppendOutcome,
    ClientWritten,
    Command,
    Cut,
    CutWhy,
    Dispatch,
    Event,
    IntentCommitted,
    IntentFailed,
    Outcome,
    OutcomeCommitted,
    OutcomeFailed,
    SendBytes,
    SendError,
    SendHead,
    SendReceipt,
    Started,
    UpstreamBytes,
    UpstreamEnd,
    UpstreamFailed,
)
from safeconduct.gateway.prepare import Prepared, Refusal
from safeconduct.gateway.providers import outside, outside_path
from safeconduct.kernel.errors import ConflictError, SafeconductError, UnavailableError, UpstreamError
from safeconduct.kernel.ports import Transaction
from safeconduct.ledger.receipts import receipt_text

if TYPE_CHECKING:
    from safeconduct.gateway.ports import CallClient, Exchange
    from safeconduct.kernel.entries import Draft
    from safeconduct.kernel.ports import Receipt
    from safeconduct.runtime.calls import Calls

STANDING_TRIES_MAX = 4
"""How often a call is decided anew because who may do what changed before its intent was committed."""

TICK_S = 0.001
"""Seconds until the time is looked at again after it was up: a woken task needs a turn of the loop."""

_GOES_OUT = (Dispatch, SendHead, SendBytes, SendReceipt)
"""What hands something to an upstream or a client: only while the standing is known to be the one in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What remains of a call: the id of its first entry and its receipts, where it got that far."""

    call: str = ""
    intent: "Receipt | None" = None
    outcome: "Receipt | None" = None


class CallRun:
    """One call, run by one task."""

    def __init__(self, calls: "Calls", prepared: Prepared, client: "CallClient") -> None:
        self.prepared = prepared
        self._calls = calls
        self._client = client
        self._call = Call(prepared.terms)
        self._todo: deque[Command] = deque()
        self._exchange: Exchange | None = None
        self._head_came = False
        self._was_cut = False
        self.call = ""  # the id of its intent, or of its refusal, once that stands in the log
        self._intent: Receipt | None = None
        self._outcome: Receipt | None = None
        self._cost = NO_COST  # what is reserved
        self._task: asyncio.Task[Any] | None = None
        self._waiting_since: float | None = None  # for the upstream
        self._woken_for: SafeconductError | None = None
        self._deadline = calls.loop.time() + prepared.path.limits.deadline_s
        self._timer = calls.loop.call_later(
            min(calls.patience.shortest_s, prepared.path.limits.deadline_s), self._check_time
        )

    async def drive(self) -> Ended:
        """Carries out commands until there are none left."""
        self._task = asyncio.current_task()
        self._client.when_gone(lambda: self.cut(CutWhy.CLIENT_GONE))
        try:
            await self._carry_out()
        finally:
            self._timer.cancel()
            self._close_upstream()
            self._settle(self._cost.reserved)  # where no outcome is known to stand, nothing is free again
        return Ended(call=self.call, intent=self._intent, outcome=self._outcome)

    async def _carry_out(self) -> None:
        self._feed(Started())
        cancelled: asyncio.CancelledError | None = None
        while self._todo or self._listening():
            try:
                event = await (self._do_next() if self._todo else self._hear())
            except asyncio.CancelledError as error:  # the server gives up on its tasks
                cancelled = error
                self.cut(CutWhy.SHUTDOWN)
            else:
                if event is not None:
                    self._feed(event)
        if cancelled is not None:
            raise cancelled

    def cut(self, why: CutWhy, clause: str = "") -> bool:
        """Stops the call now. On return both transports are closed and nothing more is handed over.

        Tells whether there was anything to stop.
        """
        if self._call.state is State.CLOSED:
            return False
        commands = self._call.feed(Cut(why, clause))
        self._was_cut = True
        self._todo = deque(
            command for command in self._todo if not isinstance(command, SendHead | SendBytes | SendReceipt)
        )
        for command in commands:
            if isinstance(command, AbortClient):
                self._client.abort()
            elif isinstance(command, AbortUpstream):
                self._close_upstream()
            else:
                self._todo.append(command)
        self._wake(UpstreamError("the call was cut", code=why.value))
        return True

    def _feed(self, event: Event) -> None:
        self._todo.extend(self._call.feed(event))

    def _listening(self) -> bool:
        return self._call.state in (State.DISPATCHED, State.COLLECTING, State.RELAYING)

    async def _do_next(self) -> Event | None:
        command, confirmation = self._todo.popleft(), self._calls.confirmation
        if confirmation is not None and isinstance(command, _GOES_OUT):
            await confirmation.wait()
            if self._was_cut:
                return None
        return await self._do(command)

    async def _do(self, command: Command) -> Event | None:
        match command:
            case AppendIntent():
                return await self._append_intent()
            case Dispatch():
                return self._dispatch()
            case SendHead(content_type, length, intent):
                await self._client.head(content_type, length, intent)
            case SendBytes(data, last):
                await self._client.send(data, last=last)
                return ClientWritten()
            case SendError(error, after_dispatch):
                await self._client.error(error, self.call, after_dispatch=after_dispatch)
            case AppendOutcome(outcome):
                return await self._append_outcome(outcome)
            case SendReceipt(receipt):
                comment = f": safeconduct-receipt {receipt_text(receipt)}\n\n"
                await self._client.send(comment.encode(), last=True)
            case AbortUpstream():
                self._close_upstream()
            case AbortClient():
                self._client.abort()
        return None

    def _dispatch(self) -> Event | None:
        provider = self.prepared.providers[0]
        upstream = self._calls.upstreams[provider.upstream]
        # What runs may have changed since the call was decided; what it was decided on has not.
        if outside(provider, upstream.facts):
            return UpstreamFailed(outside_path(self.prepared.path))
        self._exchange = upstream.exchange(self.prepared.ask)
        return None

    async def _append_intent(self) -> Event:
        for _ in range(STANDING_TRIES_MAX):
            refused = await self._reserve()
            if refused is not None:
                return IntentFailed(refused)
            prepared = self.prepared
            draft = intent_draft(prepared, self._calls.worker)
            try:
                committed = await self._calls.commits(partial(_append_intent, prepared=prepared, draft=draft), own=True)
            except SafeconductError as error:
                if not isinstance(error, UnavailableError):  # else it may be there all the same, and count
                    self._settle(dict.fromkeys(self._cost.reserved, 0))
                if error.code != "standing-changed":
                    return IntentFailed(error)
            else:
                self._intent = committed.receipts[0]
                self.call = self._intent.entry_id
                return IntentCommitted(self._intent)
            refused = await self._decide_again()
            if refused is not None:
                return IntentFailed(refused)
        return IntentFailed(UnavailableError("who may do what keeps changing", code="standing-changed", remedy="retry"))

    async def _reserve(self) -> SafeconductError | None:
        """Reserves the worst case; returns why not, recorded."""
        prepared = self.prepared
        try:
            await self._calls.leases.reserve(prepared.cost, prepared.path.origin)
        except SafeconductError as error:
            refusal = Refusal(
                step=8, error=error, principal=prepared.principal, path=prepared.path, model=prepared.asked.model
            )
            self.call = await self._calls.record_refusal(refusal, prepared.arrival, prepared.asked.body)
            return error
        self._cost = prepared.cost
        return None

    def _settle(self, settled: Amounts) -> None:
        """Ends the reservation, once."""
        cost, self._cost = self._cost, NO_COST
        self._calls.leases.settle(cost, settled)

    async def _decide_again(self) -> SafeconductError | None:
        arrival, body = self.prepared.arrival, self.prepared.asked.body
        again = self._calls.prepare(arrival, body)
        if isinstance(again, Prepared):
            self.prepared, self._call.terms = again, again.terms
            return None
        self.call = await self._calls.record_refusal(again, arrival, body)
        return again.error

    async def _append_outcome(self, outcome: Outcome) -> Event:
        origin = self.prepared.path.origin
        charged = charge(self._cost, outcome, asked=self._exchange is not None)
        draft = outcome_draft(self.call, self.prepared.principal.id, self._calls.worker, outcome, charged)
        try:
            committed = await self._calls.commits(lambda tx: tx.append(origin, draft), own=True)
        except SafeconductError as error:
            return OutcomeFailed(fenced=error.code == "call-ended")
        self._settle(charged.settled)
        self._outcome = committed.receipts[0]
        return OutcomeCommitted(self._outcome)

    async def _hear(self) -> Event:
        if self._exchange is None:
            raise RuntimeError("the upstream is listened to after it was asked")
        self._waiting_since = self._calls.loop.time()
        try:
            if not self._head_came:
                head = await self._exchange.head()
                self._head_came = True
                return head
            data = await self._exchange.read()
        except UpstreamError as error:
            return UpstreamFailed(error)
        except asyncio.CancelledError:
            if self._woken_for is None or self._task is None:
                raise
            self._task.uncancel()
            woken_for, self._woken_for = self._woken_for, None
            return UpstreamFailed(woken_for)
        finally:
            self._waiting_since = None
        return UpstreamBytes(data) if data else UpstreamEnd()

    def _close_upstream(self) -> None:
        if self._exchange is not None:
            self._exchange.close()

    def _wake(self, error: SafeconductError) -> None:
        """Ends waiting for the upstream, and nothing else: commits and writes run to their end."""
        if self._waiting_since is not None and self._woken_for is None and self._task is not None:
            self._woken_for = error
            self._task.cancel()

    def _check_time(self) -> None:
        now, patience = self._calls.loop.time(), self._calls.patience
        if now >= self._deadline:
            self.cut(CutWhy.DEADLINE)
            return
        silent_s = patience.idle_s if self._head_came else patience.first_byte_s
        if self._waiting_since is not None and now >= self._waiting_since + silent_s:
            self._wake(UpstreamError("the model server was silent for too long", code="upstream-timeout"))
        waited_s = 0.0 if self._waiting_since is None else now - self._waiting_since
        next_s = min(patience.shortest_s, self._deadline - now, max(silent_s - waited_s, TICK_S))
        self._timer = self._calls.loop.call_later(next_s, self._check_time)


def _append_intent(tx: Transaction, prepared: Prepared, draft: "Draft") -> None:
    if epoch(tx) != prepared.epoch:
        raise ConflictError("who may do what has changed meanwhile", code="standing-changed")
    tx.append(prepared.path.origin, draft)

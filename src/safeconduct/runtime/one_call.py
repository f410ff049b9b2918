"""One governed call on its way: carries out what its machine commands, and feeds back what happened.

A cut comes from outside the call's task (freeze, client, timer, shutdown) and acts at once: the machine is fed there
and then, both transports are closed, and the task is woken only to record the outcome.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from safeconduct.gateway.call import Call
from safeconduct.gateway.call_states import CLOSED, COLLECTING, DISPATCHED, RELAYING, State
from safeconduct.gateway.moves import (
    AbortClient,
    AbortUpstream,
    AppendAttempt,
    AppendIntent,
    AppendOutcome,
    ClientWritten,
    Command,
    Cut,
    CutWhy,
    DecideTurn,
    Dispatch,
    Event,
    HoldAnswer,
    OutcomeCommitted,
    OutcomeFailed,
    SendBytes,
    SendError,
    SendHead,
    SendReceipt,
    Started,
)
from safeconduct.gateway.prepared import Prepared
from safeconduct.kernel.errors import SafeconductError, UpstreamError
from safeconduct.ledger.receipts import receipt_text
from safeconduct.runtime.allowed import Allowed
from safeconduct.runtime.asking import Asking
from safeconduct.runtime.intending import Intending
from safeconduct.runtime.outcomes import told
from safeconduct.runtime.recording import Recording
from safeconduct.runtime.reserving import Reservation

if TYPE_CHECKING:
    from safeconduct.access.standing import Standing
    from safeconduct.gateway.ports import CallClient
    from safeconduct.kernel.ports import Receipt
    from safeconduct.runtime.calls import Calls

_GOES_OUT = frozenset((Dispatch, SendHead, SendBytes, SendReceipt))
"""What hands something to an upstream or a client: only while the standing is known to be the one in force."""

_NEVER_AFTER_A_CUT = _GOES_OUT | {AppendAttempt}

_LISTENS = (DISPATCHED, COLLECTING, RELAYING)
"""Where an upstream is heard."""

_STARTED, _WRITTEN = Started(), ClientWritten()


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """What remains of a call: the id of its first entry and its receipts, where it got that far."""

    call: str = ""
    intent: "Receipt | None" = None
    outcome: "Receipt | None" = None


class CallRun:
    """One call, run by one task."""

    def __init__(self, calls: "Calls", prepared: Prepared, client: "CallClient") -> None:
        self._calls = calls
        self._client = client
        self._reservation = Reservation(calls.leases)
        self._intending = Intending(calls, prepared, self._reservation)
        self._recording = Recording(calls, self._intending, self._reservation)
        self._asking = Asking(calls)
        self._call = Call(calls.marking.terms(prepared))
        self._todo: deque[Command] = deque()
        self._was_cut = False
        self._over: asyncio.Event | None = None  # made by who waits for it
        self._outcome: Receipt | None = None
        self._first_s: float | None = None
        self._began = calls.loop.time()
        deadline_s = prepared.path.limits.deadline_s
        self._deadline = self._began + deadline_s
        self._allowed = Allowed(calls, prepared)
        self._timer = calls.loop.call_later(
            min(calls.patience.shortest_s, deadline_s, self._allowed.began_with_s), self._check_time
        )

    @property
    def call(self) -> str:
        """The id of its intent, or of its refusal, once that stands in the log."""
        return self._intending.call

    async def drive(self) -> Ended:
        """Carries out commands until there are none left."""
        self._client.when_gone(lambda: self.cut(CutWhy.CLIENT_GONE))
        self._todo.extend(self._call.feed(_STARTED))
        cancelled: asyncio.CancelledError | None = None
        try:
            while self._todo or self._call.state in _LISTENS:
                try:
                    await self._carry_out()
                except asyncio.CancelledError as error:  # the server gives up on its tasks
                    cancelled = error
                    self.cut(CutWhy.SHUTDOWN)
            if cancelled is not None:
                raise cancelled
        finally:
            self._timer.cancel()
            self._asking.close()
            self._reservation.settle_whole()  # an outcome that is known to stand has ended it before
            if self._over is not None:
                self._over.set()
        return Ended(call=self.call, intent=self._intending.receipt, outcome=self._outcome)

    async def _carry_out(self) -> None:
        """Carries out what is commanded and hears what is said, until there is nothing of either."""
        call, todo, confirmation = self._call, self._todo, self._calls.confirmation
        while True:
            if todo:
                command = todo.popleft()
                if confirmation is not None and type(command) in _GOES_OUT:
                    await confirmation.wait()
                    if self._was_cut:
                        continue
                event = await _STEPS[type(command)](self, command)
            elif call.state in _LISTENS:
                event = await self._asking.hear()
            else:
                return
            if event is not None:
                todo.extend(call.feed(event))

    def fallen(self, standing: "Standing") -> tuple[CutWhy, str] | None:
        """Returns why a standing no longer allows it, and the clause; None while it does."""
        return self._allowed.fallen(standing)

    def ends_in(self, session: str) -> bool:
        """Tells whether it is a session's call whose client may have the answer, which isn't recorded yet."""
        return self._intending.session == session and self._call.ending

    def ended(self) -> Coroutine[Any, Any, object]:
        """Returns the waiting for the end of a call that runs now. Awaited after that, it is over at once."""
        self._over = self._over or asyncio.Event()
        return self._over.wait()

    def cut(self, why: CutWhy, clause: str = "") -> bool:
        """Stops the call now. On return both transports are closed and nothing more is handed over.

        Tells whether there was anything to stop.
        """
        if self._call.state is CLOSED:
            if self._outcome is not None:  # what is still under way is its receipt, and the client may never take it
                self._client.abort()
            return False
        commands = self._call.feed(Cut(why, clause))
        self._was_cut = True
        kept = [command for command in self._todo if type(command) not in _NEVER_AFTER_A_CUT]
        self._todo.clear()
        self._todo.extend(kept)
        for command in commands:
            if isinstance(command, AbortClient):
                self._client.abort()
            elif isinstance(command, AbortUpstream):
                self._asking.close()
            else:
                self._todo.append(command)
        self._asking.wake(UpstreamError("the call was cut", code=why.value))
        return True

    async def append_intent(self, _: AppendIntent) -> Event:
        return await self._intending.append(self._replaced)

    async def append_attempt(self, command: AppendAttempt) -> Event:
        return await self._recording.attempt(command, lambda: self._call.state is State.RETRYING)

    async def decide_turn(self, command: DecideTurn) -> Event:
        return await self._recording.turn(command.calls)

    async def hold_answer(self, command: HoldAnswer) -> Event:
        return await self._recording.held(command)

    async def append_outcome(self, command: AppendOutcome) -> Event:
        try:
            outcome, self._outcome = await self._recording.outcome(command.outcome)
        except SafeconductError as error:
            return OutcomeFailed(fenced=error.code == "call-ended")
        took_s = self._calls.loop.time() - self._began
        prepared = self._intending.prepared
        self._calls.observers.ended(told(outcome, prepared, self.call, took_s=took_s, first_s=self._first_s))
        return OutcomeCommitted(self._outcome)

    async def dispatch(self, command: Dispatch) -> Event | None:
        return self._asking.dispatch(self._intending.prepared, command.attempt)

    async def send_head(self, head: SendHead) -> None:
        self._first_s = self._calls.loop.time() - self._began
        if head.altered:
            self._client.altered(head.altered)
        await self._client.head(head.content_type, head.length, head.intent)

    async def send_bytes(self, command: SendBytes) -> Event:
        await self._client.send(command.data, last=command.last)
        return _WRITTEN

    async def send_error(self, command: SendError) -> None:
        await self._client.error(command.error, self.call, after_dispatch=command.after_dispatch)

    async def send_receipt(self, command: SendReceipt) -> None:
        comment = f": safeconduct-receipt {receipt_text(command.outcome)}\n\n"
        await self._client.send(comment.encode(), last=True)

    async def abort_upstream(self, _: AbortUpstream) -> None:
        self._asking.close()

    async def abort_client(self, _: AbortClient) -> None:
        self._client.abort()

    def _replaced(self, prepared: Prepared) -> None:
        self._call.terms = self._calls.marking.terms(prepared)
        self._allowed.replaced(prepared)

    def _check_time(self) -> None:
        now = self._calls.loop.time()
        if now >= self._deadline:
            self.cut(CutWhy.DEADLINE)
            return
        if self._allowed.left_s() <= 0:
            clause = self._allowed.refused_now(self._calls.standing())
            if clause:
                self.cut(CutWhy.REVOKED, clause)
                return
        silence_s = min(self._calls.patience.shortest_s, self._asking.check(now))
        next_s = min(silence_s, self._deadline - now, self._allowed.left_s())
        self._timer = self._calls.loop.call_later(next_s, self._check_time)


_Step: TypeAlias = Callable[[CallRun, Any], Awaitable[Event | None]]

_STEPS: Mapping[type[Command], _Step] = {
    AppendIntent: CallRun.append_intent,
    AppendAttempt: CallRun.append_attempt,
    Dispatch: CallRun.dispatch,
    DecideTurn: CallRun.decide_turn,
    HoldAnswer: CallRun.hold_answer,
    SendHead: CallRun.send_head,
    SendBytes: CallRun.send_bytes,
    SendError: CallRun.send_error,
    AbortUpstream: CallRun.abort_upstream,
    AbortClient: CallRun.abort_client,
    AppendOutcome: CallRun.append_outcome,
    SendReceipt: CallRun.send_receipt,
}
"""How each command is carried out."""

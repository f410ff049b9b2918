"""One governed call on its way: carries out what its machine commands, and feeds back what happened.

A cut comes from outside the call's task (freeze, client, timer, shutdown) and acts at once: the machine is fed there
and then, both transports are closed, and the task is woken only to record the outcome.
"""

import asyncio
import math
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from safeconduct.access.target_rules import Place
from safeconduct.boundary.model import ToolCall
from safeconduct.gateway.budgets.charging import charge
from safeconduct.gateway.call import Call, State
from safeconduct.gateway.entries import attempt_draft, outcome_draft
from safeconduct.gateway.held_answers import Put, put_to_vote
from safeconduct.gateway.lasting import judged_by, lasts_until, refused_now
from safeconduct.gateway.moves import (
    AbortClient,
    AbortUpstream,
    AnswerKept,
    AppendAttempt,
    AppendIntent,
    AppendOutcome,
    AttemptCommitted,
    AttemptFailed,
    ClientWritten,
    Command,
    Cut,
    CutWhy,
    DecideTurn,
    Dispatch,
    Event,
    HoldAnswer,
    Outcome,
    OutcomeCommitted,
    OutcomeFailed,
    SendBytes,
    SendError,
    SendHead,
    SendReceipt,
    Started,
    TurnDecided,
    TurnUndecided,
)
from safeconduct.gateway.prepared import Prepared
from safeconduct.gateway.turns import Shown, Turn, judge
from safeconduct.kernel.errors import SafeconductError, UnavailableError, UpstreamError
from safeconduct.kernel.instants import seconds
from safeconduct.kernel.ports import Transaction
from safeconduct.ledger.receipts import receipt_text
from safeconduct.runtime.asking import Asking
from safeconduct.runtime.freeze import fallen
from safeconduct.runtime.intending import STANDING_TRIES_MAX, Intending, require_allowed
from safeconduct.runtime.outcomes import append_outcome, compared, said, told
from safeconduct.runtime.reserving import Reservation

if TYPE_CHECKING:
    from safeconduct.access.standing import Standing
    from safeconduct.gateway.ports import CallClient
    from safeconduct.kernel.entries import Draft
    from safeconduct.kernel.ports import Receipt
    from safeconduct.runtime.calls import Calls

_GOES_OUT = (Dispatch, SendHead, SendBytes, SendReceipt)
"""What hands something to an upstream or a client: only while the standing is known to be the one in force."""

_NEVER_AFTER_A_CUT = (AppendAttempt, *_GOES_OUT)

_LISTENS = (State.DISPATCHED, State.COLLECTING, State.RELAYING)
"""Where an upstream is heard. Naming a member of an enumeration costs Python 3.11 a thousand instructions each time."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """What remains of a call: the id of its first entry and its receipts, where it got that far."""

    call: str = ""
    intent: "Receipt | None" = None
    outcome: "Receipt | None" = None


class CallRun:
    """One call, run by one task."""

    def __init__(self, calls: "Calls", prepared: Prepared, client: "CallClient") -> None:
        self._reservation = Reservation(calls.leases)
        self._intending = Intending(calls, prepared, self._reservation)
        self._calls = calls
        self._client = client
        self._call = Call(calls.terms(prepared))
        self._todo: deque[Command] = deque()
        self._asking = Asking(calls)
        self._was_cut = False
        self.over = asyncio.Event()
        self._outcome: Receipt | None = None
        self._began = calls.loop.time()
        self._first_s: float | None = None
        self._deadline = calls.loop.time() + prepared.path.limits.deadline_s
        self._lasts = lasts_until(calls.standing(), prepared, calls.clock.now())
        self._judged: tuple[object, ...] | None = None  # by what it was allowed when that was last looked at
        self._decided_on = self._known(prepared)  # until that is looked at
        self._timer = calls.loop.call_later(
            min(calls.patience.shortest_s, prepared.path.limits.deadline_s, self._left_s()), self._check_time
        )

    @property
    def prepared(self) -> Prepared:
        """What was decided last."""
        return self._intending.prepared

    @property
    def call(self) -> str:
        """The id of its intent, or of its refusal, once that stands in the log."""
        return self._intending.call

    async def drive(self) -> Ended:
        """Carries out commands until there are none left."""
        self._client.when_gone(lambda: self.cut(CutWhy.CLIENT_GONE))
        try:
            await self._carry_out()
        finally:
            self._timer.cancel()
            self._asking.close()
            self._reservation.settle_whole()  # an outcome that is known to stand has ended it before
            self.over.set()
        return Ended(call=self.call, intent=self._intending.receipt, outcome=self._outcome)

    async def _carry_out(self) -> None:
        self._feed(Started())
        cancelled: asyncio.CancelledError | None = None
        while self._todo or self._listening():
            try:
                event = await (self._do_next() if self._todo else self._asking.hear())
            except asyncio.CancelledError as error:  # the server gives up on its tasks
                cancelled = error
                self.cut(CutWhy.SHUTDOWN)
            else:
                if event is not None:
                    self._feed(event)
        if cancelled is not None:
            raise cancelled

    def fallen(self, standing: "Standing") -> tuple[CutWhy, str] | None:
        """Returns why a standing no longer allows it, and the clause; None while it does."""
        prepared = self.prepared
        found = fallen(standing, prepared.facts, prepared.arrival.token)
        if found is not None:
            return found
        judged, before = judged_by(standing, prepared), self._judged
        if before is None and self._decided_on is not None:
            before = judged_by(self._decided_on, prepared)
        self._judged, self._decided_on = judged, None
        if judged == before:
            return None
        clause = self._refused_now(standing)
        return (CutWhy.REVOKED, clause) if clause else None

    def ends_in(self, session: str) -> bool:
        """Tells whether it is a session's call whose client may have the answer, which isn't recorded yet."""
        return self._intending.session == session and self._call.ending

    def _refused_now(self, standing: "Standing") -> str:
        now = self._calls.clock.now()
        self._lasts = lasts_until(standing, self.prepared, now)
        return refused_now(standing, self.prepared, now, self._calls.decide)

    def cut(self, why: CutWhy, clause: str = "") -> bool:
        """Stops the call now. On return both transports are closed and nothing more is handed over.

        Tells whether there was anything to stop.
        """
        if self._call.state is State.CLOSED:
            if self._outcome is not None:  # what is still under way is its receipt, and the client may never take it
                self._client.abort()
            return False
        commands = self._call.feed(Cut(why, clause))
        self._was_cut = True
        self._todo = deque(command for command in self._todo if not isinstance(command, _NEVER_AFTER_A_CUT))
        for command in commands:
            if isinstance(command, AbortClient | AbortUpstream):
                self._abort(command)
            else:
                self._todo.append(command)
        self._asking.wake(UpstreamError("the call was cut", code=why.value))
        return True

    def _feed(self, event: Event) -> None:
        self._todo.extend(self._call.feed(event))

    def _listening(self) -> bool:
        return self._call.state in _LISTENS

    async def _do_next(self) -> Event | None:
        command, confirmation = self._todo.popleft(), self._calls.confirmation
        if confirmation is not None and isinstance(command, _GOES_OUT):
            await confirmation.wait()
            if self._was_cut:
                return None
        return await self._do(command)

    async def _do(self, command: Command) -> Event | None:
        match command:
            case SendBytes(data, last):  # first, because a stream has many
                await self._client.send(data, last=last)
                return ClientWritten()
            case AppendIntent() | AppendOutcome() | AppendAttempt() | DecideTurn() | HoldAnswer():
                return await self._record(command)
            case Dispatch(attempt):
                return self._asking.dispatch(self.prepared, attempt)
            case SendHead():
                await self._begin(command)
            case SendError(error, after_dispatch):
                await self._client.error(error, self.call, after_dispatch=after_dispatch)
            case SendReceipt(receipt):
                comment = f": safeconduct-receipt {receipt_text(receipt)}\n\n"
                await self._client.send(comment.encode(), last=True)
            case AbortUpstream() | AbortClient():
                self._abort(command)
        return None

    async def _record(self, command: AppendIntent | AppendAttempt | DecideTurn | HoldAnswer | AppendOutcome) -> Event:
        match command:
            case AppendIntent():
                return await self._intending.append(self._replaced)
            case AppendOutcome(outcome):
                return await self._append_outcome(outcome)
            case AppendAttempt():
                return await self._append_attempt(command)
            case DecideTurn(proposed):
                return await self._decide_turn(proposed)
            case HoldAnswer():
                return await self._hold_answer(command)

    async def _begin(self, head: SendHead) -> None:
        self._first_s = self._calls.loop.time() - self._began
        if head.altered:
            self._client.altered(head.altered)
        await self._client.head(head.content_type, head.length, head.intent)

    def _abort(self, command: AbortUpstream | AbortClient) -> None:
        if isinstance(command, AbortClient):
            self._client.abort()
        else:
            self._asking.close()

    async def _append_attempt(self, further: AppendAttempt) -> Event:
        draft = attempt_draft(self.call, self.prepared, self._calls.worker, further)
        for _ in range(STANDING_TRIES_MAX):
            known = self._calls.standing().epoch
            try:
                await self._calls.commits(partial(self._append_attempt_if, draft=draft), own=True)
            except SafeconductError as error:
                if error.code != "standing-changed" or not await self._retries_after(known):
                    return AttemptFailed()
            else:
                return AttemptCommitted()
        return AttemptFailed()

    async def _retries_after(self, epoch: int) -> bool:
        """Waits until this process knows of a newer standing, and tells whether the call may still be tried again."""
        try:
            await self._calls.in_force.moved(epoch)
        except UnavailableError:
            return False
        return self._call.state is State.RETRYING

    def _append_attempt_if(self, tx: Transaction, draft: "Draft") -> None:
        # The call runs, so every standing that this process has taken in still allows it. There may be a newer one.
        standing = self._calls.standing()
        require_allowed(tx, self.prepared, standing.epoch, standing)
        tx.append(self.prepared.path.origin, draft)

    async def _decide_turn(self, proposed: tuple[ToolCall, ...]) -> Event:
        prepared, standing, now = self.prepared, self._calls.standing(), self._calls.clock.now()

        def in_scope(text: str) -> bool:
            return not standing.outside(prepared.path, {text: Place.ARGUMENT}, now)

        turn = Turn(call=self.call, prepared=prepared, shown=self._shown(), proposed=proposed, in_scope=in_scope)
        try:
            committed = await self._calls.commits(lambda tx: judge(tx, turn))
        except SafeconductError as error:
            return TurnUndecided(error)
        return TurnDecided(committed.value.instead)

    async def _hold_answer(self, holds: HoldAnswer) -> Event:
        put = Put(call=self.call, prepared=self.prepared, holds=holds)
        try:
            return AnswerKept((await self._calls.commits(lambda tx: put_to_vote(tx, put))).value)
        except SafeconductError as error:
            return AnswerKept(error)

    def _shown(self) -> Shown:
        labels = self._intending.labels
        if labels is None:
            return Shown()
        words, results = labels.words, labels.results
        return Shown(context=labels.context, words=words, results=results, variables=labels.variables)

    async def _append_outcome(self, outcome: Outcome) -> Event:
        prepared, found = self.prepared, self._intending
        outcome = compared(outcome, prepared, self._calls.upstreams)
        charged = charge(self._reservation.cost, outcome)
        draft = outcome_draft(self.call, prepared.principal.id, self._calls.worker, outcome, charged)
        answered = said(outcome, prepared, self.call, found.labels if found.session else None)
        command = partial(
            append_outcome, call=self.call, prepared=prepared, outcome=outcome, draft=draft, answered=answered
        )
        try:
            committed = await self._calls.commits(command, own=not outcome.quoted and answered is None)
        except SafeconductError as error:
            return OutcomeFailed(fenced=error.code == "call-ended")
        self._reservation.settle(charged.settled)
        self._outcome = committed.receipts[0]
        took_s = self._calls.loop.time() - self._began
        self._calls.observers.ended(told(outcome, prepared, self.call, took_s=took_s, first_s=self._first_s))
        return OutcomeCommitted(self._outcome)

    def _replaced(self, prepared: Prepared) -> None:
        self._call.terms = self._calls.terms(prepared)
        self._judged, self._decided_on = None, self._known(prepared)

    def _known(self, prepared: Prepared) -> "Standing | None":
        """Returns the standing that a call was decided on, if it is still there."""
        standing = self._calls.standing()
        return standing if standing.epoch == prepared.epoch else None

    def _left_s(self) -> float:
        """Returns the seconds until time may end its permission."""
        return math.inf if self._lasts is None else (self._lasts - self._calls.clock.now()) / seconds(1)

    def _check_time(self) -> None:
        now = self._calls.loop.time()
        if now >= self._deadline:
            self.cut(CutWhy.DEADLINE)
            return
        if self._left_s() <= 0:
            clause = self._refused_now(self._calls.standing())
            if clause:
                self.cut(CutWhy.REVOKED, clause)
                return
        silence_s = min(self._calls.patience.shortest_s, self._asking.check(now))
        next_s = min(silence_s, self._deadline - now, self._left_s())
        self._timer = self._calls.loop.call_later(next_s, self._check_time)

"""Runs governed calls on an event loop: carries out what each call's machine commands, and feeds back what happened.

One task a call. A cut comes from outside that task (freeze, client, timer, shutdown) and acts at once: the machine is
fed there and then, both transports are closed, and the task is woken only to record the outcome.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from safeconduct.access.records import epoch
from safeconduct.access.standing import Decide, Standing
from safeconduct.gateway import prepare as steps
from safeconduct.gateway.call import Call, State
from safeconduct.gateway.entries import abandoned_draft, intent_draft, outcome_draft, refused_draft
from safeconduct.gateway.events import CALLERS_UNIDENTIFIED, OPEN_CALLS, CallersUnidentified
from safeconduct.gateway.meter import RefusalMeter
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
from safeconduct.gateway.ports import CallClient, Exchange, Upstream
from safeconduct.gateway.prepare import Arrival, Prepared, Refusal
from safeconduct.gateway.receipts import receipt_text
from safeconduct.kernel.errors import ConflictError, SafeconductError, UnavailableError, UpstreamError
from safeconduct.kernel.ids import ENTROPY_BYTES, CallId, Origin, PathId, PrincipalId, ulid
from safeconduct.kernel.ports import Clock, Committed, Entropy, Receipt, Transaction
from safeconduct.policy import DecisionMemo
from safeconduct.runtime.freeze import CutReport, fallen

FIRST_BYTE_S = 60.0
"""Seconds until an upstream must begin its answer. Large prompts take tens of seconds to read."""

IDLE_S = 30.0
"""Seconds between two reads of an answer that has begun. Models write several tokens a second."""

STANDING_TRIES_MAX = 4
"""How often a call is decided anew because who may do what changed before its intent was committed."""

SHUTDOWN_S = 5.0
"""Seconds that ending calls get to record their outcomes. A commit takes milliseconds."""

REPORTS_KEPT = 64
"""Cut reports kept for whoever asks how fast a freeze was."""


class Commits(Protocol):
    """Where commands go."""

    def __call__(self, command: Callable[[Transaction], Any]) -> Awaitable[Committed[Any]]:
        """Returns when the command is durable, or raises what it raised."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an upstream may be silent, in seconds."""

    first_byte_s: float = FIRST_BYTE_S
    idle_s: float = IDLE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What remains of a call: its receipts, where it got that far."""

    call: CallId
    intent: Receipt | None = None
    outcome: Receipt | None = None


class Calls:
    """All calls of one worker. Made and used on one loop, except where a method says otherwise."""

    def __init__(
        self,
        *,
        standing: Callable[[], Standing],
        commits: Commits,
        upstreams: Mapping[str, Upstream],
        models: steps.Upstreams,
        installation: Origin,
        worker: str,
        clock: Clock,
        entropy: Entropy,
        patience: Patience | None = None,
        decide: Decide | None = None,
    ) -> None:
        self.standing = standing
        self.commits = commits
        self.upstreams = upstreams
        self.worker = worker
        self.clock = clock
        self.patience = patience or Patience()
        self.loop = asyncio.get_running_loop()
        self.reports: deque[CutReport] = deque(maxlen=REPORTS_KEPT)
        self._models = models
        self._installation = installation
        self._entropy = entropy
        self._decide = decide or DecisionMemo().decide
        self._meter = RefusalMeter()
        self._running: dict[CallId, _Run] = {}
        self._closing = False

    def arrival(self, path: PathId, **headers: Any) -> Arrival:  # noqa: ANN401 - the fields of Arrival
        """Returns a new call's arrival, now."""
        now = self.clock.now()
        return Arrival(call=CallId(ulid(now, self._entropy(ENTROPY_BYTES))), path=path, at=now, **headers)

    def in_flight(self) -> int:
        """Returns how many calls run: what the writer may expect commands from. Any thread."""
        return len(self._running)

    async def run(self, arrival: Arrival, body: bytes, client: CallClient) -> Ended:
        """Governs one call from its bytes to its outcome."""
        prepared = self.prepare(arrival, body)
        if isinstance(prepared, Refusal):
            await self.refuse(prepared, arrival, body, client)
            return Ended(call=arrival.call)
        run = _Run(self, prepared, client)
        self._running[arrival.call] = run  # before any await: whatever cuts from here on finds it
        try:
            return await run.drive()
        finally:
            del self._running[arrival.call]

    def prepare(self, arrival: Arrival, body: bytes) -> Prepared | Refusal:
        """Steps 1 to 6 on the standing in force."""
        if self._closing:
            error = UnavailableError("this gateway is shutting down", code="shutting-down", remedy="retry")
            return Refusal(step=1, error=error)
        return steps.prepare(self.standing(), self._models, arrival, body, decide=self._decide)

    async def refuse(self, refusal: Refusal, arrival: Arrival, body: bytes, client: CallClient) -> None:
        """Records a refusal as far as one is due, and tells the client."""
        recorded = await self.record_refusal(refusal, arrival, body)
        await client.error(refusal.error, arrival.call if recorded else "", after_dispatch=False)

    async def record_refusal(self, refusal: Refusal, arrival: Arrival, body: bytes) -> bool:
        """Appends the entry of a refusal where one is due. Tells whether one stands in the log for this call."""
        if refusal.principal is None:
            await self._record_unidentified(self._meter.unidentified(arrival.at))
            return False
        unrecorded = self._meter.refused(refusal.principal.id, arrival.at)
        if unrecorded is None:
            return False
        draft = refused_draft(refusal, arrival, body, unrecorded)
        origin = refusal.path.origin if refusal.path else self._installation
        try:
            await self.commits(lambda tx: tx.append(origin, draft, entry_id=arrival.call))
        except SafeconductError:
            return False  # the answer is no in any case; a log that takes no entries shows itself by its own alarms
        return True

    async def _record_unidentified(self, event: CallersUnidentified | None) -> None:
        if event is None:
            return
        draft = CALLERS_UNIDENTIFIED.draft(event)
        try:
            await self.commits(lambda tx: tx.append(self._installation, draft))
        except SafeconductError:
            return  # as above

    def standing_changed(self, standing: Standing, committed_at: float) -> CutReport:
        """Cuts every running call that the standing no longer allows."""
        cut_at = {}
        for call, run in list(self._running.items()):
            reason = fallen(standing, run.prepared.facts)
            if reason is not None and run.cut(*reason):
                cut_at[call] = self.loop.time()
        report = CutReport(epoch=standing.epoch, committed_at=committed_at, cut_at=cut_at)
        self.reports.append(report)
        return report

    async def shutdown(self) -> None:
        """Takes no more calls, cuts those that run, and returns when their outcomes are recorded."""
        self._closing = True
        for run in list(self._running.values()):
            run.cut(CutWhy.SHUTDOWN)
        deadline = self.loop.time() + SHUTDOWN_S
        while self._running and self.loop.time() < deadline:
            await asyncio.sleep(0.01)
        await self._record_unidentified(self._meter.drain(self.clock.now()))


class _Run:
    """One call on its way."""

    def __init__(self, calls: Calls, prepared: Prepared, client: CallClient) -> None:
        self.prepared = prepared
        self._calls = calls
        self._client = client
        self._call = Call(prepared.terms)
        self._todo: deque[Command] = deque()
        self._exchange: Exchange | None = None
        self._head_came = False
        self._intent: Receipt | None = None
        self._outcome: Receipt | None = None
        self._task: asyncio.Task[Any] | None = None
        self._waiting_since: float | None = None  # for the upstream
        self._woken_for: SafeconductError | None = None
        self._deadline = calls.loop.time() + prepared.path.limits.deadline_s
        self._timer = calls.loop.call_later(
            min(prepared.path.limits.deadline_s, calls.patience.first_byte_s), self._check_time
        )

    async def drive(self) -> Ended:
        """Carries out commands until there are none left."""
        self._task = asyncio.current_task()
        self._client.when_gone(lambda: self.cut(CutWhy.CLIENT_GONE))
        self._feed(Started())
        cancelled: asyncio.CancelledError | None = None
        while self._todo or self._listening():
            try:
                event = await (self._do(self._todo.popleft()) if self._todo else self._hear())
            except asyncio.CancelledError as error:  # the server gives up on its tasks
                cancelled = error
                self.cut(CutWhy.SHUTDOWN)
            else:
                if event is not None:
                    self._feed(event)
        self._timer.cancel()
        if self._exchange is not None:
            self._exchange.close()
        if cancelled is not None:
            raise cancelled
        return Ended(call=self.prepared.arrival.call, intent=self._intent, outcome=self._outcome)

    def cut(self, why: CutWhy, clause: str = "") -> bool:
        """Stops the call now. On return both transports are closed and nothing more is handed over.

        Tells whether there was anything to stop.
        """
        if self._call.state is State.CLOSED:
            return False
        commands = self._call.feed(Cut(why, clause))
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

    async def _do(self, command: Command) -> Event | None:
        match command:
            case AppendIntent():
                return await self._append_intent()
            case Dispatch():
                upstream = self._calls.upstreams[self.prepared.path.upstream]
                self._exchange = upstream.exchange(self.prepared.sent, stream=self.prepared.chat.stream)
            case SendHead(content_type, length, intent):
                await self._client.head(content_type, length, self.prepared.arrival.call, intent)
            case SendBytes(data, last):
                await self._client.send(data, last=last)
                return ClientWritten()
            case SendError(error, after_dispatch):
                call = self.prepared.arrival.call if self._intent else ""
                await self._client.error(error, call, after_dispatch=after_dispatch)
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

    async def _append_intent(self) -> Event:
        for _ in range(STANDING_TRIES_MAX):
            prepared = self.prepared
            draft = intent_draft(prepared, self._calls.worker)

            def append(tx: Transaction, prepared: Prepared = prepared, draft: Any = draft) -> None:  # noqa: ANN401
                if epoch(tx) != prepared.epoch:
                    raise ConflictError("who may do what has changed meanwhile", code="standing-changed")
                tx.append(prepared.path.origin, draft, entry_id=prepared.arrival.call)

            try:
                committed = await self._calls.commits(append)
            except SafeconductError as error:
                if error.code != "standing-changed":
                    return IntentFailed(error)
            else:
                self._intent = committed.receipts[0]
                return IntentCommitted(self._intent)
            refused = await self._decide_again()
            if refused is not None:
                return IntentFailed(refused)
        return IntentFailed(UnavailableError("who may do what keeps changing", code="standing-changed", remedy="retry"))

    async def _decide_again(self) -> SafeconductError | None:
        arrival, body = self.prepared.arrival, self.prepared.chat.body
        again = self._calls.prepare(arrival, body)
        if isinstance(again, Prepared):
            self.prepared = again
            return None
        await self._calls.record_refusal(again, arrival, body)
        return again.error

    async def _append_outcome(self, outcome: Outcome) -> Event:
        call, origin = self.prepared.arrival.call, self.prepared.path.origin
        draft = outcome_draft(call, self.prepared.principal.id, self._calls.worker, outcome)
        try:
            committed = await self._calls.commits(lambda tx: tx.append(origin, draft))
        except SafeconductError as error:
            return OutcomeFailed(fenced=error.code == "call-ended")
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
        due = now + silent_s if self._waiting_since is None else self._waiting_since + silent_s
        if now >= due:
            self._wake(UpstreamError("the model server was silent for too long", code="upstream-timeout"))
            due = self._deadline
        self._timer = self._calls.loop.call_later(max(0.001, min(due, self._deadline) - now), self._check_time)


class _Collector:
    """A client in this process."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.failure: SafeconductError | None = None
        self.aborted = False

    def when_gone(self, told: Callable[[], None]) -> None:
        """This one does not leave."""

    async def head(self, content_type: str, length: int | None, call: str, intent: Receipt) -> None:
        """Nothing to write."""

    async def send(self, data: bytes, *, last: bool) -> None:  # noqa: ARG002 - the port's signature
        if not self.aborted:
            self.data += data

    async def error(self, error: SafeconductError, call: str, *, after_dispatch: bool) -> None:  # noqa: ARG002
        self.failure = error

    def abort(self) -> None:
        self.aborted = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """An answer to a call from within this process, with both receipts."""

    call: CallId
    body: bytes
    intent: Receipt
    outcome: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCompleted:
    """A call from within this process that was refused, failed or was cut, and why."""

    call: CallId
    error: SafeconductError


class GovernedCalls:
    """The gateway's entry for this process's own features: the very same steps, machine and entries."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def complete(
        self, principal: PrincipalId, path: PathId, purpose: str, body: bytes, *, session: str = ""
    ) -> Completed | NotCompleted:
        """Makes a call for a principal. The body is a chat-completions request without `stream`."""
        client = _Collector()
        arrival = self._calls.arrival(path, principal=principal, purpose=purpose, session=session)
        ended = await self._calls.run(arrival, body, client)
        if client.failure is not None:
            return NotCompleted(call=ended.call, error=client.failure)
        if client.aborted or ended.intent is None or ended.outcome is None:
            error = UnavailableError("the call was cut, or its outcome could not be recorded", code="call-cut")
            return NotCompleted(call=ended.call, error=error)
        return Completed(call=ended.call, body=bytes(client.data), intent=ended.intent, outcome=ended.outcome)

    def complete_from_thread(
        self, principal: PrincipalId, path: PathId, purpose: str, body: bytes, *, session: str = ""
    ) -> Completed | NotCompleted:
        """Makes a call from a thread other than the loop's, and waits for it."""
        work = self.complete(principal, path, purpose, body, session=session)
        return asyncio.run_coroutine_threadsafe(work, self._calls.loop).result()


def abandon_open_calls(tx: Transaction, worker: str) -> int:
    """Closes the calls of workers that are gone, at the start of the one process there is. Returns how many."""
    open_calls = [call for _, call in tx.scan(OPEN_CALLS) if call.worker != worker]
    for call in open_calls:
        tx.append(Origin(call.origin), abandoned_draft(call.call, worker))
    return len(open_calls)

"""Steps 8, 9, 13 and 14 of one call as a state machine: events in, commands out, no I/O.

Three promises, whatever order events come in, repeated or failing: nothing is dispatched before the intent is
committed; a call whose intent is committed asks for exactly one outcome; nothing is released after a cut.
An event that the state's row does not name comes too late or twice, and changes nothing.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from safeconduct.gateway.dialects.model import AnswerFacts, AnswerReader, Dialect, ModelRequest
from safeconduct.gateway.errors import cut_error, no_answer
from safeconduct.gateway.limits import OUTCOME_TRIES_MAX, REFUSED_BODY_BYTES_MAX
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
    End,
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
    UpstreamHead,
)
from safeconduct.kernel.errors import SafeconductError, UnavailableError, UpstreamError

if TYPE_CHECKING:
    from safeconduct.kernel.ports import Receipt

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
STATUS_OK = 200


class State(Enum):
    """Where a call stands."""

    NEW = "new"
    RECORDING = "recording"  # the intent is asked for
    WITHDRAWN = "withdrawn"  # cut while the intent was asked for: it may yet be committed
    DISPATCHED = "dispatched"  # the upstream has the request; no head yet
    COLLECTING = "collecting"  # a JSON answer comes in; nothing is released
    RELAYING = "relaying"  # a stream is released as it comes in
    DRAINING = "draining"  # all is handed over; the client has not taken all of it
    SETTLING = "settling"  # the outcome is asked for
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTerms:
    """What the machine must know of a call: what the upstream is asked, and in which dialect it answers."""

    dialect: Dialect
    request: ModelRequest
    answer_bytes_max: int


class Call:
    """One call. `feed` each event in the order it happened and carry out the commands in the order given."""

    def __init__(self, terms: CallTerms) -> None:
        self.state = State.NEW
        self.terms = terms  # may be replaced until the intent is committed, when the call is decided anew
        self._intent: Receipt | None = None
        self._status: int | None = None
        self._received = bytearray()
        self._received_bytes = 0
        self._reader: AnswerReader | None = None
        self._facts = AnswerFacts()
        self._handed: deque[bytes] = deque()
        self._released = bytearray()
        self._verdict: tuple[End, str, str] | None = None
        self._answering = False  # a head went out, and the client's answer has not ended
        self._tries = 0

    def feed(self, event: Event) -> list[Command]:
        """Returns the commands that the event calls for.

        Raises:
            RuntimeError: the state went where its row does not lead: a bug, not an input.
        """
        cell = TABLE[self.state].get(type(event))
        if cell is None:
            return []
        step, leads_to = cell
        before = self.state
        commands = step(self, event)
        if self.state not in leads_to:
            raise RuntimeError(f"{before} and {type(event).__name__} led to {self.state}")
        return commands

    def started(self, _: Started) -> list[Command]:
        self.state = State.RECORDING
        return [AppendIntent()]

    def stillborn(self, event: Cut) -> list[Command]:
        self._verdict = (End.CUT, event.why.value, event.clause)
        self.state = State.CLOSED
        return self._tell_cut(after_dispatch=False)

    def recorded(self, event: IntentCommitted) -> list[Command]:
        self._intent = event.receipt
        self.state = State.DISPATCHED
        return [Dispatch()]

    def unrecorded(self, event: IntentFailed) -> list[Command]:
        self.state = State.CLOSED
        return [SendError(event.error, after_dispatch=False)]

    def withdrawn(self, event: Cut) -> list[Command]:
        self._verdict = (End.CUT, event.why.value, event.clause)
        self.state = State.WITHDRAWN
        return []

    def recorded_after_cut(self, event: IntentCommitted) -> list[Command]:
        self._intent = event.receipt
        return [*self._tell_cut(after_dispatch=False), *self._settle()]

    def unrecorded_after_cut(self, _: IntentFailed) -> list[Command]:
        self.state = State.CLOSED
        return self._tell_cut(after_dispatch=False)

    def head(self, event: UpstreamHead) -> list[Command]:
        self._status = event.status
        if event.content_encoding not in ("", "identity"):
            return self._failed(no_answer("it is compressed, though plain bytes were asked for"))
        if event.status != STATUS_OK:
            self.state = State.COLLECTING
            return []
        expected = EVENT_STREAM if self.terms.request.stream else JSON
        if event.content_type.partition(";")[0].strip().lower() != expected:
            return self._failed(no_answer(f"expected {expected}"))
        if not self.terms.request.stream:
            self.state = State.COLLECTING
            return []
        self._reader = self.terms.dialect.reader(self.terms.request)
        self.state = State.RELAYING
        return [self._begin(EVENT_STREAM, None)]

    def headless(self, _: UpstreamBytes | UpstreamEnd) -> list[Command]:
        return self._failed(no_answer("it ended before it began"))

    def collected(self, event: UpstreamBytes) -> list[Command]:
        if self._status != STATUS_OK:
            self._received += event.data[: REFUSED_BODY_BYTES_MAX - len(self._received)]
            return []
        self._received += event.data
        if len(self._received) > self.terms.answer_bytes_max:
            return self._failed(self._too_long())
        return []

    def complete(self, _: UpstreamEnd) -> list[Command]:
        body = bytes(self._received)
        if self._status != STATUS_OK:
            return self._refused(self.terms.dialect.refusal(self._status or 0, body))
        try:
            self._facts = self.terms.dialect.read_answer(body, self.terms.request)
        except UpstreamError as error:
            return self._failed(error)
        self._received.clear()
        self.state = State.DRAINING
        return [self._begin(JSON, len(body)), self._hand_over(body, last=True)]

    def relayed(self, event: UpstreamBytes) -> list[Command]:
        self._received_bytes += len(event.data)
        if self._received_bytes > self.terms.answer_bytes_max:
            return self._broken(self._too_long())
        try:
            data = self._reading.feed(event.data)
        except UpstreamError as error:
            self._received = bytearray(event.data[:REFUSED_BODY_BYTES_MAX])
            return self._broken(error)
        self._facts = self._reading.facts
        return [self._hand_over(data)] if data else []

    def ended(self, _: UpstreamEnd) -> list[Command]:
        if not self._reading.done:
            return self._broken(
                UpstreamError("the model server ended the stream before its end", code="upstream-cut-stream")
            )
        self.state = State.DRAINING
        return [] if self._handed else self._settle()

    def written(self, _: ClientWritten) -> list[Command]:
        if self._handed:
            self._released += self._handed.popleft()
        if self.state is not State.DRAINING or self._handed:
            return []
        self._answering = self.terms.request.stream  # a stream still ends with its receipt
        return self._settle()

    def failed(self, event: UpstreamFailed) -> list[Command]:
        return self._failed(event.error)

    def broken(self, event: UpstreamFailed) -> list[Command]:
        return self._broken(event.error)

    def cut(self, event: Cut) -> list[Command]:
        whole = self._reader is not None and self._reader.done and not self._handed
        self._verdict = self._verdict or (None if whole else (End.CUT, event.why.value, event.clause))
        return [AbortUpstream(), *self._stop_client(), *self._settle()]

    def cut_while_settling(self, _: Cut) -> list[Command]:
        return self._stop_client() if self._answering else []

    def settled(self, event: OutcomeCommitted) -> list[Command]:
        self.state = State.CLOSED
        return [SendReceipt(event.receipt)] if self._answering else []

    def unsettled(self, event: OutcomeFailed) -> list[Command]:
        if not event.fenced and self._tries < OUTCOME_TRIES_MAX:
            return self._settle()
        self.state = State.CLOSED  # the call stays open in the log, and the next start closes it as abandoned
        return self._stop_client() if self._answering else []

    @property
    def _reading(self) -> AnswerReader:
        if self._reader is None:
            raise RuntimeError("a stream is read after its head")
        return self._reader

    def _begin(self, content_type: str, length: int | None) -> Command:
        if self._intent is None:
            raise RuntimeError("an answer can't begin before the intent is committed")
        self._answering = True
        return SendHead(content_type, length, self._intent)

    def _hand_over(self, data: bytes, *, last: bool = False) -> Command:
        self._handed.append(data)
        return SendBytes(data, last)

    def _refused(self, error: SafeconductError) -> list[Command]:
        caller = error.kind not in (UpstreamError.kind, UnavailableError.kind)
        self._verdict = (End.REFUSED_BY_UPSTREAM if caller else End.UPSTREAM_FAILED, error.code, "")
        return [SendError(error, after_dispatch=True), *self._settle()]

    def _failed(self, error: SafeconductError) -> list[Command]:
        self._verdict = (End.UPSTREAM_FAILED, error.code, "")
        return [AbortUpstream(), SendError(error, after_dispatch=True), *self._settle()]

    def _broken(self, error: SafeconductError) -> list[Command]:
        # The head is out, so the client is told in the stream: official clients raise on an `error` event.
        self._verdict = (End.UPSTREAM_FAILED, error.code, "")
        self.state = State.DRAINING
        frame = self.terms.dialect.error_frame(error, self._intent.entry_id if self._intent else "")
        return [AbortUpstream(), self._hand_over(frame)]

    def _stop_client(self) -> list[Command]:
        if self._answering:
            self._answering = False
            return [AbortClient()]
        return self._tell_cut(after_dispatch=True)

    def _tell_cut(self, *, after_dispatch: bool) -> list[Command]:
        end, why, clause = self._verdict or (None, "", "")
        if end is not End.CUT or why == CutWhy.CLIENT_GONE:
            return []
        return [SendError(cut_error(CutWhy(why), clause), after_dispatch)]

    def _settle(self) -> list[Command]:
        self.state = State.SETTLING
        self._tries += 1
        end, why, clause = self._verdict or (End.COMPLETED, "", "")
        released = bytes(self._released)
        return [
            AppendOutcome(
                Outcome(
                    end=end,
                    why=why,
                    clause=clause,
                    status=self._status,
                    released=released,
                    released_sha256=hashlib.sha256(released).hexdigest(),
                    kept=bytes(self._received[:REFUSED_BODY_BYTES_MAX]),
                    finish_reason=self._facts.finish_reason,
                    prompt_tokens=self._facts.prompt_tokens,
                    completion_tokens=self._facts.completion_tokens,
                )
            )
        ]

    def _too_long(self) -> UpstreamError:
        return no_answer(f"it is over {self.terms.answer_bytes_max} bytes")


Step = Callable[[Call, Any], list[Command]]
Row = Mapping[type[Event], tuple[Step, frozenset[State]]]


def _row(cells: Mapping[type[Event], tuple[Step, tuple[State, ...]]]) -> Row:
    return {event: (step, frozenset(leads_to)) for event, (step, leads_to) in cells.items()}


# Everything that decides where a call can go. docs/spec/call.md draws it; a test compares the two.
TABLE: Mapping[State, Row] = {
    State.NEW: _row(
        {
            Started: (Call.started, (State.RECORDING,)),
            Cut: (Call.stillborn, (State.CLOSED,)),
        }
    ),
    State.RECORDING: _row(
        {
            IntentCommitted: (Call.recorded, (State.DISPATCHED,)),
            IntentFailed: (Call.unrecorded, (State.CLOSED,)),
            Cut: (Call.withdrawn, (State.WITHDRAWN,)),
        }
    ),
    State.WITHDRAWN: _row(
        {
            IntentCommitted: (Call.recorded_after_cut, (State.SETTLING,)),
            IntentFailed: (Call.unrecorded_after_cut, (State.CLOSED,)),
        }
    ),
    State.DISPATCHED: _row(
        {
            UpstreamHead: (Call.head, (State.COLLECTING, State.RELAYING, State.SETTLING)),
            UpstreamBytes: (Call.headless, (State.SETTLING,)),
            UpstreamEnd: (Call.headless, (State.SETTLING,)),
            UpstreamFailed: (Call.failed, (State.SETTLING,)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.COLLECTING: _row(
        {
            UpstreamBytes: (Call.collected, (State.COLLECTING, State.SETTLING)),
            UpstreamEnd: (Call.complete, (State.DRAINING, State.SETTLING)),
            UpstreamFailed: (Call.failed, (State.SETTLING,)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.RELAYING: _row(
        {
            UpstreamBytes: (Call.relayed, (State.RELAYING, State.DRAINING)),
            UpstreamEnd: (Call.ended, (State.DRAINING, State.SETTLING)),
            UpstreamFailed: (Call.broken, (State.DRAINING,)),
            ClientWritten: (Call.written, (State.RELAYING,)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.DRAINING: _row(
        {
            ClientWritten: (Call.written, (State.DRAINING, State.SETTLING)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.SETTLING: _row(
        {
            OutcomeCommitted: (Call.settled, (State.CLOSED,)),
            OutcomeFailed: (Call.unsettled, (State.SETTLING, State.CLOSED)),
            Cut: (Call.cut_while_settling, (State.SETTLING,)),
        }
    ),
    State.CLOSED: {},
}

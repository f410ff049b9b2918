"""What may happen to a call, and a monitor that holds its machine to the promises of docs/spec/call.md section 4."""

from dataclasses import dataclass, field

from safeconduct.boundary.restoring import Restorable
from safeconduct.gateway.call import Call
from safeconduct.gateway.call_states import State
from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.dialects.registry import OPENAI_CHAT
from safeconduct.gateway.errors import AnswerHeldError, WithheldError
from safeconduct.gateway.limits import OUTCOME_TRIES_MAX
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
    Dispatch,
    Event,
    HoldAnswer,
    IntentCommitted,
    IntentFailed,
    Outcome,
    OutcomeCommitted,
    OutcomeFailed,
    Release,
    SendBytes,
    SendError,
    SendHead,
    SendReceipt,
    Started,
    TurnDecided,
    TurnUndecided,
    UpstreamBytes,
    UpstreamEnd,
    UpstreamFailed,
    UpstreamHead,
)
from safeconduct.gateway.terms import CallTerms
from safeconduct.gateway.withheld import WITHHELD
from safeconduct.kernel.errors import UnavailableError, UpstreamError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.ports import Receipt
from support.call_ends import request
from support.inspecting import RefusesWords

CALL = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
RECEIPT = Receipt(Origin("log.example"), EntryId(CALL), b"\0" * 32, 0, (), "", 0)
OUTCOME_RECEIPT = Receipt(Origin("log.example"), EntryId("0" * 26), b"\1" * 32, 0, (), "", 1)
CHUNK = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
LAST = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"
ANSWER = b'{"choices":[{"message":{"content":"hi"},"finish_reason":"length"}],"usage":{"completion_tokens":3}}'
LOST = UpstreamError("lost")

STREAM_HEAD = UpstreamHead(200, "text/event-stream; charset=utf-8")
JSON_HEAD = UpstreamHead(200, "application/json")

EVENTS: tuple[Event, ...] = (
    Started(),
    IntentCommitted(RECEIPT),
    IntentFailed(UnavailableError("disk full")),
    AttemptCommitted(),
    AttemptFailed(),
    STREAM_HEAD,
    JSON_HEAD,
    UpstreamHead(429, "application/json"),
    UpstreamHead(400, "application/json"),
    UpstreamHead(200, "text/html"),
    UpstreamHead(200, "application/json", "gzip"),
    UpstreamBytes(CHUNK),
    UpstreamBytes(CHUNK[:9]),
    UpstreamBytes(DONE),
    UpstreamBytes(ANSWER),
    UpstreamBytes(b"data: garbage\n\n"),
    UpstreamEnd(),
    UpstreamFailed(LOST),
    ClientWritten(),
    Cut(CutWhy.FREEZE, "freeze:F"),
    Cut(CutWhy.CLIENT_GONE),
    OutcomeCommitted(OUTCOME_RECEIPT),
    OutcomeFailed(),
    OutcomeFailed(fenced=True),
)

TOOL = "send_mail"
_FUNCTION = b'"function":{"name":"send_mail","arguments":"{}"}'
CALLING = b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c_1",%b}]}}]}\n\n' % _FUNCTION
CALLS = b'{"choices":[{"message":{"tool_calls":[{"id":"c_1",%b}]},"finish_reason":"tool_calls"}]}' % _FUNCTION
TURNS: tuple[Event, ...] = (
    Started(),
    IntentCommitted(RECEIPT),
    STREAM_HEAD,
    JSON_HEAD,
    UpstreamBytes(CHUNK),
    UpstreamBytes(CALLING),
    UpstreamBytes(CALLING + DONE),
    UpstreamBytes(CALLS),
    UpstreamEnd(),
    UpstreamFailed(LOST),
    TurnDecided(),
    TurnDecided("a person is asked"),
    TurnUndecided(UnavailableError("disk full")),
    ClientWritten(),
    Cut(CutWhy.FREEZE, "freeze:F"),
    OutcomeCommitted(OUTCOME_RECEIPT),
    OutcomeFailed(),
)
"""What happens to a call whose answer calls a tool."""

HELD = AnswerHeldError("A" * 26, "words:a", "2026-11-23T00:00:00Z")
HOLDS: tuple[Event, ...] = (
    Started(),
    IntentCommitted(RECEIPT),
    IntentCommitted(RECEIPT, ANSWER),
    STREAM_HEAD,
    JSON_HEAD,
    UpstreamBytes(CHUNK),
    UpstreamBytes(DONE),
    UpstreamBytes(ANSWER),
    UpstreamEnd(),
    UpstreamFailed(LOST),
    AnswerKept(HELD),
    AnswerKept(WithheldError("approvals.answer")),
    AnswerKept(UnavailableError("disk full")),
    ClientWritten(),
    Cut(CutWhy.FREEZE, "freeze:F"),
    OutcomeCommitted(OUTCOME_RECEIPT),
    OutcomeFailed(),
)
"""What happens to a call whose answer waits for a person, or is one that waited."""


def begin(
    *,
    stream: bool,
    most: int = 4096,
    release: Release = Release.PASS,
    attempts: int = 1,
    words: tuple[str, ...] = (),
    restorable: Restorable | None = None,
    tool: str = "",
    holds: bool = False,
) -> Call:
    offered = [{"type": "function", "function": {"name": tool}}] if tool else []
    terms = CallTerms(
        dialect=OPENAI_CHAT,
        request=OPENAI_CHAT.read(request(stream=stream, tools=offered), Shapes(tools=(tool,))),
        answer_bytes_max=most,
        release=release,
        inspector=RefusesWords(words, holds=holds),
        attempts=attempts,
        restorable=restorable,
        withheld=WITHHELD["openai.chat"] if tool else None,
    )
    return Call(terms)


class BrokenPromiseError(AssertionError):
    pass


@dataclass
class Monitor:
    """Watches one call from outside: only events fed and commands returned."""

    attempts: int
    committed: int = 0  # the intent and the attempts
    cut: bool = False
    dispatched: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    outcome_known: int = 0
    may_retry: bool = False
    turn_goes: bool = False  # its tool calls were decided: they may
    put: bool = False  # its answer was put to the vote
    fetched: bool = False  # its answer is one that a person let go
    sent: list[str] = field(default_factory=list)

    def watch(self, before: State, event: Event, commands: list[Command], after: State) -> None:
        if before in (State.RECORDING, State.WITHDRAWN) and isinstance(event, IntentCommitted):
            self.committed = 1
            self.fetched = event.answer is not None
        if before is State.RETRYING and isinstance(event, AttemptCommitted):
            self.committed += 1
        if isinstance(event, Cut) and before is not State.CLOSED:
            self.cut = True
        if before is State.SETTLING:
            self.outcome_known += isinstance(event, OutcomeCommitted) or event == OutcomeFailed(fenced=True)
            self.may_retry = event == OutcomeFailed()
        self.turn_goes = self.turn_goes or (before is State.DECIDING and event == TurnDecided())
        for command in commands:
            self._hold(command)
            self._command(command)
        if after is State.CLOSED and self.committed:
            self._require(len(self.outcomes) >= 1, "a committed call closed without asking for an outcome")

    def _command(self, command: Command) -> None:
        match command:
            case AppendIntent():
                self._require(not self.sent, "intent after an answer")
            case AppendAttempt(attempt=attempt):
                self._require(
                    attempt == self.committed + 1 <= self.attempts, f"attempt {attempt} after {self.committed}"
                )
                self._require(not self.sent, f"another target after {self.sent}")
                self._require(not self.cut, "another target after a cut")
            case Dispatch(attempt):
                self.dispatched += 1
                self._require(self.committed >= attempt, "dispatched without a committed entry")
                self._require(self.dispatched == attempt, "dispatched twice")
                self._require(not self.sent, f"dispatched after {self.sent}")
                self._require(not self.cut, "dispatched after a cut")
            case AppendOutcome(outcome):
                self._require(self.committed > 0, "an outcome without an intent")
                self._require(not self.outcomes or self.may_retry, "a second outcome")
                self._require(all(outcome == other for other in self.outcomes), "a retry said something else")
                self._require(self.outcome_known == 0, "an outcome after one that stands")
                self.may_retry = False
                self.outcomes.append(outcome)
                self._require(len(self.outcomes) <= OUTCOME_TRIES_MAX, "retries without end")
            case SendError():
                self._require(not self.sent, f"an error after {self.sent}")
                self.sent.append("error")
            case SendHead():
                self._require(not self.sent, f"a head after {self.sent}")
                self._require(not self.cut, "released after a cut")
                self.sent.append("head")
            case SendBytes() | SendReceipt():
                self._require(self.sent[:1] == ["head"] and "abort" not in self.sent, f"bytes after {self.sent}")
                self._require("end" not in self.sent, "bytes after the end")
                self._require(not self.cut, "released after a cut")
                calls = isinstance(command, SendBytes) and b'"tool_calls":[{' in command.data
                self._require(self.turn_goes or not calls, "a tool call went that was not decided")
                ends = isinstance(command, SendReceipt) or command.last
                self.sent.append("end" if ends else "bytes")
            case AbortClient():
                self._require("abort" not in self.sent, "aborted twice")
                self.sent.append("abort")
            case AbortUpstream():
                self._require(self.dispatched > 0, "aborted an upstream that was never asked")

    def _hold(self, command: Command) -> None:
        if isinstance(command, HoldAnswer):
            self._require(not self.put, "put to the vote twice")
            self._require(not self.cut, "put to the vote after a cut")
            self.put = True
        if isinstance(command, Dispatch):
            self._require(not self.fetched, "a model was asked for an answer that is there")
        if isinstance(command, SendBytes) and b"content" in command.data:
            self._require(not self.put, "an answer went that waits for a person")

    def _require(self, holds: bool, text: str) -> None:
        if not holds:
            raise BrokenPromiseError(text)

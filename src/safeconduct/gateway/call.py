"""Steps 8, 9 and 12 to 14 of one call as a state machine: events in, commands out, no I/O.

Promises, whatever order events come in, repeated or failing: nothing is dispatched before its intent, or its attempt,
is committed; no further target is asked once a byte of an answer went out; a call whose intent is committed asks for
exactly one outcome; nothing is released after a cut.
An event that the state's row does not name comes too late or twice, and changes nothing.
"""

import hashlib
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from safeconduct.boundary.model import ToolCall
from safeconduct.gateway.answering import Answer
from safeconduct.gateway.errors import AnswerHeldError, WithheldError, cut_error, no_answer
from safeconduct.gateway.failover import UNSENT, permits_another
from safeconduct.gateway.limits import OUTCOME_TRIES_MAX, PIECE_BYTES
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
    End,
    Event,
    HoldAnswer,
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
    TurnDecided,
    TurnUndecided,
    UpstreamBytes,
    UpstreamEnd,
    UpstreamFailed,
    UpstreamHead,
)
from safeconduct.gateway.terms import EVENT_STREAM, JSON, STATUS_OK, CallTerms
from safeconduct.gateway.vendor_outcomes import VendorNotice, merged
from safeconduct.kernel.errors import SafeconductError, UnavailableError, UpstreamError

if TYPE_CHECKING:
    from safeconduct.kernel.ports import Receipt


class State(StrEnum):
    """Where a call stands."""

    NEW = "new"
    RECORDING = "recording"  # the intent is asked for
    WITHDRAWN = "withdrawn"  # cut while the intent was asked for: it may yet be committed
    DISPATCHED = "dispatched"  # a target has the request; no head yet
    RETRYING = "retrying"  # a target gave no answer; the entry of an attempt at another is asked for
    COLLECTING = "collecting"  # a JSON answer comes in; nothing is released
    RELAYING = "relaying"  # a stream is released as it comes in, or held
    DECIDING = "deciding"  # the answer is whole, and its tool calls are held until they are decided
    HOLDING = "holding"  # the answer is whole, and is put to the vote: a person decides over it
    DRAINING = "draining"  # all is handed over; the client has not taken all of it
    SETTLING = "settling"  # the outcome is asked for
    CLOSED = "closed"


# Naming a member of an enumeration costs Python 3.11 a thousand instructions each time: those of every call are here.
_NEW, _RECORDING, _DISPATCHED, _COLLECTING = State.NEW, State.RECORDING, State.DISPATCHED, State.COLLECTING
_RELAYING, _DRAINING, _SETTLING, _CLOSED = State.RELAYING, State.DRAINING, State.SETTLING, State.CLOSED
_COMPLETED = (End.COMPLETED, "", "")
_APPEND_INTENT = AppendIntent()


class Call:
    """One call. `feed` each event in the order it happened and carry out the commands in the order given."""

    def __init__(self, terms: CallTerms) -> None:
        self.state = _NEW
        self.terms = terms  # may be replaced until the intent is committed, when the call is decided anew
        self._intent: Receipt | None = None
        self._attempt = 0
        self._sent = False  # this attempt's request may have reached a model
        self._unaccounted = 0  # attempts before this one that may have, and of whose use nothing is known
        self._answer = Answer(terms)
        self._notices: tuple[VendorNotice, ...] = ()  # of the targets before
        self._failure: SafeconductError | None = None
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
        self.state = _RECORDING
        return [_APPEND_INTENT]

    def stillborn(self, event: Cut) -> list[Command]:
        self._verdict = (End.CUT, event.why.value, event.clause)
        self.state = _CLOSED
        return self._tell_cut(after_dispatch=False)

    def recorded(self, event: IntentCommitted) -> list[Command]:
        self._intent = event.receipt
        if event.answer is None:
            return self._dispatch()
        self._answer.fetched(event.found)
        return self._let_out(event.answer, stream=self.terms.request.stream)

    def unrecorded(self, event: IntentFailed) -> list[Command]:
        self.state = _CLOSED
        return [SendError(event.error, after_dispatch=False)]

    def withdrawn(self, event: Cut) -> list[Command]:
        self._verdict = (End.CUT, event.why.value, event.clause)
        self.state = State.WITHDRAWN
        return []

    def recorded_after_cut(self, event: IntentCommitted) -> list[Command]:
        self._intent = event.receipt
        return [*self._tell_cut(after_dispatch=False), *self._settle()]

    def unrecorded_after_cut(self, _: IntentFailed) -> list[Command]:
        self.state = _CLOSED
        return self._tell_cut(after_dispatch=False)

    def head(self, event: UpstreamHead) -> list[Command]:
        try:
            streams = self._answer.begin(event)
        except UpstreamError as error:
            return self._failed(error)
        if not streams:
            self.state = _COLLECTING
            return []
        self.state = _RELAYING
        return [self._begin(EVENT_STREAM, None)]

    def headless(self, _: UpstreamBytes | UpstreamEnd) -> list[Command]:
        return self._failed(no_answer("it ended before it began"))

    def collected(self, event: UpstreamBytes) -> list[Command]:
        try:
            self._answer.collect(event.data)
        except UpstreamError as error:
            return self._failed(error)
        return []

    def complete(self, _: UpstreamEnd) -> list[Command]:
        if self._answer.status != STATUS_OK:
            return self._unanswered(self._answer.refusal())
        try:
            body = self._answer.whole()
            calls = self._answer.proposes(body)
            holds = self._answer.hold(calls, body)
        except (UpstreamError, WithheldError) as error:
            return self._failed(error)
        if holds is not None:
            return self._hold(holds)
        return self._decide(calls) if calls else self._let_out(body)

    def _decide(self, calls: tuple[ToolCall, ...]) -> list[Command]:
        self.state = State.DECIDING
        return [DecideTurn(calls)]

    def decided(self, event: TurnDecided) -> list[Command]:
        data = self._answer.turn(event.instead)
        if not self._answering:
            return self._let_out(data)
        self.state = _DRAINING
        return self._hand_over(data)

    def undecided(self, event: TurnUndecided) -> list[Command]:
        return self._not_now(event.error)

    def _hold(self, holds: HoldAnswer) -> list[Command]:
        self.state = State.HOLDING
        return [holds]

    def kept(self, event: AnswerKept) -> list[Command]:
        if isinstance(event.error, AnswerHeldError):
            self._answer.sealed()
        return self._not_now(event.error)

    def _not_now(self, error: SafeconductError) -> list[Command]:
        return self._broken(error) if self._answering else self._failed(error)

    def _let_out(self, body: bytes, *, stream: bool = False) -> list[Command]:
        """Hands over an answer that is all there: of a stream, all of its frames."""
        self.state = _DRAINING
        if stream:
            return [self._begin(EVENT_STREAM, None), *self._hand_over(body)]
        return [self._begin(JSON, len(body), self._answer.tokens.altered), *self._hand_over(body, last=True)]

    def relayed(self, event: UpstreamBytes) -> list[Command]:
        try:
            data = self._answer.relay(event.data)
        except (UpstreamError, WithheldError) as error:
            return self._broken(error)
        return self._hand_over(data)

    def ended(self, _: UpstreamEnd) -> list[Command]:
        if not self._answer.done:
            return self._broken(
                UpstreamError("the model server ended the stream before its end", code="upstream-cut-stream")
            )
        try:
            calls = self._answer.proposes()
            holds = self._answer.hold(calls)
        except (UpstreamError, WithheldError) as error:
            return self._broken(error)
        if holds is not None:
            return self._hold(holds)
        if calls:
            return self._decide(calls)
        self.state = _DRAINING
        data = self._answer.turn("")
        if data:
            return self._hand_over(data)
        return [] if self._answer.waits else self._settle()

    def written(self, _: ClientWritten) -> list[Command]:
        self._answer.taken()
        if self.state is not _DRAINING or self._answer.waits:
            return []
        self._answering = self.terms.request.stream  # a stream still ends with its receipt
        return self._settle()

    def unanswered(self, event: UpstreamFailed) -> list[Command]:
        return self._unanswered(event.error)

    def attempted(self, _: AttemptCommitted) -> list[Command]:
        self._unaccounted += self._used
        self._notices = merged(self._notices, self._answer.notices)
        return self._dispatch()

    def unattempted(self, _: AttemptFailed) -> list[Command]:
        if self._failure is None:
            raise RuntimeError("another target is asked for after a failure")
        return self._failed(self._failure)

    def broken(self, event: UpstreamFailed) -> list[Command]:
        return self._broken(event.error)

    def cut(self, event: Cut) -> list[Command]:
        whole = self._answer.done and not self._answer.waits and not self._answer.gated
        self._verdict = self._verdict or (None if whole else (End.CUT, event.why.value, event.clause))
        upstream = [AbortUpstream()] if self._attempt else []  # none was asked for an answer that is fetched
        return [*upstream, *self._stop_client(), *self._settle()]

    def cut_while_settling(self, _: Cut) -> list[Command]:
        return self._stop_client() if self._answering else []

    def settled(self, event: OutcomeCommitted) -> list[Command]:
        self.state = _CLOSED
        return [SendReceipt(event.receipt)] if self._answering else []

    def unsettled(self, event: OutcomeFailed) -> list[Command]:
        if not event.fenced and self._tries < OUTCOME_TRIES_MAX:
            return self._settle()
        self.state = _CLOSED  # the call stays open in the log, and the next start closes it as abandoned
        return self._stop_client() if self._answering else []

    @property
    def ending(self) -> bool:
        """Whether its client may have the whole answer, before the outcome is recorded."""
        return self.state in (_DRAINING, _SETTLING) or self._answer.done

    @property
    def _used(self) -> bool:
        """Whether this attempt may have used tokens, and how many is not known."""
        return self._sent and self._answer.status in (None, STATUS_OK) and not self._answer.counted

    def _dispatch(self) -> list[Command]:
        self._attempt += 1
        if self._attempt > 1 or self._answer.terms is not self.terms:
            self._answer = Answer(self.terms)
        self._sent = True
        self.state = _DISPATCHED
        return [Dispatch(self._attempt)]

    def _begin(self, content_type: str, length: int | None, altered: int = 0) -> Command:
        if self._intent is None:
            raise RuntimeError("an answer can't begin before the intent is committed")
        self._answering = True
        return SendHead(content_type, length, self._intent, altered)

    def _hand_over(self, data: bytes, *, last: bool = False) -> list[Command]:
        if 0 < len(data) <= PIECE_BYTES:  # as nearly always
            self._answer.hand_over(data)
            return [SendBytes(data, last)]
        pieces = [data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES)]
        for piece in pieces:
            self._answer.hand_over(piece)
        return [SendBytes(piece, last and number == len(pieces)) for number, piece in enumerate(pieces, 1)]

    def _unanswered(self, error: SafeconductError) -> list[Command]:
        """The target gave no answer, and nothing went out: another is asked, where there is one and it may be."""
        self._failure, self._sent = error, error.code not in UNSENT
        if self._attempt == self.terms.attempts or not permits_another(self._answer.status):
            return self._failed(error)
        self.state = State.RETRYING
        further = AppendAttempt(self._attempt + 1, error.code, self._answer.status, self._answer.kept)
        return [AbortUpstream(), further]

    def _failed(self, error: SafeconductError) -> list[Command]:
        self._verdict = (self._end_of(error), error.code, error.clause)
        return [AbortUpstream(), SendError(error, after_dispatch=True), *self._settle()]

    def _broken(self, error: SafeconductError) -> list[Command]:
        # The head is out, so the client is told in the stream: official clients raise on an `error` event.
        self._verdict = (self._end_of(error), error.code, error.clause)
        self.state = _DRAINING
        frame = self.terms.dialect.error_frame(error, self._intent.entry_id if self._intent else "")
        return [AbortUpstream(), *self._hand_over(frame)]

    def _end_of(self, error: SafeconductError) -> End:
        if isinstance(error, WithheldError):
            return End.WITHHELD
        if isinstance(error, AnswerHeldError):
            return End.HELD
        caller = self._answer.status is not None and error.kind not in (UpstreamError.kind, UnavailableError.kind)
        return End.REFUSED_BY_UPSTREAM if caller else End.UPSTREAM_FAILED

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
        self.state = _SETTLING
        self._tries += 1
        return [AppendOutcome(self._outcome())]

    def _outcome(self) -> Outcome:
        end, why, clause = self._verdict or _COMPLETED
        answer, facts = self._answer, self._answer.facts
        released = answer.released
        return Outcome(
            end=end,
            why=why,
            clause=clause,
            attempt=self._attempt,
            status=answer.status,
            release=self.terms.release,
            released=released,
            released_sha256=hashlib.sha256(released).hexdigest(),
            kept=answer.kept,
            finish_reason=facts.finish_reason,
            prompt_tokens=facts.prompt_tokens,
            completion_tokens=facts.completion_tokens,
            unaccounted=self._unaccounted + self._used,
            notices=merged(self._notices, answer.notices),
            answered_as=facts.model,
            tokens=answer.tokens,
            quoted=answer.quoted,
            found=answer.found,
        )


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
            IntentCommitted: (Call.recorded, (State.DISPATCHED, State.DRAINING)),
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
            UpstreamFailed: (Call.unanswered, (State.RETRYING, State.SETTLING)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.RETRYING: _row(
        {
            AttemptCommitted: (Call.attempted, (State.DISPATCHED,)),
            AttemptFailed: (Call.unattempted, (State.SETTLING,)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.COLLECTING: _row(
        {
            UpstreamBytes: (Call.collected, (State.COLLECTING, State.SETTLING)),
            UpstreamEnd: (
                Call.complete,
                (State.DECIDING, State.DRAINING, State.HOLDING, State.RETRYING, State.SETTLING),
            ),
            UpstreamFailed: (Call.unanswered, (State.RETRYING, State.SETTLING)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.RELAYING: _row(
        {
            UpstreamBytes: (Call.relayed, (State.RELAYING, State.DRAINING)),
            UpstreamEnd: (Call.ended, (State.DECIDING, State.DRAINING, State.HOLDING, State.SETTLING)),
            UpstreamFailed: (Call.broken, (State.DRAINING,)),
            ClientWritten: (Call.written, (State.RELAYING,)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.DECIDING: _row(
        {
            TurnDecided: (Call.decided, (State.DRAINING,)),
            TurnUndecided: (Call.undecided, (State.DRAINING, State.SETTLING)),
            ClientWritten: (Call.written, (State.DECIDING,)),
            Cut: (Call.cut, (State.SETTLING,)),
        }
    ),
    State.HOLDING: _row(
        {
            AnswerKept: (Call.kept, (State.DRAINING, State.SETTLING)),
            ClientWritten: (Call.written, (State.HOLDING,)),
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

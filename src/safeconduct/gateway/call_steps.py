"""The steps of one call on its way: from its intent over one target or several to an answer that is handed over."""

from safeconduct.boundary.model import ToolCall
from safeconduct.gateway.answering import Answer
from safeconduct.gateway.call_ending import Ending
from safeconduct.gateway.call_states import CLOSED, COLLECTING, DISPATCHED, DRAINING, RECORDING, RELAYING, State
from safeconduct.gateway.errors import AnswerHeldError, WithheldError, no_answer
from safeconduct.gateway.failover import UNSENT, permits_another
from safeconduct.gateway.moves import (
    AbortUpstream,
    AnswerKept,
    AppendAttempt,
    AppendIntent,
    AttemptCommitted,
    AttemptFailed,
    ClientWritten,
    Command,
    DecideTurn,
    Dispatch,
    HoldAnswer,
    IntentCommitted,
    IntentFailed,
    SendError,
    SendHead,
    Started,
    TurnDecided,
    TurnUndecided,
    UpstreamBytes,
    UpstreamEnd,
    UpstreamFailed,
    UpstreamHead,
)
from safeconduct.gateway.terms import EVENT_STREAM, JSON, STATUS_OK
from safeconduct.gateway.vendor_outcomes import merged
from safeconduct.kernel.errors import SafeconductError, UpstreamError

_APPEND_INTENT = AppendIntent()


class Steps(Ending):
    """The steps that lead on."""

    def started(self, _: Started) -> list[Command]:
        self.state = RECORDING
        return [_APPEND_INTENT]

    def recorded(self, event: IntentCommitted) -> list[Command]:
        self._intent = event.receipt
        if event.answer is None:
            return self._dispatch()
        self._answer.fetched(event.found)
        return self._let_out(event.answer, stream=self.terms.request.stream)

    def unrecorded(self, event: IntentFailed) -> list[Command]:
        self.state = CLOSED
        return [SendError(event.error, after_dispatch=False)]

    def head(self, event: UpstreamHead) -> list[Command]:
        try:
            streams = self._answer.begin(event)
        except UpstreamError as error:
            return self._failed(error)
        if not streams:
            self.state = COLLECTING
            return []
        self.state = RELAYING
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
        self.state = DRAINING
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
        self.state = DRAINING
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
        self.state = DRAINING
        data = self._answer.turn("")
        if data:
            return self._hand_over(data)
        return [] if self._answer.waits else self._settle()

    def written(self, _: ClientWritten) -> list[Command]:
        self._answer.taken()
        if self.state is not DRAINING or self._answer.waits:
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

    def _dispatch(self) -> list[Command]:
        self._attempt += 1
        if self._attempt > 1 or self._answer.terms is not self.terms:
            self._answer = Answer(self.terms)
        self._sent = True
        self.state = DISPATCHED
        return [Dispatch(self._attempt)]

    def _begin(self, content_type: str, length: int | None, altered: int = 0) -> Command:
        if self._intent is None:
            raise RuntimeError("an answer can't begin before the intent is committed")
        self._answering = True
        return SendHead(content_type, length, self._intent, altered)

    def _unanswered(self, error: SafeconductError) -> list[Command]:
        """The target gave no answer, and nothing went out: another is asked, where there is one and it may be."""
        self._failure, self._sent = error, error.code not in UNSENT
        if self._attempt == self.terms.attempts or not permits_another(self._answer.status):
            return self._failed(error)
        self.state = State.RETRYING
        further = AppendAttempt(self._attempt + 1, error.code, self._answer.status, self._answer.kept)
        return [AbortUpstream(), further]

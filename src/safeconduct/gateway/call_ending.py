"""How one call ends: what its client is told, what is closed, and the one outcome that is asked for."""

import hashlib
from typing import TYPE_CHECKING

from safeconduct.gateway.answering import Answer
from safeconduct.gateway.call_states import CLOSED, DRAINING, NEW, SETTLING, State
from safeconduct.gateway.errors import AnswerHeldError, WithheldError, cut_error
from safeconduct.gateway.limits import OUTCOME_TRIES_MAX, PIECE_BYTES
from safeconduct.gateway.moves import (
    AbortClient,
    AbortUpstream,
    AppendOutcome,
    Command,
    Cut,
    CutWhy,
    End,
    IntentCommitted,
    IntentFailed,
    Outcome,
    OutcomeCommitted,
    OutcomeFailed,
    SendBytes,
    SendError,
    SendReceipt,
    UpstreamFailed,
)
from safeconduct.gateway.terms import STATUS_OK, CallTerms
from safeconduct.gateway.vendor_outcomes import VendorNotice, merged
from safeconduct.kernel.errors import SafeconductError, UnavailableError, UpstreamError

if TYPE_CHECKING:
    from safeconduct.kernel.ports import Receipt

_COMPLETED = (End.COMPLETED, "", "")


class Ending:
    """What a call knows of itself, and the steps that end it."""

    def __init__(self, terms: CallTerms) -> None:
        self.state: State = NEW
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

    @property
    def ending(self) -> bool:
        """Whether its client may have the whole answer, before the outcome is recorded."""
        return self.state in (DRAINING, SETTLING) or self._answer.done

    def stillborn(self, event: Cut) -> list[Command]:
        self._verdict = (End.CUT, event.why.value, event.clause)
        self.state = CLOSED
        return self._tell_cut(after_dispatch=False)

    def withdrawn(self, event: Cut) -> list[Command]:
        self._verdict = (End.CUT, event.why.value, event.clause)
        self.state = State.WITHDRAWN
        return []

    def recorded_after_cut(self, event: IntentCommitted) -> list[Command]:
        self._intent = event.receipt
        return [*self._tell_cut(after_dispatch=False), *self._settle()]

    def unrecorded_after_cut(self, _: IntentFailed) -> list[Command]:
        self.state = CLOSED
        return self._tell_cut(after_dispatch=False)

    def cut(self, event: Cut) -> list[Command]:
        whole = self._answer.done and not self._answer.waits and not self._answer.gated
        self._verdict = self._verdict or (None if whole else (End.CUT, event.why.value, event.clause))
        upstream = [AbortUpstream()] if self._attempt else []  # none was asked for an answer that is fetched
        return [*upstream, *self._stop_client(), *self._settle()]

    def cut_while_settling(self, _: Cut) -> list[Command]:
        return self._stop_client() if self._answering else []

    def settled(self, event: OutcomeCommitted) -> list[Command]:
        self.state = CLOSED
        return [SendReceipt(event.receipt)] if self._answering else []

    def unsettled(self, event: OutcomeFailed) -> list[Command]:
        if not event.fenced and self._tries < OUTCOME_TRIES_MAX:
            return self._settle()
        self.state = CLOSED  # the call stays open in the log, and the next start closes it as abandoned
        return self._stop_client() if self._answering else []

    def broken(self, event: UpstreamFailed) -> list[Command]:
        return self._broken(event.error)

    @property
    def _used(self) -> bool:
        """Whether this attempt may have used tokens, and how many is not known."""
        return self._sent and self._answer.status in (None, STATUS_OK) and not self._answer.counted

    def _hand_over(self, data: bytes, *, last: bool = False) -> list[Command]:
        if 0 < len(data) <= PIECE_BYTES:  # as nearly always
            self._answer.hand_over(data)
            return [SendBytes(data, last)]
        pieces = [data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES)]
        for piece in pieces:
            self._answer.hand_over(piece)
        return [SendBytes(piece, last and number == len(pieces)) for number, piece in enumerate(pieces, 1)]

    def _failed(self, error: SafeconductError) -> list[Command]:
        self._verdict = (self._end_of(error), error.code, error.clause)
        return [AbortUpstream(), SendError(error, after_dispatch=True), *self._settle()]

    def _broken(self, error: SafeconductError) -> list[Command]:
        # The head is out, so the client is told in the stream: official clients raise on an `error` event.
        self._verdict = (self._end_of(error), error.code, error.clause)
        self.state = DRAINING
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
        self.state = SETTLING
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

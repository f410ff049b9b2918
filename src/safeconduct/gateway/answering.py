"""One target's answer as it comes in: what of it may go, what is held, what was handed over, what the client took."""

from collections import deque
from collections.abc import Mapping

from safeconduct.boundary.model import ToolCall
from safeconduct.boundary.restoring import Tally
from safeconduct.gateway.dialects.model import AnswerFacts, AnswerReader
from safeconduct.gateway.dialects.sse import KEEP_ALIVE
from safeconduct.gateway.errors import WithheldError, no_answer
from safeconduct.gateway.limits import REFUSED_BODY_BYTES_MAX
from safeconduct.gateway.listening import Listener
from safeconduct.gateway.moves import HoldAnswer, Release, UpstreamHead
from safeconduct.gateway.output import Noting
from safeconduct.gateway.release import check_whole, releaser
from safeconduct.gateway.restoring import NOTHING_SAID, FrameRestorer, restored_answer
from safeconduct.gateway.terms import EVENT_STREAM, JSON, STATUS_OK, CallTerms
from safeconduct.gateway.turn_gate import Gate
from safeconduct.gateway.unhiding import Unhiding
from safeconduct.gateway.vendor_outcomes import VendorNotice, at_head, in_refusal, merged
from safeconduct.kernel.errors import SafeconductError, UpstreamError


class Answer:
    """An answer under the call's terms. Never more than `answer_bytes_max`, and one read, are kept of it."""

    def __init__(self, terms: CallTerms) -> None:
        self.status: int | None = None
        self.facts = AnswerFacts()
        self._head_notices: tuple[VendorNotice, ...] = ()
        self.terms = terms
        self._reader: AnswerReader | None = None
        self._noting = Noting(terms.inspector)
        self._releaser = releaser(terms.release, self._noting)
        self._restorer = FrameRestorer(terms.restorable, terms.dialect.speech) if terms.restorable else None
        hidden = Unhiding(terms.variables, arguments=bool(terms.withheld)) if terms.variables else None
        self._unhiding = hidden
        self._unhider = FrameRestorer(hidden, terms.dialect.speech) if hidden else None
        self._gate = Gate() if terms.withheld else None
        self._listener = Listener(terms.used, terms.dialect.speech) if terms.used else None
        self._tally = NOTHING_SAID  # of an answer that is no stream
        self._aside = bytearray()  # what would go, and waits for a person
        self._found_before: Mapping[str, int] = {}
        self._received = bytearray()
        self._received_bytes = 0
        self._kept_max = REFUSED_BODY_BYTES_MAX
        self._handed: deque[bytes] = deque()
        self._released = bytearray()

    @property
    def notices(self) -> tuple[VendorNotice, ...]:
        """What the vendor did besides answering, as far as it came."""
        refused = in_refusal(self.status, bytes(self._received)) if self.status not in (None, STATUS_OK) else ()
        return merged(self._head_notices, refused, self.facts.notices)

    @property
    def done(self) -> bool:
        """Whether a stream came to its end."""
        return self._reader is not None and self._reader.done

    @property
    def counted(self) -> bool:
        """Whether the upstream said what the whole of it used. Counts within a stream are of the part so far."""
        counts = self.facts.prompt_tokens, self.facts.completion_tokens
        return None not in counts and (self._reader is None or self._reader.done)

    @property
    def gated(self) -> bool:
        """Whether some of a stream is held for what is decided: of its tool calls, or by a person."""
        return bool(self._aside) or (self._gate is not None and bool(self._gate.held))

    @property
    def waits(self) -> bool:
        """Whether the client has not taken all that was handed over."""
        return bool(self._handed)

    @property
    def released(self) -> bytes:
        """What the client took, in order."""
        return bytes(self._released)

    @property
    def kept(self) -> bytes:
        """What came and was not let out: the frames that are held, and so much of what is no answer."""
        restoring = (self._unhider.held if self._unhider else b"") + (self._restorer.held if self._restorer else b"")
        return (
            bytes(self._aside)
            + (self._gate.held if self._gate else b"")
            + restoring
            + self._releaser.held
            + bytes(self._received[: self._kept_max])
        )

    @property
    def found(self) -> dict[str, int]:
        """How many findings the inspector had in what came, by kind."""
        return self._noting.counts or dict(self._found_before)

    @property
    def tokens(self) -> Tally:
        """What became of the tokens in what was let out."""
        if self._reader is None:
            return self._tally
        streamed = self._restorer, self._unhider
        return sum((one.tally for one in streamed if one is not None), self._tally)

    @property
    def quoted(self) -> Mapping[str, str]:
        """The originals that the model said and was not shown, each with its class."""
        return self._listener.quoted if self._listener else {}

    def begin(self, head: UpstreamHead) -> bool:
        """Takes the head, and tells whether a stream follows that is released as it comes.

        Raises:
            UpstreamError: what follows can't be the answer.
        """
        self.status = head.status
        self._head_notices = at_head(head.status, head.headers)
        if head.content_encoding not in ("", "identity"):
            raise no_answer("it is compressed, though plain bytes were asked for")
        if head.status != STATUS_OK:
            return False
        stream = self.terms.request.stream
        expected = EVENT_STREAM if stream else JSON
        if head.content_type.partition(";")[0].strip().lower() != expected:
            raise no_answer(f"expected {expected}")
        if stream:
            self._reader = self.terms.dialect.reader(self.terms.request)
        return stream

    def collect(self, data: bytes) -> None:
        """Takes bytes of an answer that is not released as it comes.

        Raises:
            UpstreamError: it is too long.
        """
        if self.status != STATUS_OK:
            self._received += data[: REFUSED_BODY_BYTES_MAX - len(self._received)]
            return
        self._received += data
        if len(self._received) > self.terms.answer_bytes_max:
            raise self._too_long()

    def refusal(self) -> SafeconductError:
        """Returns the error of an answer that is no success."""
        return self.terms.dialect.refusal(self.status or 0, bytes(self._received))

    def whole(self) -> bytes:
        """Returns a JSON answer, to be let out. Of one that is translated the upstream's own bytes are kept.

        Raises:
            UpstreamError: it is none.
            WithheldError: the inspector forbids it.
        """
        body = bytes(self._received)
        self.facts = self.terms.dialect.read_answer(body, self.terms.request)
        self._kept_max = self.terms.answer_bytes_max  # from here on it is text, and all of it can be sealed
        released = self.terms.dialect.released(body)
        if self._listener is not None:
            self._listener.hear_whole(released)
        check_whole(self.terms.release, self._noting, released)
        if released is body:
            self._received.clear()
        if self.terms.restorable is not None:
            released, self._tally = restored_answer(released, self.terms.restorable, self.terms.dialect.speech)
        if self._unhiding is not None:
            released, unhidden = restored_answer(released, self._unhiding, self.terms.dialect.speech)
            self._tally += unhidden
        return released

    def relay(self, data: bytes) -> bytes:
        """Takes what one read gave of a stream, and returns what may go now: whole frames, or a sign of life.

        Raises:
            UpstreamError: it is no answer, or too long.
            WithheldError: the inspector forbids what is held.
        """
        if self._reader is None:
            raise RuntimeError("a stream is read after its head")
        self._received_bytes += len(data)
        if self._received_bytes > self.terms.answer_bytes_max:
            raise self._too_long()
        try:
            frames = self._reader.feed(data)
        except UpstreamError:
            self._received += data[:REFUSED_BODY_BYTES_MAX]
            raise
        self.facts = self._reader.facts
        self._hear(frames)
        return self._let_out(frames) if frames else b""

    def _hear(self, frames: bytes) -> None:
        if self._listener is not None:
            self._listener.hear(frames)
            if self.done:
                self._listener.end()

    def _let_out(self, frames: bytes) -> bytes:
        released = self._releaser.take(frames)
        if self.done:
            released += self._releaser.rest()
        if self._restorer is not None:
            released = self._restorer.take(released) + (self._restorer.rest() if self.done else b"")
        if self._unhider is not None:
            released = self._unhider.take(released) + (self._unhider.rest() if self.done else b"")
        if self._gate is not None:
            released = self._gate.take(released)
        if self._noting.hold:
            self._aside += released
            released = b""
        return released or KEEP_ALIVE

    def hold(self, calls: tuple[ToolCall, ...], body: bytes = b"") -> HoldAnswer | None:
        """Returns what puts a whole answer to the vote, if a finding has it wait for a person.

        Raises:
            WithheldError: it can't wait: `calls` are decided when they are proposed and not later, or some of it went.
        """
        clause = self._noting.hold
        if not clause:
            return None
        if calls or self.terms.release is Release.HOLD_WINDOW:
            raise WithheldError(clause)
        self._aside += body
        received = bytes(self._received[: self._kept_max])
        return HoldAnswer(clause=clause, answer=bytes(self._aside), received=received, found=self.found)

    def sealed(self) -> None:
        """Notes that what waits for a person lies sealed in an entry of its own."""
        self._aside.clear()
        self._received.clear()

    def fetched(self, found: Mapping[str, int]) -> None:
        """Notes that the answer is one that a person let go, and what was found in it before."""
        self._found_before = found

    def proposes(self, answer: bytes = b"") -> tuple[ToolCall, ...]:
        """Returns the tool calls to be decided before more may go: of a whole answer, or of what a stream holds back.

        Raises:
            UpstreamError: readers could differ in what it proposes.
        """
        if self._gate is None:
            return ()
        if answer:
            self._gate.take_whole(answer)
        return self.terms.dialect.proposed(self._gate.seen) if answer or self._gate.held else ()

    def turn(self, instead: str) -> bytes:
        """Returns what goes now that the tool calls are decided: what was held, or what is told in its place."""
        gate, withheld = self._gate, self.terms.withheld
        if gate is None or withheld is None:
            return b""
        if not instead:
            return gate.open()
        self._received += gate.held
        self._kept_max = self.terms.answer_bytes_max
        return withheld(gate.passed, gate.open(), instead)

    def hand_over(self, data: bytes) -> None:
        """Notes bytes that go to the client."""
        self._handed.append(data)

    def taken(self) -> None:
        """Notes that the oldest of them went to the client's transport."""
        if self._handed:
            self._released += self._handed.popleft()

    def _too_long(self) -> UpstreamError:
        return no_answer(f"it is over {self.terms.answer_bytes_max} bytes")

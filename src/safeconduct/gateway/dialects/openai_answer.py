"""Step 9's other half: reads what the upstream answers, so that nothing is released that isn't an answer.

Everything an upstream sends is untrusted. Its comments are dropped (ours carry receipts, and must not be forged), its
error texts never reach a caller (they quote hosts and keys), and tool calls that nobody offered are no answer.
"""

import re
from dataclasses import replace

import msgspec

from safeconduct.gateway.dialects.model import AnswerFacts, ModelRequest
from safeconduct.gateway.errors import no_answer
from safeconduct.gateway.limits import FRAME_BYTES_MAX
from safeconduct.kernel.canonical import INTEGER_MAX
from safeconduct.kernel.errors import UpstreamError

DONE = b"[DONE]"
KEEP_ALIVE = b":\n\n"
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FINISH_REASONS = frozenset(("stop", "length", "content_filter", "tool_calls", "function_call"))


_ABSENT = msgspec.Raw()
_NOTHING = (b"", b"null")


class _Turn(msgspec.Struct):
    tool_calls: list[msgspec.Raw] | None = None
    function_call: msgspec.Raw = _ABSENT


class _Choice(msgspec.Struct):
    finish_reason: str | None = None
    message: _Turn | None = None
    delta: _Turn | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = _ABSENT


_decode = msgspec.json.Decoder(_Answer).decode


def read_answer(body: bytes, request: ModelRequest) -> AnswerFacts:  # noqa: ARG001 - the dialect's signature
    """Reads a whole JSON answer.

    Raises:
        UpstreamError: it is no chat completion.
    """
    return _facts(AnswerFacts(), _read(body))


class AnswerStream:
    """Reads a stream of server-sent events. Frames come out whole; all frames of one read come out together."""

    def __init__(self, request: ModelRequest) -> None:  # noqa: ARG002 - the dialect's signature
        self.facts = AnswerFacts()
        self.done = False
        self._tail = b""

    def feed(self, data: bytes) -> bytes:
        """Returns the bytes that may be released now. After `[DONE]` nothing is.

        Raises:
            UpstreamError: the frames in `data` are no chat-completion chunks, or one has no end.
        """
        *frames, self._tail = _BLANK_LINE.split(self._tail + data) if self._tail else _BLANK_LINE.split(data)
        if len(self._tail) > FRAME_BYTES_MAX:
            raise no_answer(f"one event is over {FRAME_BYTES_MAX} bytes")
        return b"".join([self._frame(frame) for frame in frames if not self.done])

    def _frame(self, frame: bytes) -> bytes:
        payloads = [line[5:].strip() for line in frame.splitlines() if line.startswith(b"data:")]
        if not payloads:
            return KEEP_ALIVE if frame.strip() else b""
        payload = b"\n".join(payloads)
        if payload == DONE:
            self.done = True
        else:
            self.facts = _facts(self.facts, _read(payload))
        return b"data: " + payload.replace(b"\n", b"\ndata: ") + b"\n\n"


def _read(payload: bytes) -> _Answer:
    try:
        payload.decode()
        answer = _decode(payload)
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError) as error:
        raise no_answer("it is no chat completion in JSON") from error
    if bytes(answer.error) not in _NOTHING:
        raise UpstreamError("the model server failed while answering", code="upstream-failed", remedy="retry later")
    if answer.choices is None:
        raise no_answer("it has no choices")
    return answer


def _facts(facts: AnswerFacts, answer: _Answer) -> AnswerFacts:
    for choice in answer.choices or ():
        for turn in (choice.message, choice.delta):
            if turn is not None and (turn.tool_calls or bytes(turn.function_call) not in _NOTHING):
                raise UpstreamError("the model called a tool that nobody offered", code="tool-call-not-offered")
        if choice.finish_reason is not None:
            known = choice.finish_reason in _FINISH_REASONS
            facts = replace(facts, finish_reason=choice.finish_reason if known else "other")
    if answer.usage is None:
        return facts
    usage = answer.usage
    return replace(facts, prompt_tokens=_count(usage.prompt_tokens), completion_tokens=_count(usage.completion_tokens))


def _count(number: int | None) -> int | None:
    return number if number is not None and 0 <= number <= INTEGER_MAX else None

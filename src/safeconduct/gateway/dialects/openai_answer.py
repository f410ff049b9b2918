"""Step 9's other half: reads what the upstream answers, so that nothing is released that isn't an answer.

Everything an upstream sends is untrusted. Its comments are dropped (ours carry receipts, and must not be forged), its
error texts never reach a caller (they quote hosts and keys), and tool calls that nobody offered are no answer.
"""

from typing import Any

import msgspec

from safeconduct.gateway.dialects.alike import Alike
from safeconduct.gateway.dialects.model import AnswerFacts, ModelRequest, bounded_count
from safeconduct.gateway.dialects.sse import KEEP_ALIVE, Frames, data_frame, payload
from safeconduct.gateway.errors import failed_answering, no_answer, not_offered
from safeconduct.gateway.limits import TOOL_CALLS_MAX
from safeconduct.gateway.vendor_outcomes import VendorNotice, merged, refused

DONE = b"[DONE]"
_FINISH_REASONS = frozenset(("stop", "length", "content_filter", "tool_calls", "function_call"))

_ABSENT = msgspec.Raw()
_NOTHING = (b"", b"null")
_TYPES = (None, "function")


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Called(msgspec.Struct):
    index: int = 0
    type: str | None = None
    function: _Function | None = None


class _Turn(msgspec.Struct):
    tool_calls: list[_Called] | None = None
    refusal: str | None = None
    function_call: msgspec.Raw = _ABSENT


class _Choice(msgspec.Struct):
    index: int = 0
    finish_reason: str | None = None
    message: _Turn | None = None
    delta: _Turn | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Answer(msgspec.Struct):
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = _ABSENT


_decode = msgspec.json.Decoder(_Answer).decode


def read_answer(body: bytes, request: ModelRequest) -> AnswerFacts:
    """Reads a whole JSON answer.

    Raises:
        UpstreamError: it is no chat completion, or calls what `request` did not offer.
    """
    answer = _read(body)
    for choice in answer.choices or ():
        for turn in (choice.message, choice.delta):
            if turn is not None:
                _check_whole(turn, request)
    return _facts(AnswerFacts(), answer)


class AnswerStream:
    """Reads a stream of server-sent events. Frames come out whole; all frames of one read come out together."""

    def __init__(self, request: ModelRequest) -> None:
        self.facts = AnswerFacts()
        self.done = False
        self._request = request
        self._frames = Frames()
        self._alike = Alike("content")
        self._called: set[tuple[int, int]] = set()  # choice and number of each call that has begun

    def feed(self, data: bytes) -> bytes:
        """Returns the bytes that may be released now. After `[DONE]` nothing is.

        Raises:
            UpstreamError: the frames in `data` are no chat-completion chunks, or one has no end.
        """
        alike = 0 if self.done or self._frames.inside else self._alike.run(data)
        if alike == len(data):
            return data
        frames = self._frames.feed(data[alike:])
        return data[:alike] + b"".join([self._frame(frame) for frame in frames if not self.done])

    def _frame(self, frame: bytes) -> bytes:
        data = payload(frame)
        if not data:
            return KEEP_ALIVE if frame.strip() else b""
        if data == DONE:
            self.done = True
            return data_frame(data)
        answer, facts, called = _read(data), self.facts, len(self._called)
        for choice in answer.choices or ():
            if choice.message is not None:
                _check_whole(choice.message, self._request)
            if choice.delta is not None:
                self._check_delta(choice, choice.delta)
        self.facts = _facts(facts, answer)
        # The last chunk tells the tokens. Who did not ask for it would stumble over its empty choices.
        unasked = not answer.choices and answer.usage is not None and "stream_options" in self._request.sets
        if unasked:
            return b""
        released = data_frame(data)
        if self.facts is facts and len(self._called) == called:
            self._alike.learn(released)
        return released

    def _check_delta(self, choice: _Choice, delta: _Turn) -> None:
        """A call's first piece names a function that was offered; the later ones, which clients append, name none."""
        _check_former(delta)
        if not delta.tool_calls:
            return
        for call in delta.tool_calls:
            place = choice.index, call.index
            if place not in self._called:
                _check_call(call, self._request)
                self._called.add(place)
            elif (call.function is not None and call.function.name) or call.type not in _TYPES:
                raise not_offered()
        if len(self._called) > TOOL_CALLS_MAX:
            raise no_answer(f"it calls over {TOOL_CALLS_MAX} tools")


def _check_whole(turn: _Turn, request: ModelRequest) -> None:
    _check_former(turn)
    for call in turn.tool_calls or ():
        _check_call(call, request)


def _check_former(turn: _Turn) -> None:
    if _holds(turn.function_call):
        raise not_offered()


def _holds(value: msgspec.Raw) -> bool:
    return value is not _ABSENT and bytes(value) not in _NOTHING


def _check_call(call: _Called, request: ModelRequest) -> None:
    if call.type not in _TYPES or call.function is None or call.function.name not in request.tools:
        raise not_offered()


def _read(payload: bytes) -> _Answer:
    try:
        payload.decode()
        answer = _decode(payload)
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError) as error:
        raise no_answer("it is no chat completion in JSON") from error
    if _holds(answer.error):
        raise failed_answering()
    if answer.choices is None:
        raise no_answer("it has no choices")
    return answer


def _facts(facts: AnswerFacts, answer: _Answer) -> AnswerFacts:
    told: dict[str, Any] = {}
    if facts.model is None and answer.model:
        told["model"] = answer.model
    found: tuple[VendorNotice, ...] = ()
    for choice in answer.choices or ():
        if choice.finish_reason is not None:
            told["finish_reason"] = choice.finish_reason if choice.finish_reason in _FINISH_REASONS else "other"
        found += _noticed(choice)
    if found:
        told["notices"] = merged(facts.notices, found)
    if answer.usage is not None:
        told["prompt_tokens"] = bounded_count(answer.usage.prompt_tokens)
        told["completion_tokens"] = bounded_count(answer.usage.completion_tokens)
    return msgspec.structs.replace(facts, **told) if told else facts


def _noticed(choice: _Choice) -> tuple[VendorNotice, ...]:
    found = refused("content-filter") if choice.finish_reason == "content_filter" else ()
    for turn in (choice.message, choice.delta):
        if turn is not None and turn.refusal:
            found += refused("model")
    return found

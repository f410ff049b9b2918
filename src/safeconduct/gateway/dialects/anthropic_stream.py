"""A stream of Anthropic's messages, read event by event in the order that the dialect gives them."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from safeconduct.gateway.dialects.alike import Alike
from safeconduct.gateway.dialects.anthropic_answer import (
    Block,
    Ended,
    Message,
    Usage,
    check_block,
    with_end,
    with_usage,
)
from safeconduct.gateway.dialects.model import AnswerFacts, ModelRequest
from safeconduct.gateway.dialects.sse import KEEP_ALIVE, Frames, data_frame, payload
from safeconduct.gateway.errors import failed_answering, no_answer

# Which deltas may follow the start of which block.
_DELTAS: Mapping[str, frozenset[str]] = {
    "text": frozenset(("text_delta", "citations_delta")),
    "thinking": frozenset(("thinking_delta", "signature_delta")),
    "tool_use": frozenset(("input_json_delta",)),
    "server_tool_use": frozenset(("input_json_delta",)),
    "mcp_tool_use": frozenset(("input_json_delta",)),
}


class _Start(msgspec.Struct, tag_field="type", tag="message_start"):
    message: Message


class _BlockStart(msgspec.Struct, tag_field="type", tag="content_block_start"):
    index: int
    content_block: Block


class _Delta(msgspec.Struct):
    type: str


class _BlockDelta(msgspec.Struct, tag_field="type", tag="content_block_delta"):
    index: int
    delta: _Delta


class _BlockStop(msgspec.Struct, tag_field="type", tag="content_block_stop"):
    index: int


class _MessageDelta(msgspec.Struct, tag_field="type", tag="message_delta"):
    delta: Ended
    usage: Usage | None = None


class _Stop(msgspec.Struct, tag_field="type", tag="message_stop"):
    pass


class _Ping(msgspec.Struct, tag_field="type", tag="ping"):
    pass


class _Error(msgspec.Struct, tag_field="type", tag="error"):
    pass


Event: TypeAlias = _Start | _BlockStart | _BlockDelta | _BlockStop | _MessageDelta | _Stop | _Ping | _Error

_BEFORE_ALL = (_Start, _Ping, _Error)
_decode = msgspec.json.Decoder(Event).decode


class MessageStream:
    """Reads a stream of server-sent events. Frames come out whole; all frames of one read come out together."""

    def __init__(self, request: ModelRequest) -> None:
        self.facts = AnswerFacts()
        self.done = False
        self._request = request
        self._frames = Frames()
        self._alike = Alike("text")
        self._begun = False
        self._open: dict[int, str] = {}  # the type of each block that has begun and not ended
        self._seen = 0

    def feed(self, data: bytes) -> bytes:
        """Returns the bytes that may be released now. After `message_stop` nothing is.

        Raises:
            UpstreamError: the frames in `data` are no events of this dialect in its order, or one has no end.
        """
        alike = 0 if self._frames.inside else self._alike.run(data)
        if alike == len(data):
            return data
        frames = self._frames.feed(data[alike:])
        return data[:alike] + b"".join([self._frame(frame) for frame in frames if not self.done])

    def _frame(self, frame: bytes) -> bytes:
        data = payload(frame)
        if not data:
            return KEEP_ALIVE if frame.strip() else b""
        try:
            data.decode()
            event = _decode(data)
        except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError) as error:
            raise no_answer("it holds what is no event of a message") from error
        self._take(event)
        released = data_frame(data, event=str(type(event).__struct_config__.tag))
        if isinstance(event, _BlockDelta):
            self._alike.learn(released)
        else:
            self._alike.forget()
        return released

    def _take(self, event: Event) -> None:
        if not self._begun and not isinstance(event, _BEFORE_ALL):
            raise no_answer("its first event is no message_start")
        match event:
            case _Error():
                raise failed_answering()
            case _Start(message):
                self._start(message)
            case _BlockStart() | _BlockDelta() | _BlockStop():
                self._within(event)
            case _MessageDelta(delta, usage):
                self.facts = with_usage(with_end(self.facts, delta), usage)
            case _Stop():
                self._stop()
            case _Ping():
                pass

    def _start(self, message: Message) -> None:
        if self._begun or message.type != "message" or message.content:
            raise no_answer("message_start is no beginning of one message")
        self._begun = True
        self.facts = with_usage(msgspec.structs.replace(self.facts, model=message.model), message.usage)

    def _within(self, event: _BlockStart | _BlockDelta | _BlockStop) -> None:
        match event:
            case _BlockStart(index, block) if index == self._seen:
                check_block(block, self._request)
                self._seen += 1
                self._open[index] = block.type
            case _BlockDelta(index, delta) if delta.type in _DELTAS.get(self._open.get(index, ""), ()):
                pass
            case _BlockStop(index) if index in self._open:
                del self._open[index]
            case _:
                raise no_answer(f"{event.__struct_config__.tag} fits no block at its place")

    def _stop(self) -> None:
        if self._open:
            raise no_answer("the message ends within a block")
        self.done = True

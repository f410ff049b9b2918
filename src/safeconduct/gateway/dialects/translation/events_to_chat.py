"""The events of a message as the chunks of a chat completion."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from safeconduct.gateway.dialects.openai_answer import DONE
from safeconduct.gateway.dialects.sse import KEEP_ALIVE, data_frame
from safeconduct.gateway.dialects.translation.answers import text_of
from safeconduct.gateway.dialects.translation.completions import chat_usage, check_block, encoded_input, finish_reason
from safeconduct.gateway.dialects.translation.to_chat import called

Members = Mapping[str, Any]


class ChunkWriter:
    """Takes events in their order, as `MessageStream` lets them pass, and gives the frames of a chat stream.

    `usage` is whether the caller asked for a last chunk that says it.
    """

    def __init__(self, *, usage: bool) -> None:
        self._tells_usage = usage
        self._about: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._calls = 0
        self._unsaid: dict[int, str] = {}  # by block, the input that a tool call began with, until a piece comes

    def take(self, _: bytes, event: Members) -> Iterator[bytes]:
        """Yields the frames for one event.

        Raises:
            UpstreamError: `not-translatable`.
        """
        match event["type"]:
            case "message_start":
                yield self._start(event["message"])
            case "content_block_start":
                yield from self._block(event["index"], event["content_block"])
            case "content_block_delta":
                yield from self._delta(event["index"], event["delta"])
            case "content_block_stop":
                yield from self._unsaid_input(event["index"])
            case "message_delta":
                self._usage |= {name: n for name, n in (event.get("usage") or {}).items() if n is not None}
                yield from self._ended(event["delta"])
            case "message_stop":
                yield from self._stop()
            case _:
                yield KEEP_ALIVE

    def _start(self, message: Members) -> bytes:
        self._usage = dict(message.get("usage") or {})
        self._about = {
            "id": str(message.get("id") or ""),
            "object": "chat.completion.chunk",
            "created": 0,
            "model": str(message.get("model") or ""),
        }
        return self._chunk({"role": "assistant", "content": ""})

    def _block(self, index: int, block: Members) -> Iterator[bytes]:
        check_block(block, after_call=self._calls > 0)
        if block["type"] == "tool_use":
            self._calls += 1
            self._unsaid[index] = encoded_input(block)
            yield self._call(called(text_of(block, "id"), text_of(block, "name"), ""))
        elif text_of(block, "text"):
            yield self._chunk({"content": block["text"]})

    def _delta(self, index: int, delta: Members) -> Iterator[bytes]:
        if delta["type"] == "input_json_delta":
            piece = text_of(delta, "partial_json")
            if piece:
                self._unsaid.pop(index, None)
                yield self._call({"function": {"arguments": piece}})
        else:
            check_block({"type": "text" if delta["type"] == "text_delta" else delta["type"]}, after_call=False)
            yield self._chunk({"content": text_of(delta, "text")})

    def _unsaid_input(self, index: int) -> Iterator[bytes]:
        arguments = self._unsaid.pop(index, None)
        if arguments is not None:
            yield self._call({"function": {"arguments": arguments}})

    def _ended(self, delta: Members) -> Iterator[bytes]:
        if delta.get("stop_reason") is not None:
            yield self._chunk({}, finish=finish_reason(delta["stop_reason"]))

    def _stop(self) -> Iterator[bytes]:
        if self._tells_usage:
            yield data_frame(msgspec.json.encode(self._about | {"choices": [], "usage": chat_usage(self._usage)}))
        yield data_frame(DONE)

    def _call(self, call: Members) -> bytes:
        return self._chunk({"tool_calls": [{"index": self._calls - 1, **call}]})

    def _chunk(self, delta: Members, *, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return data_frame(msgspec.json.encode(self._about | {"choices": [choice]}))

"""The chunks of a chat completion as the events of a message."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from safeconduct.gateway.dialects.openai_answer import DONE
from safeconduct.gateway.dialects.sse import data_frame
from safeconduct.gateway.dialects.translation.answers import (
    NO_CHOICE,
    message_usage,
    only_choice,
    read_arguments,
    stop_reason,
    text_of,
)
from safeconduct.gateway.dialects.translation.rows import answer_loss, check
from safeconduct.gateway.dialects.translation.table import TABLE
from safeconduct.gateway.errors import no_answer

Members = Mapping[str, Any]


class EventWriter:
    """Takes chunks in their order, as `AnswerStream` lets them pass, and gives the frames of a message's stream."""

    def __init__(self) -> None:
        self._begun = False
        self._blocks = 0  # how many blocks have begun
        self._open = ""  # the type of the last of them, until it ends
        self._call = -1  # the number of the last tool call
        self._arguments: list[str] = []
        self._finish: str | None = None
        self._refused = False
        self._usage: Members | None = None

    def take(self, data: bytes, chunk: Members) -> Iterator[bytes]:
        """Yields the frames for one chunk; after `[DONE]`, which is none, the end of the message.

        Raises:
            UpstreamError: `not-translatable`, or the chunks are no completion.
        """
        if data == DONE:
            yield from self._end()
            return
        check(TABLE["chat answer"], "", chunk, answer_loss)
        if not self._begun:
            yield self._start(chunk)
        self._usage = chunk.get("usage") or self._usage
        choice = only_choice(chunk)
        delta = choice.get("delta") or {}
        check(TABLE["chat answer message"], "delta.", delta, answer_loss)
        for name in ("content", "refusal"):
            yield from self._text(delta.get(name), refusal=name == "refusal")
        for call in delta.get("tool_calls") or ():
            yield from self._tool_call(call)
        self._finish = choice.get("finish_reason") or self._finish if choice is not NO_CHOICE else self._finish

    def _start(self, chunk: Members) -> bytes:
        self._begun = True
        message: dict[str, object] = {
            "id": str(chunk.get("id") or ""),
            "type": "message",
            "role": "assistant",
            "model": str(chunk.get("model") or ""),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": message_usage(None),
        }
        return _event("message_start", message=message)

    def _text(self, text: object, *, refusal: bool) -> Iterator[bytes]:
        if not text:
            return
        if not isinstance(text, str):
            raise no_answer("its content is no text")
        kind = "refusal" if refusal else "text"
        self._refused = self._refused or refusal
        if self._call >= 0 or (self._open == "refusal" and not refusal):
            raise answer_loss("text after a tool call or a refusal", "there text comes first")
        if self._open != kind:
            yield from self._begin(kind, {"type": "text", "text": ""})
        yield self._delta(type="text_delta", text=text)

    def _tool_call(self, call: Members) -> Iterator[bytes]:
        check(TABLE["chat tool call"], "tool_calls.", call, answer_loss)
        function = call.get("function") or {}
        check(TABLE["chat called function"], "tool_calls.function.", function, answer_loss)
        number = call.get("index", 0)
        if number == self._call + 1:
            block = {
                "type": "tool_use",
                "id": str(call.get("id") or ""),
                "name": str(function.get("name")),
                "input": {},
            }
            yield from self._begin("tool_use", block)
            self._call = number
        elif number != self._call:
            raise answer_loss("calls of tools in turns", "a block ends before the next begins")
        if function.get("arguments"):
            piece = text_of(function, "arguments")
            self._arguments.append(piece)
            yield self._delta(type="input_json_delta", partial_json=piece)

    def _begin(self, kind: str, block: Members) -> Iterator[bytes]:
        yield from self._stop()
        self._blocks += 1
        self._open = kind
        yield _event("content_block_start", index=self._blocks - 1, content_block=block)

    def _stop(self) -> Iterator[bytes]:
        if self._open:
            read_arguments("".join(self._arguments))
            self._arguments.clear()
            self._open = ""
            yield _event("content_block_stop", index=self._blocks - 1)

    def _delta(self, **delta: str) -> bytes:
        return _event("content_block_delta", index=self._blocks - 1, delta=delta)

    def _end(self) -> Iterator[bytes]:
        if not self._begun:
            raise no_answer("it ends before it began")
        yield from self._stop()
        reason = stop_reason(self._finish, refused=self._refused)
        ended = {"stop_reason": reason, "stop_sequence": None}
        yield _event("message_delta", delta=ended, usage=message_usage(self._usage))
        yield _event("message_stop")


def _event(kind: str, **members: object) -> bytes:
    return data_frame(msgspec.json.encode({"type": kind, **members}), event=kind)

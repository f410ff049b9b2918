"""A whole message as a chat completion."""

from collections.abc import Mapping
from typing import Any

import msgspec

from safeconduct.gateway.dialects.translation.answers import count_of, text_of
from safeconduct.gateway.dialects.translation.rows import answer_loss, check
from safeconduct.gateway.dialects.translation.table import STOP_REASONS, TABLE
from safeconduct.gateway.dialects.translation.to_chat import called
from safeconduct.gateway.errors import no_answer

Members = Mapping[str, Any]


def completion_of(message: Members) -> dict[str, Any]:
    """Returns the chat completion that says what a message says.

    Raises:
        UpstreamError: `not-translatable`.
    """
    check(TABLE["messages answer"], "", message, answer_loss)
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    for block in message["content"]:
        check_block(block, after_call=bool(calls))
        if block["type"] == "text":
            texts.append(text_of(block, "text"))
        else:
            calls.append(called(text_of(block, "id"), text_of(block, "name"), encoded_input(block)))
    turn = {"role": "assistant", "content": "".join(texts) or None, "refusal": None}
    return {
        "id": str(message.get("id") or ""),
        "object": "chat.completion",
        "created": 0,
        "model": str(message.get("model") or ""),
        "choices": [
            {
                "index": 0,
                "message": turn | ({"tool_calls": calls} if calls else {}),
                "finish_reason": finish_reason(message.get("stop_reason")),
                "logprobs": None,
            }
        ],
        "usage": chat_usage(message.get("usage") or {}),
    }


def encoded_input(block: Members) -> str:
    """Returns what a tool is called with, as text.

    Raises:
        UpstreamError: it is no object.
    """
    value = block.get("input")
    if not isinstance(value, dict):
        raise no_answer("an input is no object")
    return msgspec.json.encode(value).decode()


def check_block(block: Members, *, after_call: bool) -> None:
    """Lets pass the blocks of an answer that chat can say, in the order in which it can say them.

    Raises:
        UpstreamError: `not-translatable`.
    """
    kind = block.get("type")
    if kind not in ("text", "tool_use"):
        raise answer_loss(f"a block of the type {kind!r}", "text and functions are translated, nothing else")
    check(TABLE[f"messages {kind} block"], f"{kind}.", block, answer_loss)
    if kind == "text" and after_call:
        raise answer_loss("text after a tool call", "there text comes first")


def finish_reason(stop: object) -> str:
    """Returns the finish_reason for a stop_reason.

    Raises:
        UpstreamError: there is none.
    """
    if not isinstance(stop, str) or stop not in STOP_REASONS:
        raise answer_loss("stop_reason", "it is none of those that a completion can say")
    return STOP_REASONS[stop]


def chat_usage(usage: Members) -> dict[str, Any]:
    """Returns the usage of a completion for one of a message. Prompt tokens count what a cache held."""
    read, written = count_of(usage.get("cache_read_input_tokens")), count_of(usage.get("cache_creation_input_tokens"))
    prompt = count_of(usage.get("input_tokens")) + read + written
    completion = count_of(usage.get("output_tokens"))
    found = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return found | ({"prompt_tokens_details": {"cached_tokens": read}} if read else {})

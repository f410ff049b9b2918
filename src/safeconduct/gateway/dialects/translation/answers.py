"""A whole answer of one dialect as the other says it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from safeconduct.gateway.dialects.translation.rows import answer_loss, check
from safeconduct.gateway.dialects.translation.table import FINISH_REASONS, STOP_REASONS, TABLE
from safeconduct.gateway.dialects.translation.to_chat import called
from safeconduct.gateway.errors import DialectError, no_answer
from safeconduct.gateway.strict_json import read_object

Members = Mapping[str, Any]


def read_members(data: bytes) -> dict[str, Any]:
    """Returns the object in an answer that its own reader has taken, read once more and strictly.

    Raises:
        UpstreamError: readers differ in what it says.
    """
    try:
        return read_object(data)
    except DialectError as error:
        raise no_answer(f"it is not JSON that every reader reads alike ({error.code})") from error


def message_of(completion: Members) -> dict[str, Any]:
    """Returns the message that says what a chat completion says.

    Raises:
        UpstreamError: `not-translatable`, or it is no completion of one choice.
    """
    check(TABLE["chat answer"], "", completion, answer_loss)
    choice = only_choice(completion)
    turn = choice.get("message")
    if choice is NO_CHOICE or not isinstance(turn, dict):
        raise no_answer("it has no message")
    check(TABLE["chat answer message"], "message.", turn, answer_loss)
    content = [block for block in (_text(turn.get("content")), _text(turn.get("refusal"))) if block]
    return {
        "id": str(completion.get("id") or ""),
        "type": "message",
        "role": "assistant",
        "model": str(completion.get("model") or ""),
        "content": content + [_tool_use(call) for call in turn.get("tool_calls") or ()],
        "stop_reason": stop_reason(choice.get("finish_reason"), refused=bool(turn.get("refusal"))),
        "stop_sequence": None,
        "usage": message_usage(completion.get("usage")),
    }


NO_CHOICE: Members = {}
"""What stands for the choice of a chunk that has none."""


def only_choice(answer: Members) -> Members:
    """Returns the only choice of an answer or chunk.

    Raises:
        UpstreamError: there are several, or it holds what can't be carried over.
    """
    choices = answer.get("choices") or [NO_CHOICE]
    if len(choices) != 1 or not isinstance(choices[0], dict):
        raise answer_loss("choices", "a message is one answer")
    check(TABLE["chat choice"], "choices[0].", choices[0], answer_loss)
    return choices[0] or NO_CHOICE


def _text(text: object) -> dict[str, Any] | None:
    if not isinstance(text, str | None):
        raise no_answer("its content is no text")
    return {"type": "text", "text": text} if text else None


def _tool_use(call: Members) -> dict[str, Any]:
    check(TABLE["chat tool call"], "tool_calls.", call, answer_loss)
    function = call.get("function") or {}
    check(TABLE["chat called function"], "tool_calls.function.", function, answer_loss)
    return {
        "type": "tool_use",
        "id": str(call.get("id") or ""),
        "name": str(function.get("name")),
        "input": read_arguments(str(function.get("arguments") or "")),
    }


def read_arguments(arguments: str) -> dict[str, Any]:
    """Returns what a function is called with; no text at all stands for nothing.

    Raises:
        UpstreamError: it is no JSON object.
    """
    try:
        return read_object(arguments.encode()) if arguments else {}
    except (DialectError, UnicodeEncodeError) as error:
        raise answer_loss("arguments that are no JSON object", "an input is one") from error


def stop_reason(finish_reason: object, *, refused: bool) -> str:
    """Returns the stop_reason for a finish_reason.

    Raises:
        UpstreamError: there is none.
    """
    if refused:
        return "refusal"
    if not isinstance(finish_reason, str) or finish_reason not in FINISH_REASONS:
        raise answer_loss("finish_reason", "it is none of those that a message can say")
    return FINISH_REASONS[finish_reason]


def message_usage(usage: Members | None) -> dict[str, int]:
    """Returns the usage in a message for one of chat. What a cache held is told apart there."""
    usage = usage or {}
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    prompt = _count(usage.get("prompt_tokens"))
    found = {"input_tokens": max(0, prompt - cached), "output_tokens": _count(usage.get("completion_tokens"))}
    return found | ({"cache_read_input_tokens": min(prompt, cached)} if cached else {})


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


def text_of(members: Members, name: str) -> str:
    """Returns a member that is text.

    Raises:
        UpstreamError: it is none, though its reader took the answer.
    """
    value = members.get(name)
    if not isinstance(value, str):
        raise no_answer(f"{name} is no text")
    return value


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
    read, written = _count(usage.get("cache_read_input_tokens")), _count(usage.get("cache_creation_input_tokens"))
    prompt = _count(usage.get("input_tokens")) + read + written
    completion = _count(usage.get("output_tokens"))
    found = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return found | ({"prompt_tokens_details": {"cached_tokens": read}} if read else {})


def _count(number: object) -> int:
    return number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else 0

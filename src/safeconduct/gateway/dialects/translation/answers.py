"""A whole chat completion as a message, and what both ways read alike."""

from collections.abc import Mapping
from typing import Any

from safeconduct.gateway.dialects.translation.rows import answer_loss, check
from safeconduct.gateway.dialects.translation.table import FINISH_REASONS, TABLE
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
    cached = count_of(details.get("cached_tokens")) if isinstance(details, dict) else 0
    prompt = count_of(usage.get("prompt_tokens"))
    found = {"input_tokens": max(0, prompt - cached), "output_tokens": count_of(usage.get("completion_tokens"))}
    return found | ({"cache_read_input_tokens": min(prompt, cached)} if cached else {})


def text_of(members: Members, name: str) -> str:
    """Returns a member that is text.

    Raises:
        UpstreamError: it is none, though its reader took the answer.
    """
    value = members.get(name)
    if not isinstance(value, str):
        raise no_answer(f"{name} is no text")
    return value


def count_of(number: object) -> int:
    """Returns a number of tokens; none where it is no such number."""
    return number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else 0

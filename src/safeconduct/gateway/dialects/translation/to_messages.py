"""A chat-completions request as a messages request."""

from collections.abc import Iterator, Mapping
from typing import Any

from safeconduct.gateway.dialects.translation.rows import check, request_loss
from safeconduct.gateway.dialects.translation.table import TABLE
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.strict_json import read_object

Members = Mapping[str, Any]

NO_PARAMETERS = {"type": "object", "properties": {}}
_SYSTEM = ("system", "developer")
_CHOICES: Mapping[str, str] = {"auto": "auto", "none": "none", "required": "any"}


def to_messages(chat: Members) -> dict[str, Any]:
    """Returns the messages request that says the same. The chat request was read, and its shape is right.

    Raises:
        DialectError: `not-translatable`, with the member in `param`.
    """
    check(TABLE["chat request"], "", chat, request_loss)
    check(TABLE["chat stream options"], "stream_options.", chat.get("stream_options") or {}, request_loss)
    messages = chat["messages"]
    leading = next((i for i, message in enumerate(messages) if message["role"] not in _SYSTEM), len(messages))
    system = [block for i in range(leading) for block in _blocks(f"messages[{i}]", messages[i])]
    members = {
        "model": chat["model"],
        "max_tokens": _token_limit(chat),
        "system": system or None,
        "messages": list(_messages(messages, leading)),
        "stop_sequences": _stop(chat.get("stop")),
        "stream": chat.get("stream"),
        "tools": [_tool(f"tools[{i}]", tool) for i, tool in enumerate(chat.get("tools") or ())] or None,
        "tool_choice": _tool_choice(chat),
    }
    return {name: value for name, value in members.items() if value is not None}


def _token_limit(chat: Members) -> int | None:
    given = [chat[name] for name in ("max_completion_tokens", "max_tokens") if chat.get(name) is not None]
    if len(set(given)) > 1:
        raise request_loss("max_tokens", "max_completion_tokens says another number")
    return given[0] if given else None


def _stop(stop: object) -> object:
    return [stop] if isinstance(stop, str) else stop


def _messages(messages: list[Members], leading: int) -> Iterator[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    for number in range(leading, len(messages)):
        place, message = f"messages[{number}]", messages[number]
        check(TABLE["chat message"], f"{place}.", message, request_loss)
        if message["role"] == "tool":
            results.append(_result(place, message))
            continue
        if results:
            yield {"role": "user", "content": results}
            results = []
        yield _message(place, message)
    if results:
        yield {"role": "user", "content": results}


def _message(place: str, message: Members) -> dict[str, Any]:
    role = "system" if message["role"] in _SYSTEM else message["role"]
    calls = message.get("tool_calls") or ()
    if calls and role != "assistant":
        raise request_loss(f"{place}.tool_calls", "only a turn of the model calls tools")
    if not calls and isinstance(message.get("content"), str):
        return {"role": role, "content": message["content"]}
    blocks = [block for block in _blocks(place, message) if block["text"] or not calls]
    return {"role": role, "content": blocks + [_call(f"{place}.tool_calls[{i}]", c) for i, c in enumerate(calls)]}


def _blocks(place: str, message: Members) -> list[dict[str, Any]]:
    check(TABLE["chat message"], f"{place}.", message, request_loss)
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [_part(f"{place}.content[{i}]", part) for i, part in enumerate(content or ())]


def _part(place: str, part: Members) -> dict[str, Any]:
    if part["type"] != "text":
        raise request_loss(place, f"a part of the type {part['type']!r} is no text")
    check(TABLE["chat part"], f"{place}.", part, request_loss)
    return {"type": "text", "text": part["text"]}


def _result(place: str, message: Members) -> dict[str, Any]:
    call = message.get("tool_call_id")
    if not isinstance(call, str):
        raise request_loss(f"{place}.tool_call_id", "a result names the call it answers")
    content = message.get("content")
    blocks = content if isinstance(content, str) else _blocks(place, message)
    return {"type": "tool_result", "tool_use_id": call, "content": blocks}


def _call(place: str, call: object) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict) or not isinstance(call.get("id"), str):
        raise request_loss(place, "it is no call of a function with an id")
    if call.get("type", "function") != "function":
        raise request_loss(f"{place}.type", "only functions are translated")
    check(TABLE["chat tool call"], f"{place}.", call, request_loss)
    check(TABLE["chat called function"], f"{place}.function.", function, request_loss)
    try:
        arguments = read_object(str(function.get("arguments")).encode()) if function.get("arguments") else {}
    except (DialectError, UnicodeEncodeError) as error:
        raise request_loss(f"{place}.function.arguments", "it is no JSON object") from error
    return {"type": "tool_use", "id": call["id"], "name": function.get("name"), "input": arguments}


def _tool(place: str, tool: Members) -> dict[str, Any]:
    function = tool["function"]
    check(TABLE["chat tool"], f"{place}.", tool, request_loss)
    check(TABLE["chat function"], f"{place}.function.", function, request_loss)
    members = {
        "name": function["name"],
        "description": function.get("description"),
        "input_schema": function.get("parameters") or NO_PARAMETERS,
        "strict": function.get("strict"),
    }
    return {name: value for name, value in members.items() if value is not None}


def _tool_choice(chat: Members) -> dict[str, Any] | None:
    choice = chat.get("tool_choice")
    alone = {"disable_parallel_tool_use": True} if chat.get("parallel_tool_calls") is False else {}
    if not chat.get("tools"):
        if choice not in (None, "auto", "none"):
            raise request_loss("tool_choice", "there are no tools")
        return None
    if choice is None:
        return {"type": "auto", **alone} if alone else None
    if isinstance(choice, str) and choice in _CHOICES:
        return {"type": _CHOICES[choice], **({} if choice == "none" else alone)}
    name = choice.get("function", {}).get("name") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or choice != {"type": "function", "function": {"name": name}}:
        raise request_loss("tool_choice", "it is none of auto, none, required and one function")
    return {"type": "tool", "name": name, **alone}

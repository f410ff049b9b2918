"""A messages request as a chat-completions request."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from safeconduct.gateway.dialects.translation.rows import check, request_loss
from safeconduct.gateway.dialects.translation.table import TABLE

Members = Mapping[str, Any]

_CHOICES: Mapping[str, str] = {"auto": "auto", "none": "none", "any": "required"}


def to_chat(messages: Members) -> dict[str, Any]:
    """Returns the chat request that says the same. The messages request was read, and its shape is right.

    Raises:
        DialectError: `not-translatable`, with the member in `param`.
    """
    check(TABLE["messages request"], "", messages, request_loss)
    members = {
        "model": messages["model"],
        "messages": [*_system(messages.get("system")), *_messages(messages["messages"])],
        "max_completion_tokens": messages.get("max_tokens"),
        "stop": messages.get("stop_sequences"),
        "stream": messages.get("stream"),
        "stream_options": {"include_usage": True} if messages.get("stream") else None,
        "tools": [_tool(f"tools[{i}]", tool) for i, tool in enumerate(messages.get("tools") or ())] or None,
        **_tool_choice(messages.get("tool_choice")),
    }
    return {name: value for name, value in members.items() if value is not None}


def _system(system: object) -> Iterator[dict[str, Any]]:
    if isinstance(system, str):
        yield {"role": "system", "content": system}
    elif isinstance(system, list):
        for part in _parts("system", system):
            yield {"role": "system", "content": part["text"]}


def _messages(messages: list[Members]) -> Iterator[dict[str, Any]]:
    for number, message in enumerate(messages):
        place = f"messages[{number}]"
        check(TABLE["messages message"], f"{place}.", message, request_loss)
        role, content = message["role"], message["content"]
        if isinstance(content, str):
            yield {"role": role, "content": content}
        elif role == "assistant":
            yield _turn(f"{place}.content", content)
        else:
            yield from _said(f"{place}.content", role, content)


def _said(place: str, role: str, blocks: list[Members]) -> Iterator[dict[str, Any]]:
    results = next((i for i, block in enumerate(blocks) if block["type"] != "tool_result"), len(blocks))
    if results and role != "user":
        raise request_loss(place, "only the user's turn holds results")
    for number in range(results):
        yield _result(f"{place}[{number}]", blocks[number])
    if results < len(blocks) or not blocks:
        yield {"role": role, "content": _parts(place, blocks, start=results)}


def _turn(place: str, blocks: list[Members]) -> dict[str, Any]:
    calls = next((i for i, block in enumerate(blocks) if block["type"] == "tool_use"), len(blocks))
    parts = _parts(place, blocks[:calls])
    if calls == len(blocks):
        return {"role": "assistant", "content": parts}
    content = parts[0]["text"] if len(parts) == 1 else parts or None
    return {"role": "assistant", "content": content, "tool_calls": list(_calls(place, blocks, calls))}


def _calls(place: str, blocks: list[Members], first: int) -> Iterator[dict[str, Any]]:
    for number in range(first, len(blocks)):
        block, where = blocks[number], f"{place}[{number}]"
        if block["type"] != "tool_use":
            raise request_loss(where, "after a tool call only tool calls can be said")
        check(TABLE["messages tool_use block"], f"{where}.", block, request_loss)
        yield called(block["id"], block["name"], msgspec.json.encode(block["input"]).decode())


def called(call: str, name: str, arguments: str) -> dict[str, Any]:
    """Returns a tool call as chat says it."""
    return {"id": call, "type": "function", "function": {"name": name, "arguments": arguments}}


def _parts(place: str, blocks: list[Members], *, start: int = 0) -> list[dict[str, Any]]:
    parts = []
    for number in range(start, len(blocks)):
        block, where = blocks[number], f"{place}[{number}]"
        if block["type"] != "text":
            raise request_loss(where, f"a block of the type {block['type']!r} cannot be said here")
        check(TABLE["messages text block"], f"{where}.", block, request_loss)
        parts.append({"type": "text", "text": block["text"]})
    return parts


def _result(place: str, block: Members) -> dict[str, Any]:
    check(TABLE["messages tool_result block"], f"{place}.", block, request_loss)
    content = block.get("content") or ""
    text = content if isinstance(content, str) else _parts(f"{place}.content", content)
    return {"role": "tool", "tool_call_id": block["tool_use_id"], "content": text}


def _tool(place: str, tool: Members) -> dict[str, Any]:
    check(TABLE["messages tool"], f"{place}.", tool, request_loss)
    function = {
        "name": tool["name"],
        "description": tool.get("description"),
        "parameters": tool["input_schema"],
        "strict": tool.get("strict"),
    }
    return {"type": "function", "function": {name: value for name, value in function.items() if value is not None}}


def _tool_choice(choice: Members | None) -> dict[str, Any]:
    if choice is None:
        return {}
    check(TABLE["messages tool choice"], "tool_choice.", choice, request_loss)
    alone = {"parallel_tool_calls": False} if choice.get("disable_parallel_tool_use") else {}
    if choice.get("type") == "tool":
        return {"tool_choice": {"type": "function", "function": {"name": choice.get("name")}}, **alone}
    if choice.get("type") not in _CHOICES:
        raise request_loss("tool_choice.type", "it is none of auto, none, any and tool")
    return {"tool_choice": _CHOICES[choice["type"]], **alone}

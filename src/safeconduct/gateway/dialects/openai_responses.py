"""Step 3 for OpenAI's responses: the vendor keeps a response by default, so what is absent is set to `store: false`."""

from collections.abc import Mapping
from typing import Any

from safeconduct.gateway.dialects.called import called_with
from safeconduct.gateway.dialects.fields import (
    GOES_ON,
    KEEPS_CALL,
    KEEPS_HISTORY,
    ORDINARY_TIERS,
    OURS_TO_SAY,
    Vocabulary,
    flag,
    largest,
    messages_of,
    model_name,
    read_fields,
    unknown,
)
from safeconduct.gateway.dialects.model import ModelRequest, Shapes
from safeconduct.gateway.dialects.openai_parts import check_content
from safeconduct.gateway.dialects.openai_tools import read_tools
from safeconduct.gateway.errors import DialectError

TOKEN_LIMIT = "max_output_tokens"  # noqa: S105 - the field that is filled in where a request sets no limit
ECHOES = 4
"""How often a stream's events repeat instructions and tools: created, in progress, completed, and room for one."""

_ROLES = ("user", "system", "developer", "assistant")  # not a set: a role may be sent as a list
_PARTS = frozenset(("input_text", "output_text", "refusal", "input_image", "input_file"))
_SUMMARY = frozenset(("summary_text",))
_THOUGHT = frozenset(("reasoning_text", "summary_text"))
_STRUCTURED_WORDS = "input metadata client_metadata reasoning text tools tool_choice stream_options include"
_VOCABULARY = Vocabulary(
    plain=frozenset(("model", "stream", "instructions", "user", TOKEN_LIMIT, "max_tool_calls", "truncation")),
    structured=frozenset(_STRUCTURED_WORDS.split()),
    refused={
        "previous_response_id": KEEPS_HISTORY,
        "conversation": KEEPS_HISTORY,
        "prompt": KEEPS_HISTORY,
        "context_management": KEEPS_HISTORY,
        "background": GOES_ON,
        "background_options": GOES_ON,
        "store": KEEPS_CALL,
        "safety_identifier": OURS_TO_SAY,
        "access_programs": OURS_TO_SAY,
        "moderation": OURS_TO_SAY,
    },
    only={"service_tier": (ORDINARY_TIERS, "service-tier-not-allowed")},
)
_KEPT = ("previous_response_id", "conversation", "store")
"""What a path with `history: true` lets through."""


def read_response(body: bytes, shapes: Shapes) -> ModelRequest:
    """Reads a request body.

    Raises:
        DialectError: the bytes are no JSON that every reader reads alike, or hold a shape this dialect does not take.
    """
    fields, texts = read_fields(body)
    _VOCABULARY.check(fields, allowed=_KEPT if shapes.history else ())
    tools, provided = read_tools(fields, shapes, nested=False)
    _check_include(fields.get("include", []))
    _check_client(fields.get("client_metadata", {}))
    return ModelRequest(
        body=body,
        model=model_name(fields),
        stream=flag(fields, "stream"),
        output_tokens=largest(fields, (TOKEN_LIMIT,)),
        limits_itself=TOKEN_LIMIT in fields,
        tools=tools,
        texts=texts,
        arguments=called_with(fields.get("input")),
        media=_check_input(fields.get("input"), shapes),
        limit_field=TOKEN_LIMIT,
        sets={} if flag(fields, "store") or fields.get("store") is False else {"store": b"false"},
        provider_tools=tuple(sorted(provided)),
        answer_bytes=ECHOES * len(body),
    )


def _check_include(wanted: object) -> None:
    if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
        raise DialectError("include must be a list of names", code="unknown-shape", param="include")


def _check_client(said: object) -> None:
    """What a coding agent says of itself: texts by name."""
    if not isinstance(said, dict) or not all(isinstance(one, str) for one in said.values()):
        raise DialectError("client_metadata must hold texts", code="unknown-shape", param="client_metadata")


def _check_input(given: object, shapes: Shapes) -> tuple[str, ...]:
    if isinstance(given, str):
        return ()
    media: set[str] = set()
    for number, item in enumerate(messages_of(given, "input")):
        media |= _check_item(f"input[{number}]", item, shapes)
    return tuple(sorted(media))


def _check_item(place: str, item: object, shapes: Shapes) -> set[str]:
    """Each kind of item has its reading: which of its members hold parts, and that no other holds more than a value."""
    if not isinstance(item, dict):
        raise DialectError(f"{place} must be an object", code="unknown-shape", param=place)
    kind = item.get("type") or ("message" if "role" in item else "item_reference")
    if kind == "item_reference":
        text = f"{place} names an item that the upstream keeps"
        raise DialectError(text, code=KEEPS_HISTORY[0], param=place, remedy="send the item itself")
    if isinstance(kind, str) and kind.removesuffix("_call") in shapes.provider_tools and kind.endswith("_call"):
        return set()
    parts = _ITEMS.get(kind) if isinstance(kind, str) else None
    if parts is None:
        raise DialectError(f"{place} is of no known type", code="unknown-shape", param=place)
    if kind == "message" and item.get("role") not in _ROLES:
        text = f"{place} must have a role of {sorted(_ROLES)}"
        raise DialectError(text, code="unknown-shape", param=place)
    if kind == "function_call" and not (isinstance(item.get("name"), str) and isinstance(item.get("arguments"), str)):
        raise DialectError(f"{place} must have a name and arguments", code="unknown-shape", param=place)
    _check_plain(place, item, parts)
    found = [check_content(f"{place}.{name}", item.get(name), shapes, kinds) for name, kinds in parts.items()]
    return set().union(*found)


def _check_plain(place: str, item: Mapping[str, Any], parts: Mapping[str, frozenset[str]]) -> None:
    for name, value in item.items():
        if isinstance(value, dict | list) and name not in parts:
            raise unknown(f"{place}.{name}")


# The items of a conversation, and which of their members hold parts of which kinds.
_ITEMS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "message": {"content": _PARTS},
    "function_call": {},
    "function_call_output": {"output": frozenset(("input_text", "input_image", "input_file"))},
    "reasoning": {"summary": _SUMMARY, "content": _THOUGHT},
}

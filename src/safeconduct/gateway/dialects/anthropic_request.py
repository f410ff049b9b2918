"""Step 3 for Anthropic's messages and the counting of their tokens: every shape without a reading is refused.

Read after the Messages API as the official SDK 2.12 types it. Blocks stand in `anthropic_blocks`.
"""

from collections.abc import Mapping
from typing import Any

from safeconduct.gateway.dialects.anthropic_blocks import check_content
from safeconduct.gateway.dialects.anthropic_tools import check_tool_use, read_tools
from safeconduct.gateway.dialects.called import called_with
from safeconduct.gateway.dialects.fields import (
    KEEPS_HISTORY,
    OURS_TO_SAY,
    Vocabulary,
    flag,
    messages_of,
    model_name,
    read_fields,
    unknown,
)
from safeconduct.gateway.dialects.model import ModelRequest, Shapes
from safeconduct.gateway.errors import DialectError

VERSIONS = frozenset(("2023-06-01", "2026-10-21"))
"""The versions of the dialect that are read. The later one refuses more, and means nothing else by the same names."""

BETAS = frozenset(
    (
        "context-1m-2025-08-07",
        "extended-cache-ttl-2025-04-11",
        "fine-grained-tool-streaming-2025-05-14",
        "interleaved-thinking-2025-05-14",
        "model-context-window-exceeded-2025-08-26",
        "output-128k-2025-02-19",
        "output-300k-2026-03-24",
        "pdfs-2024-09-25",
        "prompt-caching-2024-07-31",
        "structured-outputs-2025-11-13",
        "thinking-token-count-2026-05-13",
        "token-counting-2024-11-01",
        "token-efficient-tools-2025-02-19",
    )
)
"""The `anthropic-beta` names that go on: none lets the vendor act, fetch, keep or reroute."""

TOKEN_LIMIT = "max_tokens"  # noqa: S105 - the field that is filled in where a request sets no limit
_ROLES = ("user", "assistant", "system")  # not a set: a role may be sent as a list
_ROUTED = ("unknown-shape", "lets another model or region answer than the path names")
_HISTORY = ("diagnostics", "thread", "compaction", "context_management")
_PROVIDER_FIELDS: Mapping[str, str] = {"container": "code_execution", "mcp_servers": "mcp"}
_STRUCTURED_WORDS = (
    "messages system tools tool_choice metadata thinking stop_sequences output_config cache_control"
    " container mcp_servers"
)
_VOCABULARY = Vocabulary(
    plain=frozenset(("model", "stream", TOKEN_LIMIT)),
    structured=frozenset(_STRUCTURED_WORDS.split()),
    refused={
        **dict.fromkeys(_HISTORY, KEEPS_HISTORY),
        **dict.fromkeys(("user_profile_id", "workspace_id", "billing_policy", "fallback_credit_token"), OURS_TO_SAY),
        **dict.fromkeys(("fallbacks", "inference_geo"), _ROUTED),
    },
    only={
        "speed": (("standard",), "service-tier-not-allowed"),
        "service_tier": (("auto", "standard_only"), "service-tier-not-allowed"),
    },
)


def read_messages(body: bytes, shapes: Shapes) -> ModelRequest:
    """Reads the body of a messages request.

    Raises:
        DialectError: the bytes are no JSON that every reader reads alike, or hold a shape this dialect does not take.
    """
    fields, found = _fields(body, shapes)
    return _request(
        body,
        fields,
        found,
        shapes,
        stream=flag(fields, "stream"),
        output_tokens=_output_tokens(fields),
        limits_itself=TOKEN_LIMIT in fields,
    )


def read_count(body: bytes, shapes: Shapes) -> ModelRequest:
    """Reads the body of a request to count tokens: a messages request that makes the model write nothing.

    Raises:
        DialectError: as `read_messages`, or the request asks for an answer.
    """
    fields, found = _fields(body, shapes)
    asked = next((name for name in ("stream", TOKEN_LIMIT) if name in fields), None)
    if asked is not None:
        raise DialectError(f"{asked} has no meaning when tokens are counted", code="unknown-shape", param=asked)
    return _request(body, fields, found, shapes, stream=False, output_tokens=0, limits_itself=True)


def _fields(body: bytes, shapes: Shapes) -> tuple[dict[str, Any], tuple[str, ...]]:
    fields, found = read_fields(body)
    _VOCABULARY.check(fields, allowed=_HISTORY if shapes.history else ())
    for name in _PROVIDER_FIELDS.keys() & fields.keys():
        check_tool_use(name, _PROVIDER_FIELDS[name], shapes)
    metadata = fields.get("metadata", {})
    if not isinstance(metadata, dict) or not set(metadata) <= {"user_id"}:
        raise DialectError("metadata may hold user_id alone", code="unknown-shape", param="metadata")
    return fields, found


def _request(
    body: bytes,
    fields: Mapping[str, Any],
    found: tuple[str, ...],
    shapes: Shapes,
    *,
    stream: bool,
    output_tokens: int | None,
    limits_itself: bool,
) -> ModelRequest:
    media = set(check_content("system", fields.get("system", ""), shapes))
    media.update(_check_messages(fields.get("messages"), shapes))
    offered = read_tools(fields, shapes)
    return ModelRequest(
        body=body,
        model=model_name(fields),
        stream=stream,
        output_tokens=output_tokens,
        limits_itself=limits_itself,
        tools=offered.functions,
        provider_tools=offered.provider,
        texts=found,
        arguments=called_with(fields.get("messages")),
        media=tuple(sorted(media)),
        limit_field=TOKEN_LIMIT,
    )


def _check_messages(messages: object, shapes: Shapes) -> set[str]:
    media: set[str] = set()
    for number, message in enumerate(messages_of(messages)):
        place = f"messages[{number}]"
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            text = f"{place} must be an object with a role of {sorted(_ROLES)}"
            raise DialectError(text, code="unknown-shape", param=place)
        for name, value in message.items():
            if isinstance(value, dict | list) and name != "content":
                raise unknown(f"{place}.{name}")
        media.update(check_content(f"{place}.content", message.get("content"), shapes))
    return media


def _output_tokens(fields: Mapping[str, Any]) -> int | None:
    """Returns the most tokens that the request may make the model write, thinking among them."""
    thinking = fields.get("thinking", {})
    if not isinstance(thinking, dict) or any(isinstance(value, dict | list) for value in thinking.values()):
        raise unknown("thinking")
    asked = {TOKEN_LIMIT: fields.get(TOKEN_LIMIT), "thinking.budget_tokens": thinking.get("budget_tokens")}
    given = {name: value for name, value in asked.items() if value is not None}
    for name, value in given.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise DialectError(f"{name} must be a whole number from 0", code="unknown-shape", param=name)
    return max(given.values(), default=None)

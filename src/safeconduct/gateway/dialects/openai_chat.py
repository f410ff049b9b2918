"""Step 3: reads a request in the OpenAI chat-completions dialect, and refuses every shape it has no reading for."""

from collections.abc import Mapping
from typing import Any

import msgspec

from safeconduct.gateway.dialects.called import called_with
from safeconduct.gateway.dialects.fields import (
    ACTS_OUTSIDE,
    GOES_ON,
    KEEPS_CALL,
    KEEPS_HISTORY,
    NESTED,
    ORDINARY_TIERS,
    OURS_TO_SAY,
    SOUND,
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
from safeconduct.gateway.dialects.openai_tools import check_called, read_tools
from safeconduct.gateway.errors import DialectError

TOKEN_LIMIT = "max_completion_tokens"  # noqa: S105 - the field that is filled in where a request sets no limit
_TOKEN_LIMITS = (TOKEN_LIMIT, "max_tokens", "max_new_tokens", "n_predict", "num_predict", "min_tokens")
_ROLES = ("system", "developer", "user", "assistant", "tool")  # not a set: a role may be sent as a list
_PLAIN_MEMBERS = 2  # of a message that has a role and a text
_TEXT = frozenset(("text",))
_PARTS = _TEXT | {"refusal", "image_url", "file"}
_ONE = ((1,), "choices-not-allowed")  # limits count one answer a call
_STRUCTURED_WORDS = (
    "messages response_format stop logit_bias metadata stream_options prediction tools tool_choice"
    " chat_template_kwargs guided_choice guided_json json_schema structured_outputs samplers"
)
_PLAIN_WORDS = "model stream user temperature top_p seed presence_penalty frequency_penalty parallel_tool_calls"
_VOCABULARY = Vocabulary(
    plain=frozenset((*_TOKEN_LIMITS, *_PLAIN_WORDS.split())),
    structured=frozenset(_STRUCTURED_WORDS.split()),
    refused={
        "previous_response_id": KEEPS_HISTORY,
        "conversation": KEEPS_HISTORY,
        "background": GOES_ON,
        "store": KEEPS_CALL,
        "web_search_options": ACTS_OUTSIDE,
        "functions": ("tools-not-allowed", "is the former spelling of tools"),
        "function_call": ("tools-not-allowed", "is the former spelling of tool_choice"),
        "audio": SOUND,
        "lora": ("unknown-shape", "changes the model that the path names"),
        "id_slot": ("unknown-shape", "picks a cache that other callers share"),
        "slot_id": ("unknown-shape", "picks a cache that other callers share"),
        "safety_identifier": OURS_TO_SAY,
        "access_programs": OURS_TO_SAY,
        "moderation": OURS_TO_SAY,
    },
    only={
        "n": _ONE,
        "best_of": _ONE,
        "n_cmpl": _ONE,
        "num_return_sequences": _ONE,
        "modalities": ((["text"],), "content-not-allowed"),
        "service_tier": (ORDINARY_TIERS, "service-tier-not-allowed"),
    },
)


def read_chat(body: bytes, shapes: Shapes) -> ModelRequest:
    """Reads a request body.

    Raises:
        DialectError: the bytes are no JSON that every reader reads alike, or hold a shape this dialect does not take.
    """
    fields, texts = read_fields(body)
    _VOCABULARY.check(fields, allowed=("store",) if shapes.history else ())
    media = _check_messages(fields.get("messages"), shapes)
    _check_prediction(fields.get("prediction"), shapes)
    tools, _ = read_tools(fields, shapes, nested=True)
    stream = flag(fields, "stream")
    return ModelRequest(
        body=body,
        model=model_name(fields),
        stream=stream,
        output_tokens=largest(fields, _TOKEN_LIMITS),
        limits_itself=TOKEN_LIMIT in fields or "max_tokens" in fields,
        tools=tools,
        texts=texts,
        arguments=called_with(fields.get("messages")),
        media=media,
        limit_field=TOKEN_LIMIT,
        sets=_usage_asked(fields.get("stream_options", {})) if stream else {},
    )


def _usage_asked(options: object) -> Mapping[str, bytes]:
    """A stream tells its tokens only if it is asked to, and without them nothing can be settled."""
    if not isinstance(options, dict):
        raise DialectError("stream_options must be an object", code="unknown-shape", param="stream_options")
    if flag(options, "include_usage"):
        return {}
    return {"stream_options": msgspec.json.encode(options | {"include_usage": True})}


def _check_messages(messages: object, shapes: Shapes) -> tuple[str, ...]:
    media: set[str] = set()
    for number, message in enumerate(messages_of(messages)):
        if _is_plain(message):
            continue
        media |= _check_message(f"messages[{number}]", message, shapes)
    return tuple(sorted(media))


def _is_plain(message: object) -> bool:
    """Tells whether a message is somebody's text and nothing else, as most are."""
    return (
        isinstance(message, dict)
        and len(message) == _PLAIN_MEMBERS
        and message.get("role") in _ROLES
        and isinstance(message.get("content"), str)
    )


def _check_prediction(prediction: object, shapes: Shapes) -> None:
    if prediction is None:
        return
    if not isinstance(prediction, dict) or not prediction.keys() <= {"type", "content"}:
        raise unknown("prediction")
    check_content("prediction.content", prediction.get("content"), shapes, _TEXT)


def _check_message(place: str, message: object, shapes: Shapes) -> set[str]:
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        raise DialectError(
            f"{place} must be an object with a role of {sorted(_ROLES)}", code="unknown-shape", param=place
        )
    for name, value in message.items():
        if name in ("function_call", "audio") and value is not None:
            raise DialectError(f"{place}.{name} is not taken", code="content-not-allowed", param=f"{place}.{name}")
        if isinstance(value, NESTED) and name not in ("content", "tool_calls"):
            raise unknown(f"{place}.{name}")
    _check_calls(f"{place}.tool_calls", message.get("tool_calls"))
    return check_content(f"{place}.content", message.get("content"), shapes, _PARTS)


def _check_calls(place: str, calls: Any) -> None:  # noqa: ANN401 - a value out of JSON
    if not isinstance(calls, list | None):
        raise DialectError(f"{place} must be a list", code="unknown-shape", param=place)
    for number, call in enumerate(calls or ()):
        check_called(f"{place}[{number}]", call)

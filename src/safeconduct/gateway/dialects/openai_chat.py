"""Step 3: reads a request in the OpenAI chat-completions dialect, and refuses every shape it has no reading for."""

from collections.abc import Mapping
from typing import Any

from safeconduct.gateway import limits
from safeconduct.gateway.dialects.model import ModelRequest, Shapes
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.strict_json import read_object, texts

TOKEN_LIMIT = "max_completion_tokens"  # noqa: S105 - the field that is filled in where a request sets no limit
_TOKEN_LIMITS = (TOKEN_LIMIT, "max_tokens", "max_new_tokens", "n_predict", "num_predict", "min_tokens")
_CHOICES = ("n", "best_of", "n_cmpl", "num_return_sequences")
_ROLES = frozenset(("system", "developer", "user", "assistant", "tool"))
_TEXT_PARTS = frozenset(("text", "refusal"))
# Objects and lists that we know the meaning of. An unknown one could hold tools, documents or other models.
_STRUCTURED_WORDS = (
    "messages response_format stop logit_bias metadata stream_options prediction modalities tools tool_choice"
    " chat_template_kwargs guided_choice guided_json json_schema structured_outputs samplers"
)
_STRUCTURED = frozenset(_STRUCTURED_WORDS.split())
_REFUSED: Mapping[str, tuple[str, str]] = {
    "previous_response_id": (
        "history-out-of-sight",
        "keeps the conversation at the upstream, where no entry covers it",
    ),
    "conversation": ("history-out-of-sight", "keeps the conversation at the upstream, where no entry covers it"),
    "background": ("background-not-allowed", "goes on after the call's outcome is recorded"),
    "store": ("store-not-allowed", "keeps the call at the upstream beyond its answer"),
    "web_search_options": ("provider-side-tool", "lets the upstream act outside the call"),
    "functions": ("tools-not-allowed", "is the former spelling of tools"),
    "function_call": ("tools-not-allowed", "is the former spelling of tool_choice"),
    "audio": ("content-not-allowed", "asks for or names sound, which nothing here inspects"),
    "lora": ("unknown-shape", "changes the model that the path names"),
    "id_slot": ("unknown-shape", "picks a cache that other callers share"),
    "slot_id": ("unknown-shape", "picks a cache that other callers share"),
}
_MEDIA = frozenset(("image_url", "input_image", "image"))


def _spelling(name: str) -> str:
    # Some readers take `Tools`, `maxTokens` or `tool\u017f` for ours: Go folds case, protobuf reads camel case.
    return name.casefold().replace("_", "").replace("-", "")


_NAMES = frozenset(("model", "stream", *_TOKEN_LIMITS, *_CHOICES, *_STRUCTURED, *_REFUSED))
_SPELLINGS = frozenset(map(_spelling, _NAMES))


def read_chat(body: bytes, shapes: Shapes) -> ModelRequest:  # noqa: ARG001 - no shape beyond text has a reading yet
    """Reads a request body.

    Raises:
        DialectError: the bytes are no JSON that every reader reads alike, or hold a shape this dialect does not take.
    """
    document = read_object(body)
    found = texts(document)
    fields = {name: value for name, value in document.items() if value is not None}
    for name, value in fields.items():
        _check_field(name, value)
    _check_messages(fields.get("messages"))
    return ModelRequest(
        body=body,
        model=_model(fields),
        stream=_stream(fields),
        output_tokens=_output_tokens(fields),
        limits_itself=TOKEN_LIMIT in fields or "max_tokens" in fields,
        tools=_tools(fields),
        texts=tuple(found),
        limit_field=TOKEN_LIMIT,
    )


def _check_field(name: str, value: object) -> None:
    if name in _REFUSED and value not in (False, []):
        code, why = _REFUSED[name]
        raise DialectError(f"{name} is not taken: it {why}", code=code, param=name, remedy=f"leave {name} out")
    if name not in _NAMES and _spelling(name) in _SPELLINGS:
        raise DialectError(f"{name[:64]!r} reads like another field", code="ambiguous-name", param=name[:64])
    if isinstance(value, dict | list) and name not in _STRUCTURED and name not in _REFUSED:
        raise DialectError(
            f"{name[:64]!r} is not a field of this dialect; unknown fields may be text, numbers or true and false",
            code="unknown-shape",
            param=name[:64],
        )
    if name in _CHOICES and value != 1:
        raise DialectError(f"{name} must be 1: limits count one answer a call", code="choices-not-allowed", param=name)
    if name == "modalities" and value != ["text"]:
        raise DialectError('modalities must be ["text"]', code="content-not-allowed", param=name)


def _check_messages(messages: object) -> None:
    if not isinstance(messages, list) or not messages:
        raise DialectError(
            "messages must be a list with at least one message", code="messages-missing", param="messages"
        )
    if len(messages) > limits.MESSAGES_MAX:
        text = f"a request may hold {limits.MESSAGES_MAX} messages, got {len(messages)}"
        raise DialectError(text, code="too-many-messages", param="messages")
    for number, message in enumerate(messages):
        _check_message(f"messages[{number}]", message)


def _check_message(place: str, message: object) -> None:
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        raise DialectError(
            f"{place} must be an object with a role of {sorted(_ROLES)}", code="unknown-shape", param=place
        )
    for name, value in message.items():
        if name in ("function_call", "audio") and value is not None:
            raise DialectError(f"{place}.{name} is not taken", code="content-not-allowed", param=f"{place}.{name}")
        if isinstance(value, dict | list) and name not in ("content", "tool_calls"):
            raise DialectError(f"{place}.{name[:64]} is not known", code="unknown-shape", param=f"{place}.{name[:64]}")
    content = message.get("content")
    if isinstance(content, list):
        for number, part in enumerate(content):
            _check_part(f"{place}.content[{number}]", part)
    elif not isinstance(content, str | None):
        raise DialectError(f"{place}.content must be text or parts", code="unknown-shape", param=f"{place}.content")


def _check_part(place: str, part: object) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in _MEDIA:
        raise DialectError(f"{place} is an image; this path takes text", code="images-not-allowed", param=place)
    if not isinstance(part, dict) or kind not in _TEXT_PARTS or not isinstance(part.get(kind), str):
        raise DialectError(f"{place} must be a part of type text", code="content-not-allowed", param=place)
    if any(isinstance(value, dict | list) for value in part.values()):
        raise DialectError(f"{place} holds more than text", code="unknown-shape", param=place)


def _model(fields: Mapping[str, Any]) -> str:
    model = fields.get("model")
    if not isinstance(model, str) or not 0 < len(model.encode()) <= limits.MODEL_NAME_BYTES_MAX:
        text = f"model must be a name of 1 to {limits.MODEL_NAME_BYTES_MAX} bytes"
        raise DialectError(text, code="model-missing", param="model")
    return model


def _stream(fields: Mapping[str, Any]) -> bool:
    stream = fields.get("stream", False)
    if not isinstance(stream, bool):
        raise DialectError("stream must be true or false", code="unknown-shape", param="stream")
    return stream


def _output_tokens(fields: Mapping[str, Any]) -> int | None:
    given = {name: fields[name] for name in _TOKEN_LIMITS if name in fields}
    for name, value in given.items():
        least = 0 if name == "min_tokens" else 1
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise DialectError(f"{name} must be a whole number from {least}", code="unknown-shape", param=name)
    return max(given.values(), default=None)


def _tools(fields: Mapping[str, Any]) -> tuple[str, ...]:
    tools = fields.get("tools", [])
    if not isinstance(tools, list):
        raise DialectError("tools must be a list", code="unknown-shape", param="tools")
    return tuple(_tool(f"tools[{number}]", tool) for number, tool in enumerate(tools))


def _tool(place: str, tool: object) -> str:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        raise DialectError(
            f"{place} is no function: it lets the upstream act outside the call", code="provider-side-tool", param=place
        )
    function = tool.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str):
        raise DialectError(f"{place} has no name", code="unknown-shape", param=place)
    return name

"""How a caller is told an error: OpenAI's shape, with what `explained` says in it."""

from collections.abc import Mapping

import msgspec

from safeconduct.gateway.dialects.explained import explained
from safeconduct.kernel.errors import Kind, SafeconductError

# The `type` values that clients of the dialect know.
_TYPES: Mapping[Kind, str] = {
    Kind.INVALID: "invalid_request_error",
    Kind.TOO_LARGE: "invalid_request_error",
    Kind.UNAUTHENTICATED: "authentication_error",
    Kind.REFUSED: "permission_error",
    Kind.ABSENT: "not_found_error",
    Kind.CONFLICT: "invalid_request_error",
    Kind.LIMITED: "rate_limit_error",
    Kind.UNAVAILABLE: "server_error",
    Kind.UPSTREAM: "api_error",
}


def error_document(error: SafeconductError, call: str) -> bytes:
    """Returns the body of an error answer. `call` is empty where nobody was identified: then no entry stands for it."""
    return msgspec.json.encode({"error": _told(error, call)})


def error_frame(error: SafeconductError, call: str) -> bytes:
    """Returns the error as an event of a stream that has begun."""
    return b"data: " + error_document(error, call) + b"\n\n"


def error_event(error: SafeconductError, call: str) -> bytes:
    """Returns the error as a typed event of a stream of responses.

    Readers of the event find code and message beside its type; the official client raises on a member `error`.
    """
    told = _told(error, call)
    named = {name: told[name] for name in ("code", "message", "param")}
    event = {"type": "error", "sequence_number": 0, **named, "error": told}
    return b"event: error\ndata: " + msgspec.json.encode(event) + b"\n\n"


def _told(error: SafeconductError, call: str) -> dict[str, str | None]:
    return explained(error, call) | {"type": _TYPES[error.kind]}

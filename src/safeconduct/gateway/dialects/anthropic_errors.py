"""How a caller of Anthropic's dialect is told an error: the vendor's shape, with what `explained` says in it.

The official SDK picks its exception by the HTTP status, and reads `error.type` and `error.details.error_code`.
"""

from collections.abc import Mapping

import msgspec

from safeconduct.gateway.dialects.explained import explained
from safeconduct.kernel.errors import Kind, SafeconductError

_TYPES: Mapping[Kind, str] = {
    Kind.INVALID: "invalid_request_error",
    Kind.TOO_LARGE: "request_too_large",
    Kind.UNAUTHENTICATED: "authentication_error",
    Kind.REFUSED: "permission_error",
    Kind.ABSENT: "not_found_error",
    Kind.CONFLICT: "conflict_error",
    Kind.LIMITED: "rate_limit_error",
    Kind.UNAVAILABLE: "overloaded_error",
    Kind.UPSTREAM: "api_error",
}
_TYPE_BY_CODE: Mapping[str, str] = {"deadline-exceeded": "timeout_error", "upstream-timeout": "timeout_error"}


def error_document(error: SafeconductError, call: str) -> bytes:
    """Returns the body of an error answer. `call` is empty where nobody was identified: then no entry stands for it."""
    return msgspec.json.encode(
        {
            "type": "error",
            "error": explained(error, call)
            | {
                "type": _TYPE_BY_CODE.get(error.code, _TYPES[error.kind]),
                "details": {"error_code": error.code},
            },
            "request_id": call or None,
        }
    )


def error_frame(error: SafeconductError, call: str) -> bytes:
    """Returns the error as an event of a stream that has begun."""
    return b"event: error\ndata: " + error_document(error, call) + b"\n\n"

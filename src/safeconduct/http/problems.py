"""The one place where an error becomes an HTTP answer, and an HTTP answer an error again (RFC 9457)."""

from collections.abc import Mapping
from typing import Any

from safeconduct.kernel.errors import (
    AbsentError,
    ConflictError,
    InvalidInputError,
    Kind,
    LimitedError,
    RefusedError,
    SafeconductError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    UpstreamError,
)

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[Kind, int] = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.REFUSED: 403,
    Kind.ABSENT: 404,
    Kind.CONFLICT: 409,
    Kind.TOO_LARGE: 413,
    Kind.LIMITED: 429,
    Kind.UPSTREAM: 502,
    Kind.UNAVAILABLE: 503,
}

_CLASSES: Mapping[Kind, type[SafeconductError]] = {
    Kind.INVALID: InvalidInputError,
    Kind.UNAUTHENTICATED: UnauthenticatedError,
    Kind.REFUSED: RefusedError,
    Kind.ABSENT: AbsentError,
    Kind.CONFLICT: ConflictError,
    Kind.TOO_LARGE: TooLargeError,
    Kind.LIMITED: LimitedError,
    Kind.UPSTREAM: UpstreamError,
    Kind.UNAVAILABLE: UnavailableError,
}

_TITLES = {kind.value: kind for kind in Kind}


def problem(error: SafeconductError) -> dict[str, Any]:
    """Returns the problem document: `code` is stable, `clause` names what decided, `remedy` what to do."""
    document: dict[str, Any] = {
        "type": f"urn:safeconduct:error:{error.code}",
        "title": error.kind.value,
        "status": STATUS[error.kind],
        "detail": error.message,
        "code": error.code,
    }
    if error.clause:
        document["clause"] = error.clause
    if error.remedy:
        document["remedy"] = error.remedy
    return document


def error_of(document: Mapping[str, Any]) -> SafeconductError:
    """Returns the error that a problem document stands for: `unavailable` where its title is none of ours."""
    kind = _TITLES.get(str(document.get("title")), Kind.UNAVAILABLE)
    return _CLASSES[kind](
        str(document.get("detail", "the server gave no detail")),
        code=str(document.get("code", kind.value)),
        clause=str(document.get("clause", "")),
        remedy=str(document.get("remedy", "")),
    )

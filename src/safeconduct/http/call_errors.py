"""Whole answers of the inference routes, and errors in the shape of their dialects."""

from collections.abc import Mapping

from safeconduct.gateway.dialects.model import Dialect
from safeconduct.http.asgi import Send
from safeconduct.http.problems import STATUS
from safeconduct.kernel.errors import LimitedError, SafeconductError

_STATUS_BY_CODE: Mapping[str, int] = {
    "deadline-exceeded": 504,
    "upstream-timeout": 504,
    "wrong-content-type": 415,
    "content-encoding-not-taken": 415,
    "method-not-allowed": 405,
    "request-timeout": 408,
}
JSON = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
"""Headers of an answer that is JSON."""


async def answer_error(
    send: Send,
    error: SafeconductError,
    dialect: Dialect,
    call: str = "",
    headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    """Tells an error as the dialect does. `call` is its entry's id, `headers` what is told besides."""
    status = _STATUS_BY_CODE.get(error.code, STATUS[error.kind])
    retry = _retry(error) if isinstance(error, LimitedError) else ()
    await answer(send, status, dialect.error(error, call), [*JSON, *retry, *(headers or ())])


def _retry(error: LimitedError) -> list[tuple[bytes, bytes]]:
    """Says when to ask again. Clients that do so by themselves must not where a budget is used up."""
    found = [] if error.retry_after_s is None else [(b"retry-after", b"%d" % error.retry_after_s)]
    return [*found, (b"x-should-retry", b"false")] if error.code == "budget-exhausted" else found


async def answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Answers whole. The headers lack only the length."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})

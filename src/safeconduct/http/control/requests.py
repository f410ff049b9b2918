"""What a request of the control API holds: a secret, an act signed over it, a body of bounded length."""

import hmac
from collections.abc import Callable

from fastapi import Request

from safeconduct.http.acts import HEADER, content_of, operation_of
from safeconduct.kernel.errors import TooLargeError, UnauthenticatedError
from safeconduct.ledger.acts import SignedAct

BODY_BYTES_MAX = 8 * 1024 * 1024
"""Bytes of a request body. Telemetry comes in files of a few megabytes; more is sent in parts."""


def _uncounted(_size: int) -> None:
    pass


def is_local(request: Request) -> bool:
    """Tells whether the caller showed the secret that only a reader of the data folder can know."""
    return hmac.compare_digest(bearer(request), request.app.state.local_secret.encode())


def bearer(request: Request) -> bytes:
    """Returns the secret that the caller shows; empty if it shows none."""
    return request.headers.get("authorization", "").removeprefix("Bearer ").encode()


async def body_of(request: Request) -> bytes:
    """Returns a request's body.

    Raises:
        TooLargeError: it is over BODY_BYTES_MAX.
    """
    return await limited_body(request, BODY_BYTES_MAX)


async def limited_body(request: Request, bytes_max: int, count: Callable[[int], None] = _uncounted) -> bytes:
    """Returns a request's body. `count` is told the bytes of each part as it comes.

    Raises:
        TooLargeError: it is over so many bytes.
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        count(len(part))
        if size > bytes_max:
            raise TooLargeError(f"the request body is over {bytes_max} bytes", remedy="send it in parts")
        parts.append(part)
    return b"".join(parts)


def require_act(request: Request) -> None:
    """Returns if a request came with an act, which is not looked at.

    Raises:
        UnauthenticatedError: it did not.
    """
    if HEADER not in request.headers:
        raise UnauthenticatedError(
            "reading needs a signed act or the local secret",
            remedy="run the command on the machine that holds the data, or pass --key FILE",
        )


def same_request(request: Request, signed: SignedAct, body: bytes) -> None:
    """Returns if an act was signed for this request, with this body.

    Raises:
        UnauthenticatedError: `act-for-another-request`.
    """
    expected = operation_of(request.method, request.url.path)
    if (signed.act.operation, signed.act.content) != (expected, content_of(body, request.url.query)):
        raise UnauthenticatedError(
            f"the act was signed for {signed.act.operation!r} with another body or request; this is {expected!r}",
            code="act-for-another-request",
        )

"""Plain HTTP to the other party, from a thread of its own: one request, one connection."""

import http.client
import ssl
from urllib.parse import SplitResult, urlsplit

from safeconduct.kernel.errors import InvalidInputError


def http_address(text: str, form: str) -> SplitResult:
    """Reads an address.

    Raises:
        InvalidInputError: it is no http(s) address. `form` says what was expected.
    """
    where = urlsplit(text)
    if where.scheme not in {"http", "https"} or not where.hostname:
        raise InvalidInputError(f"expected {form}, got {text!r}")
    return where


def connection_to(
    where: SplitResult, timeout_s: float, context: ssl.SSLContext | None = None
) -> http.client.HTTPConnection:
    """Returns a connection to an address, not open yet. `context` says whom to trust, where it is not the default."""
    host = where.hostname or ""
    if where.scheme == "https":
        return http.client.HTTPSConnection(host, where.port, timeout=timeout_s, context=context)
    return http.client.HTTPConnection(host, where.port, timeout=timeout_s)

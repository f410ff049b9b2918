"""Plain HTTP to the other party, from a thread of its own: one request, one connection."""

import http.client
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


def connection_to(where: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    """Returns a connection to an address, not open yet."""
    kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    return kind(where.hostname or "", where.port, timeout=timeout_s)

"""Plain HTTP to the other party, from a thread of its own: one request, one connection, one deadline for all of it."""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from safeconduct.kernel.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Answered:
    """What the other side answered. `body` ends one byte after the most that was asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body for people and for formats that are text."""
        return self.body.decode("utf-8", "replace")


def http_address(text: str, form: str) -> SplitResult:
    """Reads an address.

    Raises:
        InvalidInputError: it is no http(s) address. `form` says what was expected.
    """
    try:
        where = urlsplit(text)
        valid = where.scheme in {"http", "https"} and where.hostname and where.port != 0
    except ValueError as error:
        raise InvalidInputError(f"expected {form}, got {text!r}") from error
    if not valid:
        raise InvalidInputError(f"expected {form}, got {text!r}")
    return where


def server_address(text: str, form: str) -> SplitResult:
    """Reads the address of a server that has its own paths: scheme, host and port, and nothing else.

    Raises:
        InvalidInputError: as `http_address`; or it says more, which would be left out unsaid. What it says is not told
            again: a password may be in it.
    """
    where = http_address(text, form)
    more = {
        "user or password": "@" in where.netloc,
        "path": where.path not in {"", "/"},
        "query": bool(where.query),
        "fragment": bool(where.fragment),
    }
    told = ", ".join(name for name, is_there in more.items() if is_there)
    if told:
        server = f"{where.scheme}://{where.netloc.rpartition('@')[2]}"
        raise InvalidInputError(f"expected {form}, got one with {told}", remedy=f"leave it at {server}")
    return where


def require_private(where: SplitResult) -> None:
    """Returns if what is sent there stays secret on the way: over TLS, or within this machine.

    Raises:
        InvalidInputError: `destination-unencrypted`.
    """
    if where.scheme != "https" and not is_loopback(where.hostname or ""):
        raise InvalidInputError(
            f"expected https for {where.hostname}: the credential goes with every request",
            code="destination-unencrypted",
        )


def connection_to(
    where: SplitResult, timeout_s: float, context: ssl.SSLContext | None = None, address: str = ""
) -> http.client.HTTPConnection:
    """Returns a connection to an address, not open yet. `context` says whom to trust, where it is not the default.

    With an `address`, an IP address, it goes there whatever the host's name means; TLS still asks for the name.
    """
    host = where.hostname or ""
    if where.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, where.port, timeout=timeout_s, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, where.port, timeout=timeout_s)
    if address:
        _pin(connection, address)
    return connection


def _pin(connection: http.client.HTTPConnection, address: str) -> None:
    def to_address(named: tuple[str, int], *rest: Any) -> socket.socket:  # noqa: ANN401 - as socket's own
        return socket.create_connection((address, named[1]), *rest)

    connection._create_connection = to_address  # type: ignore[attr-defined]  # noqa: SLF001 - the one place to say it


def exchange(
    where: SplitResult,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float,
    answer_bytes_max: int,
    context: ssl.SSLContext | None = None,
    address: str = "",
) -> Answered:
    """Sends a request and returns the answer. Follows no redirect. `context` and `address` as in `connection_to`.

    The deadline holds for all of it: who sends one byte now and then is cut off like who sends nothing.

    Raises:
        OSError: it can't be reached, broke off, answered something that is not HTTP, or took too long.
    """
    connection = connection_to(where, timeout_s, context, address)
    started = time.monotonic()
    try:
        connection.connect()
        connected = connection.sock
        with cut_at(lambda: connected, timeout_s - (time.monotonic() - started)) as late:
            connection.request(method, path, body, dict(headers or {}))
            with connection.getresponse() as response:
                answered = Answered(response.status, _lower(response), response.read(answer_bytes_max + 1))
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"it did not answer in HTTP: {type(error).__name__} {error}"[:200]) from error
    finally:
        connection.close()
    if late.is_set():
        raise TimeoutError(f"no whole answer in {timeout_s:g} s")
    return answered


@contextmanager
def cut_at(connected: Callable[[], socket.socket | None], seconds: float) -> Iterator[threading.Event]:
    """Shuts the socket down when the time is over, and says so; a timeout of its own starts again with each byte."""
    late = threading.Event()

    def cut() -> None:
        late.set()
        with suppress(OSError):
            found = connected()
            if found is not None:
                found.shutdown(socket.SHUT_RDWR)

    deadline = threading.Timer(max(seconds, 0), cut)
    deadline.daemon = True
    deadline.start()
    try:
        yield late
    finally:
        deadline.cancel()


def is_loopback(host: str) -> bool:
    """Tells whether a host is this machine, by its address or as `localhost`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _lower(response: http.client.HTTPResponse) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}

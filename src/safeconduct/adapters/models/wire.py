"""What differs between vendors on the wire: where a request goes, and with which headers. Pure; one module a vendor."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import quote, urlsplit

from yarl import URL

from safeconduct.gateway.ports import Ask
from safeconduct.gateway.terms import EVENT_STREAM, JSON
from safeconduct.kernel.errors import InvalidInputError, UpstreamError
from safeconduct.kernel.instants import Instant

COMMON: Mapping[str, str] = {
    "content-type": JSON,
    "accept-encoding": "identity",
    "user-agent": "safeconduct",
}
"""The headers of every request. Plain bytes are asked for, because nothing here decompresses."""


@dataclass(frozen=True, slots=True)
class Request:
    """Where one request goes and with which headers; its body is the ask's."""

    url: URL
    headers: Mapping[str, str]


class Unframed(Protocol):
    """Turns a vendor's own framing of a stream into server-sent events, as the bytes come in."""

    content_type: str
    """What the vendor's head must say for this framing to be read."""

    def feed(self, data: bytes) -> bytes:
        """Returns the events that are whole now; none is possible.

        Raises:
            UpstreamError: the bytes are not of this framing, or damaged.
        """
        ...

    def end(self) -> None:
        """Raises UpstreamError if the bytes ended inside a frame."""
        ...


class Wire(Protocol):
    """One vendor's way. Its methods are pure: equal arguments, equal requests."""

    dialects: frozenset[str]
    """What it speaks."""

    def request(self, ask: Ask, secret: str, at: Instant) -> Request:
        """Returns where an ask goes and with which headers. `secret` is what the upstream's credential is now."""
        ...

    def unframed(self, ask: Ask) -> Unframed | None:
        """Returns what reads the answer's own framing; None where it comes as server-sent events or JSON."""
        ...


def accepted(ask: Ask) -> str:
    """Returns the content type that an answer is asked for in."""
    return EVENT_STREAM if ask.stream else JSON


def segment(model: str, *, safe: str = "") -> str:
    """Returns a model's name as one segment of an address.

    Raises:
        UpstreamError: it would be another segment than its own.
    """
    if model in (".", ".."):
        raise UpstreamError(
            f"{model!r} is no model's name that an address can hold",
            code="upstream-misconfigured",
            remedy="the operator names the model otherwise in upstreams.toml",
        )
    return quote(model, safe=safe)


def base_url(text: str, *, secret: bool) -> URL:
    """Reads an address that routes stand below. With `secret` something goes there that nobody else may see.

    Raises:
        InvalidInputError: `upstream-url-invalid`, or `upstream-url-insecure`: neither https nor this machine.
    """
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise InvalidInputError(
            "expected a model server's base URL such as https://models.example/v1, without user, query or fragment",
            code="upstream-url-invalid",
        )
    if secret and parts.scheme == "http" and not is_loopback(parts.hostname):
        raise InvalidInputError(
            "what is secret is sent over https only, or to this machine",
            code="upstream-url-insecure",
            remedy="use the https address of the model server",
        )
    return URL(text.rstrip("/"))


def is_loopback(host: str) -> bool:
    """Tells whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

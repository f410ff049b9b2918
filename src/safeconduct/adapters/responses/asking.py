"""Points over HTTP: one request, one deadline, and what each answer means for an action."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec

from safeconduct.adapters.outbound import Answered, exchange, http_address, require_private
from safeconduct.kernel.errors import RefusedError, UnavailableError

ASK_S = 20.0
"""Seconds for a whole request and its answer."""

ANSWER_BYTES_MAX = 256 * 1024
"""Bytes of an answer that are read: a state, or a page of tickets."""

_OK, _NOT_OK, _BROKEN = 200, 300, 500
_BUSY = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Site:
    """Where a point is, and what goes with every request. TLS or within this machine, and no redirect is followed."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: str = ""
    timeout_s: float = ASK_S

    def __post_init__(self) -> None:
        require_private(http_address(self.url, "a point's address as https://host/path"))

    def ask(self, method: str, path: str, document: object = None, headers: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Sends a document, or nothing, and returns the answer's JSON; None for an empty one.

        Raises:
            RefusedError: it answered with a status of 400 to 499, or a redirect: nothing was done.
            UnavailableError: no whole answer in time, or another status: something may have been done.
        """
        body = msgspec.json.encode(document) if document is not None else None
        return self.send(method, path, body, headers or {})

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
        """Sends bytes of JSON. As `ask`."""
        where = http_address(self.url, "a point's address")
        context = ssl.create_default_context(cafile=self.ca_file or None) if where.scheme == "https" else None
        try:
            answered = exchange(
                where,
                method,
                (where.path.rstrip("/") + path) or "/",
                body=body,
                headers={"content-type": "application/json", "accept": "application/json", **self.headers, **headers},
                timeout_s=self.timeout_s,
                answer_bytes_max=ANSWER_BYTES_MAX,
                context=context,
            )
        except OSError as error:
            raise UnavailableError(f"{where.hostname} gave no answer: {error}", code="point-silent") from error
        return _read(answered, str(where.hostname))


def part(text: str) -> str:
    """Returns a value as one part of a path."""
    return quote(text, safe="")


def _read(answered: Answered, host: str) -> Any:  # noqa: ANN401 - JSON
    status = answered.status
    if _NOT_OK <= status < _BROKEN and status not in _BUSY:
        raise RefusedError(f"{host} answered {status}", code=f"point-answered-{status}")
    if not _OK <= status < _NOT_OK:
        raise UnavailableError(f"{host} answered {status}", code=f"point-answered-{status}")
    if not answered.body:
        return None
    try:
        return msgspec.json.decode(answered.body)
    except msgspec.DecodeError as error:
        raise UnavailableError(f"{host} did not answer in JSON", code="point-no-json") from error

"""Notices over HTTP: what every receiver there has in common, and signed webhooks.

A webhook is signed as the Standard Webhooks specification says (version 1): HMAC-SHA256 over id, time and body. The
id is the ordering entry's, so that a receiver that gets one twice can tell.
"""

import base64
import binascii
import hashlib
import hmac
import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from safeconduct.adapters.outbound import exchange, http_address, require_private
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import SECOND, Instant, rfc3339
from safeconduct.kernel.notices import Notice
from safeconduct.kernel.ports import Clock

POST_S = 20.0
"""Seconds for a whole request and its answer."""

ANSWER_BYTES_MAX = 4096
"""Bytes of an answer that are read: it is said, not understood."""

SECRET_BYTES_MIN = 24
"""Bytes of a signing secret at least (Standard Webhooks): shorter ones can be guessed from one message."""

_SAID_CHARS = 80


@dataclass(frozen=True, slots=True)
class Post:
    """One address, which may itself be a secret and is never told. TLS or within this machine, and no redirect."""

    url: str = field(repr=False)
    ca_file: str = ""
    timeout_s: float = POST_S

    def __post_init__(self) -> None:
        require_private(http_address(self.url, "a channel's address as https://host/path"))

    def send(self, document: object, headers: Mapping[str, str] | None = None) -> str:
        """Posts a document as JSON, and returns the answer's status and beginning.

        Raises:
            UnavailableError: `notice-not-taken`: nothing came back in time, or no status of success.
        """
        return self.send_bytes(msgspec.json.encode(document), headers or {})

    def send_bytes(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Posts bytes of JSON. As `send`."""
        where = http_address(self.url, "a channel's address")
        try:
            answered = exchange(
                where,
                "POST",
                (where.path or "/") + (f"?{where.query}" if where.query else ""),
                body=body,
                headers={"content-type": "application/json", **headers},
                timeout_s=self.timeout_s,
                answer_bytes_max=ANSWER_BYTES_MAX,
                context=ssl.create_default_context(cafile=self.ca_file or None) if where.scheme == "https" else None,
            )
        except OSError as error:
            raise UnavailableError(f"{where.hostname} did not take it: {error}", code="notice-not-taken") from error
        told = f"{answered.status} {answered.text[:_SAID_CHARS]!a}"
        if not http.client.OK <= answered.status < http.client.MULTIPLE_CHOICES:
            raise UnavailableError(f"{where.hostname} answered {told}", code="notice-not-taken")
        return told


@dataclass(frozen=True, slots=True)
class Webhook:
    """`Notifier` by signed JSON, for programs: values stand in it as the log has them."""

    post: Post
    secret: bytes = field(repr=False)
    clock: Clock

    def send(self, entry: EntryId, notice: Notice) -> str:
        body = msgspec.json.encode(document(entry, notice))
        return self.post.send_bytes(body, signed_headers(self.secret, entry, self.clock.now(), body))


def signed_headers(secret: bytes, message: str, now: Instant, body: bytes) -> dict[str, str]:
    """Returns the headers by which a receiver knows who sent a body, when, and whether it had it before."""
    sent_at = str(now // SECOND)
    signed = f"{message}.{sent_at}.".encode() + body
    signature = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    return {"webhook-id": message, "webhook-timestamp": sent_at, "webhook-signature": f"v1,{signature}"}


def document(entry: EntryId, notice: Notice) -> dict[str, object]:
    """Returns what a webhook says."""
    lines = [msgspec.to_builtins(one) | {"at": rfc3339(one.at)} for one in notice.lines]
    return {
        "type": f"safeconduct.notice.{notice.kind}",
        "timestamp": rfc3339(notice.at),
        "data": {"notice": entry, "to": notice.to, "subject": notice.subject, "lines": lines, "more": notice.more},
    }


def signing_secret(text: str) -> bytes:
    """Returns the key of a secret as it is handed out: `whsec_` and base64.

    Raises:
        InvalidInputError: `webhook-secret-invalid`.
    """
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True) if text.startswith("whsec_") else b""
    except binascii.Error:
        key = b""
    if len(key) < SECRET_BYTES_MIN:
        form = f"whsec_ and base64 of {SECRET_BYTES_MIN} bytes or more"
        raise InvalidInputError(f"a webhook's secret is {form}", code="webhook-secret-invalid")
    return key

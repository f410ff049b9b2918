"""Amazon Bedrock, for Anthropic's models: InvokeModel and its stream, signed with SigV4. Experimental.

The stream comes in AWS's own framing; what is inside are the events of Anthropic's API, and they leave here as such.
"""

import base64
import binascii
from collections.abc import Mapping

import msgspec
from yarl import URL

from safeconduct.adapters.models.event_stream import Message, Messages
from safeconduct.adapters.models.wire import COMMON, Request, base_url, segment
from safeconduct.adapters.sigv4 import Credentials, Service, signed_headers
from safeconduct.gateway.errors import no_answer
from safeconduct.gateway.ports import Ask
from safeconduct.gateway.terms import JSON
from safeconduct.kernel.instants import Instant

EVENT_STREAM = "application/vnd.amazon.eventstream"

_ERRORS: Mapping[str, str] = {
    "throttlingException": "rate_limit_error",
    "serviceUnavailableException": "overloaded_error",
    "modelTimeoutException": "timeout_error",
    "validationException": "invalid_request_error",
}
"""Anthropic's name for an exception within a stream; all others are `api_error`."""


class BedrockWire:
    """`Wire` of one region. `url` is the service's address there; `key` and `session` go with the secret key."""

    dialects = frozenset(("anthropic.messages",))

    def __init__(self, url: str, region: str, *, key: str, session: str = "") -> None:
        self._base = base_url(url, secret=True)
        self._service = Service("bedrock", region)
        self._key = key
        self._session = session

    def request(self, ask: Ask, secret: str, at: Instant) -> Request:
        action = "invoke-with-response-stream" if ask.stream else "invoke"
        path = f"/model/{segment(ask.model)}/{action}"
        port = "" if self._base.is_default_port() else f":{self._base.port}"
        headers = signed_headers(
            Credentials(key=self._key, secret=secret, session=self._session),
            self._service,
            at,
            method="POST",
            path=path,
            headers={"host": f"{self._base.host}{port}", "content-type": JSON},
            body=ask.body,
        )
        accept = EVENT_STREAM if ask.stream else JSON
        url = URL(f"{self._base.origin()}{path}", encoded=True)
        return Request(url, {**COMMON, "accept": accept, **headers})

    def unframed(self, ask: Ask) -> "BedrockEvents | None":
        return BedrockEvents() if ask.stream else None


class _Chunk(msgspec.Struct):
    bytes: str


class _Event(msgspec.Struct):
    type: str


class BedrockEvents:
    """`Unframed` of a Bedrock stream: each chunk is one event of Anthropic's API."""

    content_type = EVENT_STREAM

    def __init__(self) -> None:
        self._messages = Messages()

    def feed(self, data: bytes) -> bytes:
        return b"".join([_event(message) for message in self._messages.feed(data)])

    def end(self) -> None:
        if self._messages.inside:
            raise no_answer("it ended inside a message")


def _event(message: Message) -> bytes:
    if message.headers.get(":message-type") != "event":
        kind = message.headers.get(":exception-type", "")
        return _framed(
            "error", msgspec.json.encode({"type": "error", "error": {"type": _ERRORS.get(kind, "api_error")}})
        )
    if message.headers.get(":event-type") != "chunk":
        return b""
    try:
        payload = base64.b64decode(msgspec.json.decode(message.payload, type=_Chunk).bytes, validate=True)
        kind = msgspec.json.decode(payload, type=_Event).type
    except (msgspec.MsgspecError, binascii.Error, UnicodeDecodeError) as error:
        raise no_answer("a chunk holds no event") from error
    if not kind.replace("_", "").isalnum() or b"\n" in payload:
        raise no_answer("a chunk holds no event that fits on one line")
    return _framed(kind, payload)


def _framed(kind: str, payload: bytes) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + payload + b"\n\n"

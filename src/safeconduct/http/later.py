"""Routes that are loaded when they are first asked for, and the three of a process' own that never wait for them."""

import asyncio
import logging
from collections.abc import Callable, Mapping

import msgspec
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from safeconduct.http.asgi import App, Receive, Scope, Send
from safeconduct.http.problems import MEDIA_TYPE, problem
from safeconduct.http.vitals import Vital, check_measuring, metrics_text, readiness
from safeconduct.kernel.errors import SafeconductError

_JSON = "application/json"
_log = logging.getLogger(__name__)


class Later:
    """An app that is made in a thread when it is loaded, or at the first request; those that come meanwhile wait.

    Calls go on meanwhile. One that can't be made is tried again at the next request.
    """

    def __init__(self, make: Callable[[], App]) -> None:
        self._make = make
        self._made: App | None = None
        self._making = asyncio.Lock()

    async def load(self) -> App:
        """Makes the app unless it is there, and returns it. Raises what making it raises."""
        async with self._making:
            if self._made is None:
                _log.info("loading the control API")
                self._made = await asyncio.to_thread(self._make)
            return self._made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._made or await self.load()
        await app(scope, receive, send)


class Vitals:
    """`/healthz`, `/readyz` and `/metrics` in front of another app, for whoever asks them every few seconds."""

    def __init__(self, vital: Vital, local_secret: str, metrics_token: str, other: App) -> None:
        self._vital = vital
        self._secrets = local_secret, metrics_token
        self._other = other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match (scope["method"], scope["path"]) if scope["type"] == "http" else ("", ""):
            case "GET", "/healthz":
                await _answer(send, 200, msgspec.json.encode({"status": "ok"}))
            case "GET", "/readyz":
                found = await asyncio.to_thread(readiness, self._vital)
                await _answer(send, 200 if found["ready"] else 503, msgspec.json.encode(found))
            case "GET", "/metrics":
                await self._metrics(dict(scope["headers"]), send)
            case _:
                await self._other(scope, receive, send)

    async def _metrics(self, headers: Mapping[bytes, bytes], send: Send) -> None:
        try:
            check_measuring(headers.get(b"authorization", b"").removeprefix(b"Bearer "), *self._secrets)
            text = await asyncio.to_thread(metrics_text, self._vital)
        except SafeconductError as error:
            document = problem(error)
            await _answer(send, document["status"], msgspec.json.encode(document), MEDIA_TYPE)
        else:
            await _answer(send, 200, text, CONTENT_TYPE_LATEST)


async def _answer(send: Send, status: int, body: bytes, kind: str = _JSON) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})

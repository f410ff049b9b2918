"""The sidecar: unmodified SDKs call it on loopback and need no secret, since it has a bound credential for them.

    ANY /openai/v1/...     goes to /paths/{path}/openai/v1/...
    ANY /anthropic/v1/...  goes to /paths/{path}/anthropic/v1/...

Programs of this machine may use it, browsers may not: a page that somebody opened could otherwise spend its credential.
Answers pass as they are, byte for byte; what never reached the server is told in the dialect's shape.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Collection
from typing import Any

import aiohttp

from safeconduct.gateway.dialects.model import Dialect
from safeconduct.gateway.dialects.registry import OPENAI_CHAT, dialect_of
from safeconduct.http.asgi import Receive, Scope, Send
from safeconduct.http.bound_client import UNAUTHORIZED, Asked, BoundClient
from safeconduct.http.problems import STATUS
from safeconduct.kernel.errors import AbsentError, RefusedError, SafeconductError, TooLargeError

BODY_BYTES_MAX = 32 * 1024 * 1024
"""Bytes of a request. It is kept until the answer begins; paths have their own limits, which are lower."""

_ROUTE = re.compile(r"/(openai|anthropic)/v1(?:/[A-Za-z0-9_:@~-][A-Za-z0-9._:@~-]*)+")
_SENT = re.compile(r"content-type|content-encoding|accept|anthropic-(version|beta)|safeconduct-[a-z]+|traceparent")
_BROWSERS = frozenset({b"origin", b"sec-fetch-site", b"sec-fetch-mode"})
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-authenticate"})
_JSON = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


class SidecarApp:
    """The ASGI app. `hosts` are the values of Host that are its own; None on a Unix socket: no browser gets there."""

    def __init__(self, client: BoundClient, path: str, hosts: Collection[bytes] | None) -> None:
        self._client = client
        self._path = path
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        spoken = OPENAI_CHAT
        try:
            self._check_caller(scope)
            family = _family(scope)
            spoken = dialect_of(family)
            body = await _body(receive)
            await self._forward(scope, body, receive, send, spoken)
        except SafeconductError as error:
            await _told(send, error, spoken)

    def _check_caller(self, scope: Scope) -> None:
        headers = [name for name, _ in scope["headers"]]
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if self._hosts is not None and (len(hosts) != 1 or hosts[0].lower() not in self._hosts):
            raise _not_for("its Host is none of this sidecar's")
        if not _BROWSERS.isdisjoint(headers):
            raise _not_for("a browser sent it")

    async def _forward(self, scope: Scope, body: bytes, receive: Receive, send: Send, spoken: Dialect) -> None:
        query = scope["query_string"].decode("latin-1")
        path = f"/paths/{self._path}{_raw_path(scope)}" + (f"?{query}" if query else "")
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if _SENT.fullmatch(name.decode("latin-1"))
        }
        asking = asyncio.ensure_future(self._answer(Asked(scope["method"], path, headers, body), send, spoken))
        leaving = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (asking, leaving):
                if not task.done():
                    task.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
        with contextlib.suppress(asyncio.CancelledError):  # the caller has gone: nobody to tell
            await asking

    async def _answer(self, asked: Asked, send: Send, spoken: Dialect) -> None:
        try:
            answer = await self._client.send(asked)
        except SafeconductError as error:
            await _told(send, error, spoken)
            return
        async with answer:
            await send({"type": "http.response.start", "status": answer.status, "headers": _passed(answer)})
            try:
                async for data in _parts(answer):
                    await send({"type": "http.response.body", "body": data, "more_body": True})
            except (aiohttp.ClientError, OSError):
                return  # without an end: the caller's connection breaks off as this one did
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _family(scope: Scope) -> str:
    found = _ROUTE.fullmatch(_raw_path(scope))
    if found is None:
        raise AbsentError(
            "there is no such route at the sidecar",
            code="route-unknown",
            remedy="a base URL ends in /openai/v1 for OpenAI's SDKs and in /anthropic for Anthropic's",
        )
    return found[1]


def _raw_path(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("latin-1")


async def _body(receive: Receive) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_BYTES_MAX:
            raise TooLargeError(f"the sidecar takes requests of {BODY_BYTES_MAX} bytes", code="request-too-large")
        more = message.get("more_body", False)
    return b"".join(parts)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _parts(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    if answer.status == UNAUTHORIZED:  # the client has looked at why, and kept it
        yield await answer.read()
        return
    async for data in answer.content.iter_any():
        yield data


def _passed(answer: aiohttp.ClientResponse) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in answer.raw_headers if name.decode().lower() not in _HOP]


def _not_for(why: str) -> RefusedError:
    return RefusedError(
        f"the sidecar takes requests of programs on this machine: {why}",
        code="not-for-browsers",
        remedy="call http://127.0.0.1 with its port from a program, without Origin",
    )


async def _told(send: Send, error: SafeconductError, spoken: Dialect) -> None:
    content: Any = spoken.error(error, "")
    headers = [*_JSON, (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": STATUS[error.kind], "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})

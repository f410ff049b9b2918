"""A stand-in for any vendor: keeps each request as it came and answers what the test says, over plain HTTP or TLS."""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field

from aiohttp import web

from support.call_ends import ask


@dataclass
class Came:
    """One request, as it stood on the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """What a request is answered. `parts` are written one by one; `broken` closes before the end."""

    status: int = 200
    content_type: str = "application/json"
    parts: tuple[bytes, ...] = (b"{}",)
    headers: dict[str, str] = field(default_factory=dict)
    broken: bool = False


class VendorStandIn:
    """Runs on the loop that starts it. `answer(came)` returns the reply."""

    def __init__(self, answer=lambda _came: Reply(), tls: ssl.SSLContext | None = None):
        self.answer = answer
        self.came: list[Came] = []
        self._tls = tls

    @contextlib.asynccontextmanager
    async def running(self):
        runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        self.origin = f"http{'s' if self._tls else ''}://127.0.0.1:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _handle(self, http):
        body = await http.read()
        headers = {name.lower(): value for name, value in http.headers.items()}
        assert len(headers) == len(http.headers), "a header came twice"
        came = Came(http.method, http.raw_path, headers, body)
        self.came.append(came)
        reply = self.answer(came)
        made = web.StreamResponse(status=reply.status, headers={"content-type": reply.content_type, **reply.headers})
        if reply.broken:
            made.content_length = 10**6
        await made.prepare(http)
        for part in reply.parts:
            await made.write(part)
            await asyncio.sleep(0)
        if reply.broken:
            http.transport.abort()
        else:
            await made.write_eof()
        return made


async def asked(upstream, body=b"{}", **what):
    """Returns head and bytes of one exchange with a started upstream."""
    made = upstream.exchange(ask(body, **what))
    try:
        head = await made.head()
        data = b""
        while part := await made.read():
            data += part
    finally:
        made.close()
    return head, data


@contextlib.asynccontextmanager
async def started(upstream):
    await upstream.start()
    try:
        yield upstream
    finally:
        await upstream.stop()

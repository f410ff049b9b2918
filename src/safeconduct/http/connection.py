"""Client connections that can be cut: bounded buffers, and a way from a request to its transport.

Without bounds a freeze is no cut: what was written before it waits in buffers, and goes on arriving at a slow reader
by the megabyte. With them at most the write limit and the send buffer are on their way.
"""

import asyncio
import contextlib
import gc
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from types import FrameType
from typing import Any

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from safeconduct.http.whole import CYCLE

SEND_BUFFER_BYTES = 32 * 1024
"""Bytes of the kernel's send buffer, asked for; Linux doubles it. A chunk of a stream has 300."""

WRITE_LIMIT_BYTES = 16 * 1024
"""Bytes in this process' own buffer from which writers wait."""

HEADERS_BYTES_MAX = 32 * 1024
"""Bytes of a request's headers. Clients of the dialect send about 1 KB."""

HEADERS_S = 10.0
"""Seconds that a request's headers may take, from the connection or their first byte on. Clients send them at once."""

CONNECTIONS_MAX = 4096
"""Connections of one process, and requests under way; beyond them it answers 503. Each costs some 50 KB."""

GARBAGE_AFTER = 20_000
"""Objects that may be added before a search for cycles. A call adds hundreds and takes them back, and leaves no cycle;
Python's own 700 made the searches a thirtieth of a call's CPU. 20,000 objects are a few megabytes."""

KEY = "safeconduct.connection"
"""Where a request's scope holds its connection."""


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's protocol with bounded buffers. It puts itself into each request's scope.

    `certificate` is the client's, in DER, of an authority that the server trusts; empty where it showed none.
    """

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=WRITE_LIMIT_BYTES)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        tls = transport.get_extra_info("ssl_object")
        self.certificate: bytes = (tls and tls.getpeercert(binary_form=True)) or b""
        self._told_when_lost: Callable[[], object] | None = None
        self._lost = False
        self._header_bytes = 0
        self._in_headers = True
        self._headers_due: asyncio.TimerHandle | None = self.loop.call_later(HEADERS_S, self.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._headers_came()
        self._lost = True
        told, self._told_when_lost = self._told_when_lost, None
        if told is not None:
            told()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_headers and self._headers_due is None:  # whole headers in one read, as nearly always, need no timer
            self._headers_due = self.loop.call_later(HEADERS_S, self.abort)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_bytes = 0
        self._in_headers = True
        self.scope[KEY] = self  # type: ignore[literal-required]

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > HEADERS_BYTES_MAX:
            raise ValueError(f"headers over {HEADERS_BYTES_MAX} bytes")  # uvicorn answers 400 and closes
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._headers_came()
        super().on_headers_complete()
        self.scope[CYCLE] = self.cycle  # type: ignore[literal-required]

    def _headers_came(self) -> None:
        self._in_headers = False
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def when_lost(self, told: Callable[[], object] | None) -> None:
        """Calls `told` when the connection is lost, at once if it is already; None ends that."""
        self._told_when_lost = told
        if told is not None and self._lost:
            told()

    def abort(self) -> None:
        """Closes the transport now; what it holds is dropped."""
        self.transport.abort()


class GatewayServer(uvicorn.Server):
    """uvicorn that ends running calls first, so that a shutdown does not wait for the longest of them.

    With `tls` the sockets it serves speak that, and `loopback` is one more that does not. A handshake has HEADERS_S.
    `told_again` is called when it is told to end once more, from within whatever the main thread is at.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        before_shutdown: Callable[[], Awaitable[object]],
        *,
        told_again: Callable[[], object] | None = None,
        tls: ssl.SSLContext | None = None,
        loopback: socket.socket | None = None,
    ) -> None:
        super().__init__(config)
        self._before_shutdown = before_shutdown
        self._told_again = told_again
        self._tls = tls
        self._loopback = loopback

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes connections. uvicorn's own gives a handshake a minute, and all sockets the same TLS."""
        self.servers = [await self._listen(one, self._tls) for one in sockets or ()]
        if self._loopback is not None:
            self.servers.append(await self._listen(self._loopback, None))
        self.started = True

    async def _listen(self, listener: socket.socket, tls: ssl.SSLContext | None) -> asyncio.Server:
        most_s = HEADERS_S if tls else None
        return await asyncio.get_running_loop().create_server(
            self._connection,
            sock=listener,
            backlog=self.config.backlog,
            ssl=tls,
            ssl_handshake_timeout=most_s,
            ssl_shutdown_timeout=most_s,
        )

    def _connection(self) -> asyncio.Protocol:
        return BoundedConnection(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._before_shutdown()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit and self._told_again is not None:
            self._told_again()
        super().handle_exit(sig, frame)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ends serving when told to, and no more.

        uvicorn's own raises the signal again, which would end the process before the model's process, the database and
        the lock are taken care of.
        """
        with super().capture_signals():
            yield
            self._captured_signals.clear()


def run(serving: Coroutine[Any, Any, None]) -> None:
    """Runs a server in this process until it ends: on its event loop, and with rare searches for garbage in cycles."""
    gc.set_threshold(GARBAGE_AFTER)
    uvloop.run(serving)


def server_config(app: Any) -> uvicorn.Config:  # noqa: ANN401 - any ASGI app
    """Returns the configuration that inference routes need: their own connections, no access log, no server header."""
    return uvicorn.Config(
        app,
        http=BoundedConnection,
        loop="uvloop",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=5,
    )

"""The connections to one model server: kept while they are of use, and never more than so many.

They are kept for less time than servers keep them, because a request sent on a connection that the server is just
closing is lost, and a call must not be sent twice.
"""

import asyncio
import ssl
from collections import deque
from functools import lru_cache

from yarl import URL

from safeconduct.adapters.models.http1 import Connection, Head
from safeconduct.adapters.models.wire import Request
from safeconduct.kernel.errors import UpstreamError

CONNECT_S = 5.0
"""Seconds until a connection stands, TLS included. A server that is there answers in milliseconds."""

KEEP_ALIVE_S = 4.0
"""Seconds an idle connection is kept. Many model servers close theirs after five."""

CONNECTIONS_MAX = 256
"""Connections to one upstream. Calls beyond wait for one, until the first byte is overdue."""

_SPLITS = frozenset("\r\n\0")


class Connections:
    """Those to one origin (scheme, host and port). Made and used on one loop."""

    def __init__(self, origin: URL, tls: ssl.SSLContext | None, *, keep: bool = True) -> None:
        self._host, self._port = origin.raw_host or "", origin.port or 0
        self._tls = (tls or _trusted()) if origin.scheme == "https" else None
        self._keep = keep
        self._loop = asyncio.get_running_loop()
        self._idle: deque[tuple[Connection, float]] = deque()  # the longest idle first
        self._all: set[Connection] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._sweep: asyncio.TimerHandle | None = None

    async def post(self, request: Request, body: bytes) -> "Answer":
        """Sends one POST, once, and returns when its head came.

        Raises:
            UpstreamError: no connection (`upstream-unreachable`), or it broke (`upstream-broke`).
            ValueError: a header would be two.
        """
        head = _head(request.url, tuple(request.headers.items()))
        connection = await self._take()
        try:
            connection.ask(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))
            return Answer(self, connection, await connection.head())
        except BaseException:
            connection.abort()
            raise

    def give_back(self, connection: Connection) -> None:
        """Takes a connection whose answer was read to its end."""
        if not (self._keep and connection.usable):
            connection.close()
            return
        self._idle.append((connection, self._loop.time()))
        if self._sweep is None:
            self._sweep = self._loop.call_later(KEEP_ALIVE_S, self._close_idle)
        self._let_one()

    def close(self) -> None:
        """Ends all of them, and what is under way."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self._all):
            connection.abort()

    async def _take(self) -> Connection:
        while True:
            found = self._kept()
            if found is not None:
                return found
            if len(self._all) + self._opening < CONNECTIONS_MAX:
                return await self._opened()
            waiter = self._loop.create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._let_one()  # its turn is another's
                raise

    def _kept(self) -> Connection | None:
        oldest = self._loop.time() - KEEP_ALIVE_S
        while self._idle:
            connection, since = self._idle.pop()
            if since > oldest and connection.usable:
                return connection
            connection.close()
        return None

    async def _opened(self) -> Connection:
        self._opening += 1
        try:
            async with asyncio.timeout(CONNECT_S):
                _, made = await self._loop.create_connection(
                    lambda: Connection(self._forget), self._host, self._port, ssl=self._tls
                )
        except (OSError, TimeoutError) as error:  # not in its words: they name hosts and addresses
            self._let_one()
            raise UpstreamError(
                "no connection to the model server", code="upstream-unreachable", remedy="retry later"
            ) from error
        except asyncio.CancelledError:
            self._let_one()
            raise
        finally:
            self._opening -= 1  # before who was let has its turn
        if made.usable:  # else it was lost meanwhile, and forgotten
            self._all.add(made)
        return made

    def _forget(self, connection: Connection) -> None:
        self._all.discard(connection)
        self._let_one()

    def _let_one(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _close_idle(self) -> None:
        self._sweep, now = None, self._loop.time()
        while self._idle and self._idle[0][1] <= now - KEEP_ALIVE_S:
            self._idle.popleft()[0].close()
        if self._idle:
            self._sweep = self._loop.call_later(self._idle[0][1] + KEEP_ALIVE_S - now, self._close_idle)


class Answer:
    """One answer, after its head."""

    def __init__(self, connections: Connections, connection: Connection, head: Head) -> None:
        self.status, self.headers = head.status, head.headers
        self._connections = connections
        self._connection: Connection | None = connection

    async def read(self) -> bytes:
        """Returns what came since; nothing at the end, when its connection is another's.

        Raises:
            UpstreamError: it broke, or was closed.
        """
        if self._connection is None:
            return b""
        data = await self._connection.read()
        if not data:
            connection, self._connection = self._connection, None
            self._connections.give_back(connection)
        return data

    def close(self) -> None:
        """Ends the exchange now, unless it came to its end."""
        if self._connection is not None:
            self._connection.abort()


@lru_cache(maxsize=256)
def _head(url: URL, headers: tuple[tuple[str, str], ...]) -> bytes:
    for one in headers:
        if not _SPLITS.isdisjoint("".join(one)):
            raise ValueError("a header would be two")
    lines = [f"POST {url.raw_path_qs} HTTP/1.1"]
    if all(name.lower() != "host" for name, _ in headers):
        lines.append(f"host: {url.host_port_subcomponent}")
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers), ""]).encode()


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """Returns a context that trusts whom the machine trusts, and checks names."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context

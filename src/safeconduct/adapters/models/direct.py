"""HTTP/1.1 straight to a model server, for a fourth of what a general client takes of the CPU for each request.

Nothing is retried: what was sent once may have been taken.
"""

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache, lru_cache, partial

from yarl import URL

from safeconduct.adapters.models.reply import Connection, Reply

CONNECT_S = 5.0
"""Seconds until a connection stands. A server that is there answers in milliseconds."""

KEEP_ALIVE_S = 4.0
"""Seconds an idle connection is kept. Many model servers close theirs after five."""

CONNECTIONS_MAX = 256
"""Connections to one upstream. Calls beyond wait for one, until the first byte is overdue."""

Place = tuple[str, int, bool]
"""Host, port, and whether TLS is spoken there."""


class Unreachable(Exception):  # noqa: N818 - not an error of ours to tell
    """No connection: nothing was sent."""


class Connections:
    """Connections to one upstream. Made and used on one loop."""

    def __init__(self, *, tls: ssl.SSLContext | None, keep: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._tls = tls
        self._keep = keep
        self._room = asyncio.Semaphore(CONNECTIONS_MAX)
        self._idle: dict[Place, list[Connection]] = {}
        self._all: set[Connection] = set()
        self._sweeping: asyncio.TimerHandle | None = None

    async def post(self, url: URL, headers: Mapping[str, str], body: bytes) -> Reply:
        """Sends one POST, once, and returns what its answer comes in as.

        Raises:
            Unreachable: nothing was sent.
            ValueError: a header holds what no header can.
        """
        place, line, host = _route(url)
        head = _head(line, headers if "host" in headers else {"host": host, **headers}, len(body), keep=self._keep)
        await self._room.acquire()
        try:
            connection = self._idle_at(place) or await self._connect(place)
        except BaseException:
            self._room.release()
            raise
        return connection.ask(head + body)

    def close(self) -> None:
        """Closes every connection."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._keep = False
        for connection in list(self._all):
            connection.close()

    def _idle_at(self, place: Place) -> Connection | None:
        idle, oldest = self._idle.get(place), self._loop.time() - KEEP_ALIVE_S
        while idle:
            connection = idle.pop()
            if connection.usable and connection.idle_since > oldest:
                return connection
            self._drop(connection)
        return None

    async def _connect(self, place: Place) -> Connection:
        host, port, secure = place
        tls = (self._tls or _usual_tls()) if secure else None
        try:
            async with asyncio.timeout(CONNECT_S):
                _, connection = await self._loop.create_connection(
                    lambda: Connection(self._loop, partial(self._done, place)), host, port, ssl=tls
                )
        except (OSError, TimeoutError) as error:  # TLS that fails and names that nobody knows among them
            raise Unreachable from error
        self._all.add(connection)
        return connection

    def _done(self, place: Place, connection: Connection) -> None:
        self._room.release()
        if not (connection.usable and self._keep):
            self._drop(connection)
            return
        connection.idle_since = self._loop.time()
        self._idle.setdefault(place, []).append(connection)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(KEEP_ALIVE_S, self._sweep)

    def _drop(self, connection: Connection) -> None:
        self._all.discard(connection)
        connection.close()

    def _sweep(self) -> None:
        """Closes what was idle for too long."""
        self._sweeping = None
        oldest = self._loop.time() - KEEP_ALIVE_S
        for idle in self._idle.values():
            for connection in [one for one in idle if not one.usable or one.idle_since <= oldest]:
                idle.remove(connection)
                self._drop(connection)
        if any(self._idle.values()):
            self._sweeping = self._loop.call_later(KEEP_ALIVE_S, self._sweep)


@lru_cache(maxsize=1024)
def _route(url: URL) -> tuple[Place, str, str]:
    """Returns where an address is, the first line of a request for it, and its host."""
    if url.raw_host is None or url.port is None:
        raise ValueError("an address without a host")
    place = (url.raw_host, url.port, url.scheme == "https")
    return place, f"POST {url.raw_path_qs} HTTP/1.1", url.host_port_subcomponent or ""


def _head(line: str, headers: Mapping[str, str], length: int, *, keep: bool) -> bytes:
    fields = "\r\n".join([f"{name}: {value}" for name, value in headers.items()])
    if fields.count("\n") != len(headers) - 1 or fields.count("\r") != len(headers) - 1 or "\0" in fields:
        raise ValueError("a header of several lines")
    kept = "" if keep else "connection: close\r\n"
    return f"{line}\r\n{fields}\r\n{kept}content-length: {length}\r\n\r\n".encode()


@cache
def _usual_tls() -> ssl.SSLContext:
    """Returns what the machine trusts."""
    return ssl.create_default_context()

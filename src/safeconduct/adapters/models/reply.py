"""One connection to a model server, and the answer that comes in on it: HTTP/1.1 as llhttp reads it, strictly."""

import asyncio
from collections.abc import Callable

import httptools

HEADER_BYTES_MAX = 16 * 1024
"""Bytes of one header field of an answer. Answers carry a few hundred."""

HEAD_BYTES_MAX = 64 * 1024
"""Bytes in a row that bring nothing of an answer's body: its head, trailers, what frames its chunks."""

READ_AHEAD_BYTES = 64 * 1024
"""Bytes of an answer that wait for whoever reads it before its server has to."""

_FINAL = 200  # lower statuses say that an answer is to come


class Reply:
    """One answer as it comes in. Its reader is one task."""

    def __init__(self, connection: "Connection") -> None:
        self.status = 0
        self.headers: dict[str, str] = {}  # by name in lower case, the first of each
        self.ended = False  # all of it came
        self.waiting_bytes = 0
        self._connection = connection
        self._broken = False
        self._parts: list[bytes] = []
        self._reader: asyncio.Future[None] | None = None

    async def head(self) -> None:
        """Returns when status and headers are there.

        Raises:
            ConnectionError: the connection broke before, or what came is no HTTP.
        """
        while not self.status:
            await self._more()

    async def read(self) -> bytes:
        """Returns the bytes that are there, waiting for the first of them; empty at the answer's framed end.

        Raises:
            ConnectionError: the connection broke before that end, or what came is no HTTP.
        """
        while not self._parts:
            if self.ended:
                return b""
            await self._more()
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self.waiting_bytes = 0
        if not self.ended:
            self._connection.resume()
        return data

    def close(self) -> None:
        """Closes the connection at once unless all of the answer came."""
        if not self.ended:
            self._connection.close()

    def begin(self, status: int, headers: dict[str, str]) -> None:
        self.status, self.headers = status, headers
        self._wake()

    def take(self, data: bytes) -> None:
        self._parts.append(data)
        self.waiting_bytes += len(data)
        self._wake()

    def end(self, *, broken: bool) -> None:
        self.ended, self._broken = not broken, broken
        self._wake()

    async def _more(self) -> None:
        if self._broken:
            raise ConnectionError
        self._reader = self._connection.loop.create_future()
        await self._reader

    def _wake(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None and not reader.done():
            reader.set_result(None)


class Connection(asyncio.Protocol):
    """One connection. It carries one request at a time, and says when it is free again, or lost."""

    def __init__(self, loop: asyncio.AbstractEventLoop, done: Callable[["Connection"], None]) -> None:
        self.loop = loop
        self.usable = True  # for one more request
        self.idle_since = 0.0
        self._done = done
        self._reply: Reply | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._paused = False

    def ask(self, request: bytes) -> Reply:
        """Sends a request."""
        self._complete = False
        self._ends_whole = False  # the connection's end is the answer's
        self._headers: dict[str, str] = {}
        self._without_body = 0
        self._reply = reply = Reply(self)
        self._transport.write(request)
        return reply

    def close(self) -> None:
        """Closes it now."""
        self.usable = self._ends_whole = False
        self._transport.abort()

    def resume(self) -> None:
        """Reads on, where it waited for the answer's reader."""
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        reply = self._reply
        if reply is None:  # nobody asked: whatever it answers, it is nothing of ours
            self.close()
            return
        self._without_body += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.usable = False
        if self._complete or not self.usable or self._without_body > HEAD_BYTES_MAX:
            self._end(reply, broken=not self._complete)
        elif reply.waiting_bytes > READ_AHEAD_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        if self._reply is not None:
            self._end(self._reply, broken=exc is not None or not self._ends_whole)

    def on_message_begin(self) -> None:
        if self._complete:
            self.usable = False  # more came than was asked for
        self._headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) + len(value) > HEADER_BYTES_MAX:
            raise ValueError(f"a header field over {HEADER_BYTES_MAX} bytes")
        self._headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        status, headers = self._parser.get_status_code(), self._headers
        self._headers = {}  # of trailers nothing is read
        if self._reply is None or self._complete or status < _FINAL:
            return
        self._ends_whole = "content-length" not in headers and "transfer-encoding" not in headers
        self._reply.begin(status, headers)

    def on_body(self, data: bytes) -> None:
        if self._reply is not None and not self._complete:
            self._without_body = 0
            self._reply.take(data)

    def on_message_complete(self) -> None:
        if self._reply is not None and self._reply.status:
            self._complete = True
            self.usable = self.usable and self._parser.should_keep_alive()

    def _end(self, reply: Reply, *, broken: bool) -> None:
        self._reply = None
        if broken or not self.usable:
            self.close()
        else:
            self.resume()
        reply.end(broken=broken)
        self._done(self)

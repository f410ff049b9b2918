"""One connection to a model server over HTTP/1.1: a request, and its answer's head and bytes as they come.

llhttp reads what comes, strictly. What a call needs and no more: no retry, redirect, decompression, cookie or pipeline.
"""

import asyncio
from collections.abc import Callable, Mapping

import httptools
import msgspec

from safeconduct.kernel.errors import UpstreamError

HEADER_BYTES_MAX = 16 * 1024
"""Bytes of one header field of an answer. Answers carry a few hundred."""

HEAD_BYTES_MAX = 64 * 1024
"""Bytes of a whole head, with what may come before it. Answers carry a few hundred."""

READ_AHEAD_BYTES = 64 * 1024
"""Bytes that wait to be read before the server is made to wait. A call holds no more of its answer than this."""

OK_FROM = 200
"""Statuses below it are said on the way, and an answer follows."""


class Head(msgspec.Struct, frozen=True):
    """An answer's status and headers, names in lower case; of one that came twice the first."""

    status: int
    headers: Mapping[str, str]


class Connection(asyncio.Protocol):
    """A connection that is asked once at a time. `lost` is told when it is no more."""

    _transport: asyncio.Transport

    def __init__(self, lost: Callable[["Connection"], object]) -> None:
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._open = False
        self._begin(asked=False)

    def _begin(self, *, asked: bool) -> None:
        self._asked = asked
        self._head: Head | None = None
        self._headers: dict[str, str] = {}
        self._head_bytes = 0
        self._framed = False  # whether its end is told, and not that of the connection
        self._keep = False  # whether the server keeps the connection after the answer
        self._parts: list[bytes] = []
        self._waiting_bytes = 0
        self._paused = False
        self._ended = False
        self._broken = False

    @property
    def usable(self) -> bool:
        """Whether it is there, and can be asked again."""
        return self._open and not self._broken and (not self._asked or (self._ended and self._keep))

    def ask(self, request: bytes) -> None:
        """Sends a whole request."""
        self._begin(asked=True)
        self._broken = not self._open
        if self._open:
            self._transport.write(request)

    async def head(self) -> Head:
        """Returns the head of the answer.

        Raises:
            UpstreamError: it broke.
        """
        while self._head is None:
            await self._more()
        return self._head

    async def read(self) -> bytes:
        """Returns what came since, at least one byte; nothing at the answer's end.

        Raises:
            UpstreamError: it broke.
        """
        while not self._parts:
            if self._ended:
                return b""
            await self._more()
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._waiting_bytes = 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return data

    def close(self) -> None:
        """Ends an idle connection."""
        if self._open:
            self._transport.close()

    def abort(self) -> None:
        """Ends it now, whatever it is at."""
        self._broken = True
        if self._open:
            self._transport.abort()

    async def _more(self) -> None:
        if self._broken:
            raise broken()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._open = True

    def data_received(self, data: bytes) -> None:
        if not self._asked or self._ended:  # nobody asked: it might be taken for the next answer
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse()
        if self._head is None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.abort()
        else:
            self._hold_back()
        self._wake()

    def _hold_back(self) -> None:
        if self._waiting_bytes > READ_AHEAD_BYTES and not (self._paused or self._ended or self._broken):
            self._paused = True
            self._transport.pause_reading()

    def _refuse(self) -> None:
        if not self._ended:
            self.abort()
        self._keep = False  # what came after a whole answer, nobody asked for

    def eof_received(self) -> None:
        self._ended = self._ended or (self._head is not None and not self._framed and not self._broken)

    def connection_lost(self, _error: Exception | None) -> None:
        self._open = False
        self._broken = self._broken or not self._ended
        self._wake()
        self._lost(self)

    # What llhttp tells, within `data_received`. What is raised here ends the parsing.

    def on_message_begin(self) -> None:
        if self._ended:
            raise ValueError("more than the answer came")

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) + len(value) > HEADER_BYTES_MAX:
            raise ValueError(f"a header over {HEADER_BYTES_MAX} bytes")
        self._headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        status, headers, self._headers = self._parser.get_status_code(), self._headers, {}
        if status < OK_FROM:
            return
        self._framed = "content-length" in headers or "transfer-encoding" in headers
        self._keep = self._parser.should_keep_alive()
        self._head = Head(status, headers)

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)
        self._waiting_bytes += len(body)

    def on_message_complete(self) -> None:
        self._ended = self._head is not None  # else what was said on the way is


def broken() -> UpstreamError:
    """Returns the error of a connection that broke."""
    return UpstreamError("the connection to the model server broke", code="upstream-broke", remedy="retry later")

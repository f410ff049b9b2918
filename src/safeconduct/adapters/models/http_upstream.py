"""An upstream over HTTP/1.1, by aiohttp. Nothing is retried, redirected, decompressed or remembered.

Connections are kept for less time than servers keep them, because a request sent on a connection that the server is
just closing is lost, and a call must not be sent twice.
"""

import contextlib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp
from yarl import URL

from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.models.wire import Request, Unframed, Wire
from safeconduct.gateway.moves import UpstreamHead
from safeconduct.gateway.ports import Ask, UpstreamFacts
from safeconduct.gateway.terms import EVENT_STREAM, STATUS_OK
from safeconduct.gateway.vendor_outcomes import HEADERS
from safeconduct.kernel.errors import UpstreamError
from safeconduct.kernel.ports import Clock

CONNECT_S = 5.0
"""Seconds until a connection stands. A server that is there answers in milliseconds."""

KEEP_ALIVE_S = 4.0
"""Seconds an idle connection is kept. Many model servers close theirs after five."""

CONNECTIONS_MAX = 256
"""Connections to one upstream. Calls beyond wait for one, until the first byte is overdue."""

HEADER_BYTES_MAX = 16 * 1024
"""Bytes of one header field of an answer. Answers carry a few hundred."""


class TokenSource(Protocol):
    """A credential that has to be fetched."""

    async def token(self, session: aiohttp.ClientSession, reach: "Reach") -> str:
        """Returns one that is valid now.

        Raises:
            UpstreamError: whoever gives it out can't be reached, or refuses.
        """
        ...


Secret = Callable[[], str] | TokenSource
"""What the upstream knows us by: read each time, so that a file may be replaced, or fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How an upstream is reached: over which proxy, whom to trust, and who we are in TLS.

    `tls` is None for what the machine trusts.
    """

    proxy: URL | None = None
    proxy_headers: Mapping[str, str] | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    keep_connections: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The headers that carry what others put into the body, by name; empty where there is none."""

    safety: str = ""
    program: str = ""

    @property
    def named(self) -> frozenset[str]:
        """Which of them there are."""
        return frozenset(kind for kind in ("safety", "program") if getattr(self, kind))

    def headers(self, ask: Ask) -> Mapping[str, str]:
        """Returns the headers for one ask."""
        told = {self.safety: ask.safety_id, self.program: ask.program}
        return {name: value for name, value in told.items() if name and value}


class HTTPUpstream:
    """`Upstream` of one vendor at one address. Its repr shows neither address nor key."""

    def __init__(
        self,
        facts: UpstreamFacts,
        wire: Wire,
        secret: Secret,
        *,
        reach: Reach | None = None,
        places: "Places | None" = None,
        clock: Clock | None = None,
    ) -> None:
        self.facts = facts
        self._wire = wire
        self._secret = secret
        self._reach = reach or Reach()
        self._places = places or Places()
        self._has_places = bool(self._places.named)
        self._clock = clock or SystemClock()
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Opens the session. On the loop that will use it."""
        tls = self._reach.tls or True
        connector = (
            aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=KEEP_ALIVE_S, ssl=tls)
            if self._reach.keep_connections
            else aiohttp.TCPConnector(limit=CONNECTIONS_MAX, force_close=True, ssl=tls)
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            auto_decompress=False,
            trust_env=False,
            max_field_size=HEADER_BYTES_MAX,
        )

    async def stop(self) -> None:
        """Closes the session and every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def exchange(self, ask: Ask) -> "HTTPExchange":
        if self._session is None:
            raise RuntimeError("an upstream is started before it is asked")
        return HTTPExchange(self, self._session, ask, self._wire.unframed(ask))

    async def send(self, session: aiohttp.ClientSession, ask: Ask) -> aiohttp.ClientResponse:
        """Sends one request, once.

        Raises:
            UpstreamError: no connection, or it broke, or no credential.
        """
        secret = self._secret() if callable(self._secret) else await self._secret.token(session, self._reach)
        request = self._wire.request(ask, secret, self._clock.now())
        if self._has_places:
            request = Request(request.url, {**request.headers, **self._places.headers(ask)})
        return await post(session, self._reach, request, ask.body)


async def post(session: aiohttp.ClientSession, reach: Reach, request: Request, body: bytes) -> aiohttp.ClientResponse:
    """Sends one POST.

    Raises:
        UpstreamError: no connection, or it broke. Not in the library's words: they name hosts and addresses.
    """
    try:
        return await session.post(
            request.url,
            data=body,
            headers=request.headers,
            allow_redirects=False,
            proxy=reach.proxy,
            proxy_headers=reach.proxy_headers,
        )
    except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.ConnectionTimeoutError) as error:
        raise UpstreamError(
            "no connection to the model server", code="upstream-unreachable", remedy="retry later"
        ) from error
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise broken() from error


class HTTPExchange:
    """`Exchange` over one HTTP request."""

    def __init__(
        self, upstream: HTTPUpstream, session: aiohttp.ClientSession, ask: Ask, unframed: Unframed | None
    ) -> None:
        self._upstream = upstream
        self._session = session
        self._ask = ask
        self._unframed = unframed
        self._response: aiohttp.ClientResponse | None = None
        self._ended = False  # nothing more comes, and the connection is another's

    async def head(self) -> UpstreamHead:
        self._response = response = await self._upstream.send(self._session, self._ask)
        headers = response.headers
        content_type = headers.get("content-type", "")
        if self._unframed is not None:
            if response.status == STATUS_OK and content_type == self._unframed.content_type:
                content_type = EVENT_STREAM
            else:
                self._unframed = None  # an error, or no answer: its bytes are what they are
        return UpstreamHead(
            response.status,
            content_type,
            headers.get("content-encoding", ""),
            {name: headers[name] for name in HEADERS if name in headers},
        )

    async def read(self) -> bytes:
        if self._response is None:
            raise RuntimeError("an answer is read after its head")
        try:
            while data := await self._response.content.readany():
                if self._unframed is None:
                    return data
                if events := self._unframed.feed(data):
                    return events
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise broken() from error
        self._ended = True
        if self._unframed is not None:
            self._unframed.end()
        return b""

    def close(self) -> None:
        if self._response is not None and not self._ended:
            with contextlib.suppress(aiohttp.ClientError):
                self._response.close()


def broken() -> UpstreamError:
    """Returns the error of a connection that broke."""
    return UpstreamError("the connection to the model server broke", code="upstream-broke", remedy="retry later")

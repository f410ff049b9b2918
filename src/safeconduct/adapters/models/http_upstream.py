"""An upstream over HTTP/1.1: straight, or by aiohttp through a proxy. Nothing is retried, redirected or decompressed.

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
from safeconduct.adapters.models.direct import CONNECT_S, CONNECTIONS_MAX, Connections, Unreachable
from safeconduct.adapters.models.reply import HEADER_BYTES_MAX
from safeconduct.adapters.models.wire import Request, Unframed, Wire
from safeconduct.gateway.moves import UpstreamHead
from safeconduct.gateway.ports import Ask, UpstreamFacts
from safeconduct.gateway.terms import EVENT_STREAM, STATUS_OK
from safeconduct.gateway.vendor_outcomes import HEADERS
from safeconduct.kernel.errors import UpstreamError
from safeconduct.kernel.ports import Clock


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
        self._clock = clock or SystemClock()
        self._direct: Connections | None = None
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Takes requests from here on. On the loop that will use it."""
        self._direct = Connections(tls=self._reach.tls, keep=self._reach.keep_connections)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, force_close=True, ssl=self._reach.tls or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            auto_decompress=False,
            trust_env=False,
            max_field_size=HEADER_BYTES_MAX,
        )

    async def stop(self) -> None:
        """Closes every connection."""
        if self._direct is not None:
            self._direct.close()
            self._direct = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    def exchange(self, ask: Ask) -> "HTTPExchange":
        if self._direct is None:
            raise RuntimeError("an upstream is started before it is asked")
        return HTTPExchange(self, ask, self._wire.unframed(ask))

    async def send(self, ask: Ask) -> "Answering":
        """Sends one request, once.

        Raises:
            UpstreamError: no connection, or it broke, or no credential.
        """
        if self._direct is None or self._session is None:
            raise broken()
        secret = self._secret() if callable(self._secret) else await self._secret.token(self._session, self._reach)
        request = self._wire.request(ask, secret, self._clock.now())
        told = self._places.headers(ask)
        if told:
            request = Request(request.url, {**request.headers, **told})
        if self._reach.proxy is not None:
            return Proxied(await post(self._session, self._reach, request, ask.body))
        return await _post_direct(self._direct, request, ask.body)


class Answering(Protocol):
    """An answer that comes in. Header names are in lower case."""

    @property
    def status(self) -> int:
        """Its status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers."""
        ...

    async def read(self) -> bytes:
        """Returns the bytes that are there, waiting for the first of them; empty at the answer's framed end.

        Raises:
            ConnectionError: the connection broke before that end.
        """
        ...

    def close(self) -> None:
        """Closes the connection at once unless all of the answer came."""
        ...


class Proxied:
    """`Answering` through a proxy."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    async def read(self) -> bytes:
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ConnectionError from error

    def close(self) -> None:
        with contextlib.suppress(aiohttp.ClientError):
            self._response.close()


async def _post_direct(connections: Connections, request: Request, body: bytes) -> Answering:
    try:
        reply = await connections.post(request.url, request.headers, body)
    except Unreachable as error:
        raise unreachable() from error
    except ValueError as error:
        raise broken() from error
    try:
        await reply.head()
    except BaseException as error:
        reply.close()
        if isinstance(error, ConnectionError):
            raise broken() from error
        raise
    return reply


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
        raise unreachable() from error
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise broken() from error


class HTTPExchange:
    """`Exchange` over one HTTP request."""

    def __init__(self, upstream: HTTPUpstream, ask: Ask, unframed: Unframed | None) -> None:
        self._upstream = upstream
        self._ask = ask
        self._unframed = unframed
        self._response: Answering | None = None

    async def head(self) -> UpstreamHead:
        self._response = response = await self._upstream.send(self._ask)
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
            while data := await self._response.read():
                if self._unframed is None:
                    return data
                if events := self._unframed.feed(data):
                    return events
        except ConnectionError as error:
            raise broken() from error
        if self._unframed is not None:
            self._unframed.end()
        return b""

    def close(self) -> None:
        if self._response is not None:
            self._response.close()


def unreachable() -> UpstreamError:
    """Returns the error of a connection that does not stand: nothing was sent."""
    return UpstreamError("no connection to the model server", code="upstream-unreachable", remedy="retry later")


def broken() -> UpstreamError:
    """Returns the error of a connection that broke."""
    return UpstreamError("the connection to the model server broke", code="upstream-broke", remedy="retry later")

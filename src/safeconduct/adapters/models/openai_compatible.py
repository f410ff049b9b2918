"""An upstream over HTTP/1.1, by aiohttp. Nothing is retried, redirected, decompressed or remembered.

Connections are kept for less time than servers keep them, because a request sent on a connection that the server is
just closing is lost, and a call must not be sent twice.
"""

import contextlib
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from safeconduct.gateway.moves import UpstreamHead
from safeconduct.gateway.ports import Ask, UpstreamFacts
from safeconduct.gateway.vendor_outcomes import HEADERS
from safeconduct.kernel.errors import InvalidInputError, UpstreamError

CONNECT_S = 5.0
"""Seconds until a connection stands. A server that is there answers in milliseconds."""

KEEP_ALIVE_S = 4.0
"""Seconds an idle connection is kept. Many model servers close theirs after five."""

CONNECTIONS_MAX = 256
"""Connections to one upstream. Calls beyond wait for one, until the first byte is overdue."""

HEADER_BYTES_MAX = 16 * 1024
"""Bytes of one header field of an answer. Answers carry a few hundred."""

ROUTES: Mapping[str, str] = {
    "openai.chat": "chat/completions",
    "openai.responses": "responses",
    "openai.embeddings": "embeddings",
}
"""Where each dialect is spoken, below the base URL."""

COMPATIBLE = UpstreamFacts(vendor="compatible", dialects=frozenset(ROUTES))


class OpenAICompatible:
    """`Upstream` for one base URL such as `https://models.example/v1`. Its repr shows neither URL nor key."""

    def __init__(
        self, base_url: str, key: str = "", *, keep_connections: bool = True, facts: UpstreamFacts = COMPATIBLE
    ) -> None:
        base = _base(base_url, has_key=bool(key))
        self.facts = facts
        self._urls = {dialect: base / route for dialect, route in ROUTES.items()}
        headers = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "safeconduct"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        self._headers: Mapping[bool, CIMultiDict[str]] = {
            stream: CIMultiDict(headers, accept="text/event-stream" if stream else "application/json")
            for stream in (True, False)
        }
        self._keep_connections = keep_connections
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Opens the session. On the loop that will use it."""
        connector = (
            aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=KEEP_ALIVE_S)
            if self._keep_connections
            else aiohttp.TCPConnector(limit=CONNECTIONS_MAX, force_close=True)
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
        return HTTPExchange(self._session, self._urls[ask.dialect], self._headers[ask.stream], ask.body)


class HTTPExchange:
    """`Exchange` over one HTTP request."""

    def __init__(self, session: aiohttp.ClientSession, url: URL, headers: "CIMultiDict[str]", body: bytes) -> None:
        self._session = session
        self._url = url
        self._headers = headers
        self._body = body
        self._response: aiohttp.ClientResponse | None = None

    async def head(self) -> UpstreamHead:
        try:
            response = await self._session.post(
                self._url, data=self._body, headers=self._headers, allow_redirects=False
            )
        except aiohttp.ClientConnectorError as error:
            raise UpstreamError(
                "no connection to the model server", code="upstream-unreachable", remedy="retry later"
            ) from error
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise _broken() from error
        self._response = response
        headers = response.headers
        return UpstreamHead(
            response.status,
            headers.get("content-type", ""),
            headers.get("content-encoding", ""),
            {name: headers[name] for name in HEADERS if name in headers},
        )

    async def read(self) -> bytes:
        if self._response is None:
            raise RuntimeError("an answer is read after its head")
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise _broken() from error

    def close(self) -> None:
        if self._response is not None:
            with contextlib.suppress(aiohttp.ClientError):
                self._response.close()


def _base(text: str, *, has_key: bool) -> URL:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise InvalidInputError(
            "expected a model server's base URL such as https://models.example/v1, without user, query or fragment",
            code="upstream-url-invalid",
        )
    if has_key and parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise InvalidInputError(
            "a key is sent over https only, or to this machine",
            code="upstream-url-insecure",
            remedy="use the https address of the model server",
        )
    return URL(text.rstrip("/"))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _broken() -> UpstreamError:
    # Not the library's words: they name hosts and addresses.
    return UpstreamError("the connection to the model server broke", code="upstream-broke", remedy="retry later")

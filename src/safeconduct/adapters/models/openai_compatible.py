"""An upstream over HTTP/1.1, by aiohttp. Nothing is retried, redirected, decompressed or remembered.

Connections are kept for less time than servers keep them, because a request sent on a connection that the server is
just closing is lost, and a call must not be sent twice.
"""

import contextlib
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from safeconduct.gateway.moves import UpstreamHead
from safeconduct.kernel.errors import InvalidInputError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECT_S = 5.0
"""Seconds until a connection stands. A server that is there answers in milliseconds."""

KEEP_ALIVE_S = 4.0
"""Seconds an idle connection is kept. Many model servers close theirs after five."""

CONNECTIONS_MAX = 256
"""Connections to one upstream. Calls beyond wait for one, until the first byte is overdue."""

HEADER_BYTES_MAX = 16 * 1024
"""Bytes of one header field of an answer. Answers carry a few hundred."""

COMPLETIONS = "chat/completions"


class OpenAICompatible:
    """`Upstream` for one base URL such as `https://models.example/v1`. Its repr shows neither URL nor key."""

    def __init__(self, base_url: str, key: str = "", *, keep_connections: bool = True) -> None:
        self._url = _base(base_url, has_key=bool(key)) / COMPLETIONS
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

    def exchange(self, body: bytes, *, stream: bool) -> "HTTPExchange":
        if self._session is None:
            raise RuntimeError("an upstream is started before it is asked")
        return HTTPExchange(self._session, self._url, self._headers[stream], body)


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
        return UpstreamHead(response.status, headers.get("content-type", ""), headers.get("content-encoding", ""))

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

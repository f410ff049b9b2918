"""A service's way to the gateway with a credential that is worth nothing outside this process.

The token is bound to a key that is drawn as this process begins and never leaves it; the service's own key signs only
for the next token. docs/spec/credentials.md section 5.
"""

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
from joserfc import jwt
from joserfc.jwk import OKPKey
from yarl import URL

from safeconduct.access.possession import token_hash
from safeconduct.adapters.clock import system_entropy
from safeconduct.http.problems import error_of
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.kernel.instants import SECOND
from safeconduct.kernel.ports import Clock
from safeconduct.ledger.keys import SecretKey

PLACE = "/api/v1/credentials"

RENEW_S = 300.0
"""Seconds before a token's end from which the next one is asked for: a server may restart meanwhile."""

ASSERTION_S = 60
"""Seconds for which an assertion holds: it is sent at once, and clocks differ."""

ANSWER_S = 30.0
"""Seconds that the server gets to give out a token."""

CALL_S = 3600.0
"""Seconds between two reads of an answer: no call runs longer, and the gateway ends it before."""

CONNECT_S = 5.0
"""Seconds until a connection stands."""

AGAIN = frozenset({"token-unknown", "token-expired"})
"""Refusals before anything was asked of a model that another token may mend: the last was ended, or this one slept."""

UNAUTHORIZED = 401

_FORM = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class _Given(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it goes on; `path` may have a query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class BoundClient:
    """Sends requests as one service. For one loop; `close` ends its connections."""

    def __init__(
        self, url: str, name: str, key: SecretKey, clock: Clock, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._base = URL(url).origin()
        self._name = name
        self._own = _jwk(key)
        self._clock = clock
        self._now_s = now_s
        self._held = OKPKey.generate_key("Ed25519")
        self._token, self._ends_s, self._audience = "", 0.0, ""
        self._renewing = asyncio.Lock()
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=CALL_S),
            auto_decompress=False,
            skip_auto_headers=("accept-encoding", "user-agent", "content-type"),
            trust_env=False,
        )

    async def close(self) -> None:
        """Closes every connection."""
        await self._session.close()

    async def send(self, asked: Asked) -> aiohttp.ClientResponse:
        """Sends a request with token and proof; where the token was ended, once more with another.

        Raises:
            UnavailableError: `server-away`.
            SafeconductError: as the server refuses a token.
        """
        answer = await self._sent(asked)
        if answer.status == UNAUTHORIZED and await _code(answer) in AGAIN:
            self._ends_s = 0.0
            answer = await self._sent(asked)
        return answer

    async def token(self) -> str:
        """Returns a token that holds, the next one shortly before the last one ends.

        Raises:
            UnavailableError: `server-away`.
            SafeconductError: as the server refuses it.
        """
        async with self._renewing:
            if self._now_s() >= self._ends_s - RENEW_S:
                try:
                    await self._renew()
                except SafeconductError:
                    if self._now_s() >= self._ends_s:
                        raise
        return self._token

    async def _renew(self) -> None:
        self._audience = self._audience or (await self._control("GET", b""))["audience"]
        assertion = self._assertion()
        form = aiohttp.FormData(
            {"grant_type": "client_credentials", "client_assertion_type": _FORM, "client_assertion": assertion}
        )
        given = msgspec.convert(await self._control("POST", form), _Given)
        self._token, self._ends_s = given.access_token, self._now_s() + given.expires_in

    async def _control(self, method: str, body: bytes | aiohttp.FormData) -> dict[str, Any]:
        try:
            async with asyncio.timeout(ANSWER_S):
                headers = self._headers(method, PLACE, "")
                async with self._session.request(
                    method, self._base.with_path(PLACE), data=body, headers=headers, allow_redirects=False
                ) as got:
                    document = msgspec.json.decode(await got.read(), type=dict)
        except (aiohttp.ClientError, OSError, msgspec.MsgspecError) as error:
            raise _away(self._base, error) from error
        if got.status != 200:  # noqa: PLR2004 - HTTP's OK
            raise error_of(document)
        return document

    async def _sent(self, asked: Asked) -> aiohttp.ClientResponse:
        token = await self.token()
        own = self._headers(asked.method, asked.path.partition("?")[0], token) | {"Authorization": f"DPoP {token}"}
        where = URL(f"{str(self._base).rstrip('/')}{asked.path}", encoded=True)
        try:
            return await self._session.request(
                asked.method, where, data=asked.body or None, headers={**asked.headers, **own}, allow_redirects=False
            )
        except (aiohttp.ClientError, OSError) as error:
            raise _away(self._base, error) from error

    def _headers(self, method: str, path: str, token: str) -> dict[str, str]:
        host = self._base.raw_authority
        claims = {"jti": system_entropy(16).hex(), "htm": method, "htu": f"{self._base.scheme}://{host}{path}"}
        claims |= {"ath": token_hash(token)} if token else {}
        head = {"alg": "Ed25519", "typ": "dpop+jwt", "jwk": self._held.as_dict(private=False)}
        return {"Host": host, "DPoP": jwt.encode(head, claims | {"iat": self._now()}, self._held, ["Ed25519"])}

    def _assertion(self) -> str:
        now = self._now()
        claims: dict[str, str | int] = {
            "iss": self._name,
            "sub": self._name,
            "aud": self._audience,
            "jti": system_entropy(16).hex(),
        }
        claims |= {"iat": now, "exp": now + ASSERTION_S}
        return jwt.encode({"alg": "Ed25519"}, claims, self._own, ["Ed25519"])

    def _now(self) -> int:
        return self._clock.now() // SECOND


def _jwk(key: SecretKey) -> OKPKey:
    secret = base64.b64decode(key.text.partition(":")[2])
    parts = {"d": secret, "x": key.public.raw}
    shown = {name: base64.urlsafe_b64encode(part).rstrip(b"=").decode() for name, part in parts.items()}
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", **shown})


async def _code(answer: aiohttp.ClientResponse) -> str:
    try:
        return str(msgspec.json.decode(await answer.read())["error"]["code"])
    except (aiohttp.ClientError, msgspec.MsgspecError, KeyError, TypeError):
        return ""


def _away(base: URL, error: Exception) -> UnavailableError:
    return UnavailableError(
        f"the server at {base} does not answer: {type(error).__name__}",
        code="server-away",
        remedy="retry; is it up, and is its certificate one that this machine trusts?",
    )

"""Access tokens for a Google service account: a signed assertion (RFC 7523), exchanged where its key file says."""

import asyncio
import base64
from dataclasses import dataclass, field
from urllib.parse import urlencode

import aiohttp
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from yarl import URL

from safeconduct.adapters.models.http_upstream import Reach, broken, post
from safeconduct.adapters.models.wire import Request, base_url
from safeconduct.gateway.terms import STATUS_OK
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.errors import InvalidInputError, UpstreamError
from safeconduct.kernel.instants import SECOND, Instant, seconds
from safeconduct.kernel.ports import Clock

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_S = 3600
"""Seconds an assertion holds: the most that is taken."""

EARLY_S = 300
"""Seconds before its end that a token is replaced, so that none ends on the way."""

ANSWER_BYTES_MAX = 64 * 1024
"""Bytes of the answer with a token. Tokens take about one thousand."""


class _File(msgspec.Struct, frozen=True):
    client_email: str
    private_key_id: str
    private_key: str
    token_uri: str


class _Given(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """Who asks, as its key file says."""

    email: str
    key_id: str
    key: RSAPrivateKey = field(repr=False)
    token_url: URL

    def assertion(self, at: Instant) -> str:
        """Returns the signed statement that a token is asked for with."""
        issued = at // SECOND
        head = canonical({"alg": "RS256", "typ": "JWT", "kid": self.key_id})
        claims = canonical(
            {
                "iss": self.email,
                "scope": SCOPE,
                "aud": str(self.token_url),
                "iat": issued,
                "exp": issued + ASSERTION_S,
            }
        )
        said = f"{_part(head)}.{_part(claims)}"
        return f"{said}.{_part(self.key.sign(said.encode(), PKCS1v15(), hashes.SHA256()))}"


def read_service_account(text: str) -> ServiceAccount:
    """Reads a key file.

    Raises:
        InvalidInputError: `key-unreadable`: it is no key file of a service account.
    """
    try:
        found = msgspec.json.decode(text, type=_File)
        key = load_pem_private_key(found.private_key.encode(), None)
    except (msgspec.MsgspecError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInputError("expected the JSON key file of a service account", code="key-unreadable") from error
    if not isinstance(key, RSAPrivateKey):
        raise InvalidInputError("expected an RSA key in the service account's key file", code="key-unreadable")
    url = base_url(found.token_uri, secret=True)
    return ServiceAccount(email=found.client_email, key_id=found.private_key_id, key=key, token_url=url)


class ServiceAccountTokens:
    """`TokenSource` of a service account. One exchange at a time; its token serves until shortly before its end."""

    def __init__(self, account: ServiceAccount, clock: Clock) -> None:
        self._account = account
        self._clock = clock
        self._token = ""
        self._until = Instant(0)
        self._lock = asyncio.Lock()

    async def token(self, session: aiohttp.ClientSession, reach: Reach) -> str:
        if self._clock.now() < self._until:
            return self._token
        async with self._lock:
            now = self._clock.now()
            if now >= self._until:
                given = await self._exchange(session, reach, now)
                self._token, self._until = given.access_token, Instant(now + seconds(given.expires_in - EARLY_S))
            return self._token

    async def _exchange(self, session: aiohttp.ClientSession, reach: Reach, now: Instant) -> _Given:
        body = urlencode({"grant_type": GRANT, "assertion": self._account.assertion(now)}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        response = await post(session, reach, Request(self._account.token_url, headers), body)
        try:
            answer = await _first_bytes(response)
        finally:
            response.close()
        try:
            if response.status == STATUS_OK:
                return msgspec.json.decode(answer, type=_Given)
        except msgspec.MsgspecError as error:
            raise _refused() from error
        raise _refused()


async def _first_bytes(response: aiohttp.ClientResponse) -> bytes:
    read = b""
    try:
        while len(read) <= ANSWER_BYTES_MAX and (data := await response.content.readany()):
            read += data
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise broken() from error
    return read


def _refused() -> UpstreamError:
    return UpstreamError(
        "no access token was given for the model server",
        code="upstream-misconfigured",
        remedy="the operator checks the service account, its key and its roles",
    )


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

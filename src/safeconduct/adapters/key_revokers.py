"""Keys at their vendors: looked at and revoked over the vendor's administration API, or by hand where that is the way.

OpenAI deletes a project's key (`DELETE /v1/organization/projects/{project}/api_keys/{key}`), Anthropic sets one
inactive (`POST /v1/organizations/api_keys/{key}`). Of answers only status and state go on: a text may quote a key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from safeconduct.access.upstream_keys import KeyRevoker, KeyState, Way
from safeconduct.adapters.models.anthropic import VERSION
from safeconduct.adapters.models.http_upstream import HEADER_BYTES_MAX, Reach
from safeconduct.adapters.models.wire import base_url
from safeconduct.adapters.reach import Secrets, reach_of
from safeconduct.adapters.upstreams_file import Anthropic, Described, OpenAI, read_file
from safeconduct.kernel.errors import RefusedError, UnavailableError

ANSWER_S = 20.0
"""Seconds for a whole request and its answer."""

ANSWER_BYTES_MAX = 64 * 1024
"""Bytes of an answer that are read. One key is described in less than one thousand."""

_OK, _ABSENT, _AGAIN = 200, 404, frozenset((408, 425, 429))
_SERVER_ERRORS = range(500, 600)
_INVALID = frozenset(("inactive", "archived", "expired"))

_PLACES: Mapping[str, str] = {
    "openai": "deletes it in the project's API keys on OpenAI's platform",
    "anthropic": "disables it among the API keys of Anthropic's console",
    "azure-openai": "regenerates it under the resource's keys in the Azure portal",
    "bedrock": "deactivates it among the access keys of AWS IAM",
    "vertex": "disables it among the service account's keys of Google Cloud IAM",
    "compatible": "revokes it at the model server",
}
"""What whoever administers it does by hand, by vendor."""


def find_way(file: Path, secrets: Secrets, upstreams: Sequence[str]) -> Way:
    """Returns how the key of upstreams is revoked: by the first of them that has an admin key, or by hand.

    Raises:
        InvalidInputError: the operator's file can't be used, or an admin key can't be read.
    """
    known = read_file(file) if file.exists() else {}
    described = [known[name] for name in upstreams if name in known]
    for one in described:
        if (revoker := make_revoker(one, secrets)) is not None:
            return Way(revoker, "")
    vendor = str(described[0].__struct_config__.tag) if described else ""
    why = "no admin key is configured" if vendor in ("openai", "anthropic") else "Safeconduct knows no other way"
    does = _PLACES.get(vendor, "revokes it at the vendor: the file of upstreams does not say which that is")
    return Way(None, f"whoever administers upstream {upstreams[0]} {does}; {why}")


def make_revoker(described: Described, secrets: Secrets) -> KeyRevoker | None:
    """Returns what revokes an upstream's key; None where the vendor has no such way, or the file has no `admin`.

    Raises:
        InvalidInputError: the admin key can't be read, or goes to an address that is neither https nor this machine.
    """
    if not isinstance(described, OpenAI | Anthropic) or described.admin is None:
        return None
    url, key = base_url(described.admin.url, secret=True), secrets("", described.admin.key_file)
    reach = reach_of(described, secrets)
    if isinstance(described, OpenAI):
        return OpenAIKeys(_API(url, {"authorization": f"Bearer {key}"}, reach), described.admin.project)
    return AnthropicKeys(_API(url, {"x-api-key": key, "anthropic-version": VERSION}, reach))


@dataclass(frozen=True, slots=True)
class _API:
    """A vendor's administration, and what we show it. One connection for each request."""

    url: URL
    headers: Mapping[str, str] = field(repr=False)
    reach: Reach = field(repr=False)

    async def ask(self, method: str, place: Sequence[str], document: object = None) -> Mapping[str, Any] | None:
        """Returns the object that is answered; None where there is no such thing. Raises as `KeyRevoker`'s methods."""
        url = URL(f"{self.url}/{'/'.join(quote(one, safe='') for one in place)}", encoded=True)
        try:
            async with (
                self._session() as session,
                session.request(
                    method,
                    url,
                    headers=self.headers,
                    json=document,
                    allow_redirects=False,
                    proxy=self.reach.proxy,
                    proxy_headers=self.reach.proxy_headers,
                ) as answered,
            ):
                return _understood(answered.status, await _read(answered))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unknown(f"the vendor did not answer: {type(error).__name__}") from error

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True, ssl=self.reach.tls or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=ANSWER_S),
            trust_env=False,
            max_field_size=HEADER_BYTES_MAX,
        )


@dataclass(frozen=True, slots=True)
class OpenAIKeys:
    """`KeyRevoker` of one project. A key that is deleted is absent from then on."""

    api: _API
    project: str

    async def look(self, key: str) -> KeyState:
        found = await self.api.ask("GET", self._place(key))
        if found is None:
            return KeyState.ABSENT
        _require_key(found, key)
        return KeyState.LIVE

    async def revoke(self, key: str) -> None:
        found = await self.api.ask("DELETE", self._place(key))
        if found is None or found.get("deleted") is not True:
            raise _unknown("the vendor did not say that the key is deleted")
        _require_key(found, key)

    def _place(self, key: str) -> Sequence[str]:
        return "organization", "projects", self.project, "api_keys", key


@dataclass(frozen=True, slots=True)
class AnthropicKeys:
    """`KeyRevoker` of one organization. It deletes no key: one that is absent was never there."""

    api: _API

    async def look(self, key: str) -> KeyState:
        status = self._status(await self.api.ask("GET", self._place(key)), key)
        if status not in {"active", *_INVALID}:
            raise _unknown("the vendor says of the key neither that it is active nor that it is not")
        return KeyState.LIVE if status == "active" else KeyState.REVOKED

    async def revoke(self, key: str) -> None:
        if self._status(await self.api.ask("POST", self._place(key), {"status": "inactive"}), key) not in _INVALID:
            raise _unknown("the vendor did not say that the key is inactive")

    def _place(self, key: str) -> Sequence[str]:
        return "v1", "organizations", "api_keys", key

    def _status(self, found: Mapping[str, Any] | None, key: str) -> str:
        if found is None:
            raise RefusedError("the vendor knows no key of that id", code="vendor-key-unknown")
        _require_key(found, key)
        return str(found.get("status"))


async def _read(answered: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in answered.content.iter_chunked(ANSWER_BYTES_MAX):
        body += part
        if len(body) > ANSWER_BYTES_MAX:
            raise _unknown(f"the vendor's answer has more than {ANSWER_BYTES_MAX} bytes")
    return bytes(body)


def _understood(status: int, body: bytes) -> Mapping[str, Any] | None:
    if status == _ABSENT:
        return None
    if status in _AGAIN or status in _SERVER_ERRORS:
        raise _unknown(f"the vendor answered {status}")
    if status != _OK:
        raise RefusedError(f"the vendor answered {status}", code="vendor-refused")
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unknown("the vendor's answer is no JSON object") from error


def _require_key(found: Mapping[str, Any], key: str) -> None:
    if found.get("id") != key:
        raise _unknown("the vendor's answer is about another key")


def _unknown(what: str) -> UnavailableError:
    return UnavailableError(what, code="vendor-unavailable")

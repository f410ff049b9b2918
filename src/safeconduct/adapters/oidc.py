"""Identity providers over HTTP: OpenID Connect Discovery 1.0, their keys, and the signatures of their ID tokens."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from safeconduct.access.identity import IdentityProvider
from safeconduct.access.sign_in import Claims
from safeconduct.adapters.outbound import exchange, http_address, require_private
from safeconduct.kernel.errors import InvalidInputError, SafeconductError, UnauthenticatedError, UnavailableError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
"""Signatures by a key of the provider's. None at all, or one by a secret that we share, is not taken."""

ANSWER_BYTES_MAX = 256 * 1024
"""Bytes of a provider's description or keys; large ones publish some tens of keys."""

TIMEOUT_S = 10.0
"""Seconds that a provider gets for one answer."""

KEYS_AGE_MAX_S = 3600.0
"""Seconds for which its keys are believed: what it withdrew counts no longer than that."""

KEYS_AGAIN_S = 30.0
"""Seconds between two looks for a key that is not among them: else each bad token would be one request to it."""

ID_TOKEN_BYTES_MAX = 16 * 1024
"""Bytes of an ID token; with many groups in it, it has a few thousand."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider takes people and codes."""

    authorization: str
    token: str


@dataclass(frozen=True, slots=True)
class _Keys:
    keys: KeySet
    at: float


@dataclass(frozen=True, slots=True)
class _Failed:
    why: str
    at: float


class OpenIDProviders:
    """Checks ID tokens' signatures. Any thread; blocks while it asks a provider."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._kept: dict[str, _Keys] = {}
        self._failed: dict[str, _Failed] = {}
        self._looking: dict[str, threading.Lock] = {}  # by issuer, so that none waits for another's

    def claims(self, provider: IdentityProvider, id_token: str) -> Claims:
        """Returns the claims of an ID token that the provider signed. What they say is for others to check.

        Raises:
            UnauthenticatedError: `sign-in-unsigned`: the provider did not sign it, or it is no ID token.
            UnavailableError: `identity-provider-down`.
            InvalidInputError: it is over ID_TOKEN_BYTES_MAX.
        """
        if len(id_token) > ID_TOKEN_BYTES_MAX:
            raise InvalidInputError(f"expected an ID token of at most {ID_TOKEN_BYTES_MAX} bytes", code="too-large")
        with self._looking.setdefault(
            provider.issuer, threading.Lock()
        ):  # one look at a time: many who sign in at once cause one
            found = self._kept.get(provider.issuer)
            if found is None or self._now_s() - found.at > KEYS_AGE_MAX_S:
                found = self._look(provider.issuer)
            try:
                return _claims(id_token, found.keys)
            except UnauthenticatedError:
                if self._now_s() - found.at < KEYS_AGAIN_S:
                    raise
            return _claims(id_token, self._look(provider.issuer).keys)  # it may have made another key since

    def _look(self, issuer: str) -> _Keys:
        """Looks, unless that failed just now: who has no credential must not have us wait for it at will."""
        failed = self._failed.get(issuer)
        if failed is not None and self._now_s() - failed.at < KEYS_AGAIN_S:
            raise _down(issuer, f"it could not be a moment ago: {failed.why}")
        try:
            found = self._asked(issuer)
        except SafeconductError as error:
            self._failed[issuer] = _Failed(str(error), self._now_s())
            raise
        self._failed.pop(issuer, None)
        self._kept[issuer] = found
        return found

    def _asked(self, issuer: str) -> _Keys:
        try:
            keys = KeySet.import_key_set(_get(_text(described(issuer), "jwks_uri")))  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _down(issuer, f"its keys can't be read: {type(error).__name__}") from error
        return _Keys(keys, self._now_s())


def described(issuer: str) -> Mapping[str, Any]:
    """Returns what a provider says of itself, if it is the one.

    Raises:
        UnavailableError: `identity-provider-down`.
    """
    found = _get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != issuer:
        raise _down(issuer, f"it calls itself {str(found.get('issuer'))[:200]!r}")
    return found


def endpoints(issuer: str) -> Endpoints:
    """Returns where a provider takes people and codes.

    Raises:
        UnavailableError: `identity-provider-down`.
    """
    found = described(issuer)
    return Endpoints(_text(found, "authorization_endpoint"), _text(found, "token_endpoint"))


def _claims(id_token: str, keys: KeySet) -> Claims:
    try:
        return msgspec.convert(jwt.decode(id_token, keys, algorithms=ALGORITHMS).claims, Claims)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise UnauthenticatedError(
            f"this is no ID token that the identity provider signed: {type(error).__name__}",
            code="sign-in-unsigned",
            remedy="sign in again: safeconduct login",
        ) from error


def _get(url: str) -> dict[str, Any]:
    where = http_address(url, "an address of an identity provider")
    require_private(where)
    path = (where.path or "/") + (f"?{where.query}" if where.query else "")
    try:
        answered = exchange(
            where,
            "GET",
            path,
            headers={"accept": "application/json"},
            timeout_s=TIMEOUT_S,
            answer_bytes_max=ANSWER_BYTES_MAX,
        )
    except OSError as error:
        raise _down(url, str(error)) from error
    if answered.status != 200 or len(answered.body) > ANSWER_BYTES_MAX:  # noqa: PLR2004 - HTTP's OK
        raise _down(url, f"it answered {answered.status} with {len(answered.body)} bytes")
    try:
        return msgspec.json.decode(answered.body, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _down(url, f"its answer is no JSON object: {error}") from error


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str):
        raise _down(str(found.get("issuer")), f"it does not say its {name}")
    require_private(http_address(value, f"an address as {name}"))
    return value


def _down(where: str, why: str) -> UnavailableError:
    return UnavailableError(
        f"the identity provider at {where} can't be asked: {why}",
        code="identity-provider-down",
        remedy="try again later; who has a key signs in with it: safeconduct login --key FILE",
    )

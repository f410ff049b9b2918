"""Assertions: JWTs by which a service shows who it is, signed by its own key in the program (RFC 7523 section 3)."""

import base64
import hashlib
from typing import Any

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from safeconduct.access.possession import JTI_MAX, JTI_MIN
from safeconduct.access.sign_in import AHEAD_MAX, Claims
from safeconduct.kernel.errors import UnauthenticatedError
from safeconduct.kernel.instants import HOUR, MINUTE, SECOND, Duration, Instant, rfc3339
from safeconduct.ledger.keys import PublicKey

LIFETIME_MAX = Duration(5 * MINUTE)
"""From when it was made to when it expires: it is made to be brought at once, and is kept in mind as long."""

WORKLOAD_MAX: Duration = HOUR
"""The same of a token that a platform gives its workloads: they come for ten minutes to an hour."""

BYTES_MAX = 16 * 1024
"""Bytes of an assertion. Those of platforms that name a workload have two thousand."""

ALGORITHMS = ("Ed25519",)
"""How a key of the program signs, by its name of RFC 9864. No signature, or one by a shared secret, is not taken."""

_TYPES = ("", "JWT", "client-authentication+jwt")
_KEYS_BROUGHT = frozenset({"jwk", "jku", "x5u", "x5c"})


def stated_claims(assertion: str) -> Claims:
    """Returns what an assertion says, before anything of it is believed: to find the key that must have signed it.

    Raises:
        UnauthenticatedError: `assertion-invalid`.
    """
    try:
        return msgspec.convert(msgspec.json.decode(_extracted(assertion).payload), Claims)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise _invalid(f"it is no JWT: {type(error).__name__}") from error


def signed_claims(assertion: str, key: PublicKey) -> Claims:
    """Returns the claims of an assertion that this key signed.

    Raises:
        UnauthenticatedError: `assertion-invalid`.
    """
    own = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": _base64url(key.raw)})
    try:
        _check_header(_extracted(assertion).headers(), own.thumbprint())
        return msgspec.convert(jwt.decode(assertion, own, algorithms=ALGORITHMS).claims, Claims)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise _invalid(f"key {key.fingerprint}, which the program names, did not sign it") from error


def check_assertion(claims: Claims, *, client: str, audience: str, now: Instant) -> None:
    """Returns if an assertion is that client's own, for us alone, and of now.

    Raises:
        UnauthenticatedError: `assertion-not-ours`, `assertion-stale`.
    """
    _check_ours(
        (claims.iss == claims.sub == client, f"iss and sub must both be {client!r}"),
        (claims.audience == (audience,), f"aud must be {audience!r} alone"),
        (JTI_MIN <= len(claims.jti) <= JTI_MAX, f"jti must have {JTI_MIN} to {JTI_MAX} characters"),
    )
    _check_times(claims, now, lasts=LIFETIME_MAX)


def check_workload(claims: Claims, *, issuer: str, audience: str, now: Instant) -> None:
    """Returns if a platform's token, whose signature was checked, is that issuer's, for us alone, and of now.

    Raises:
        UnauthenticatedError: `assertion-not-ours`, `assertion-stale`.
    """
    _check_ours(
        (claims.iss == issuer, f"iss must be {issuer!r}"),
        (claims.audience == (audience,), f"aud must be {audience!r} alone"),
    )
    _check_times(claims, now, lasts=WORKLOAD_MAX)


def _check_ours(*rules: tuple[bool, str]) -> None:
    for holds, otherwise in rules:
        if not holds:
            raise UnauthenticatedError(
                f"the assertion is not for this installation: {otherwise}",
                code="assertion-not-ours",
                remedy="GET /api/v1/credentials tells the audience; a platform's is the provider's client_id",
            )


def _check_times(claims: Claims, now: Instant, *, lasts: Duration) -> None:
    issued, begins, expires = (Instant(int(at * SECOND)) for at in (claims.iat, claims.nbf, claims.exp))
    ahead = max(issued, begins) > now + AHEAD_MAX
    if ahead or now >= expires or expires - issued > lasts:
        raise UnauthenticatedError(
            f"the assertion is of {rfc3339(issued)} and holds until {rfc3339(expires)}; it is {rfc3339(now)} here",
            code="assertion-stale",
            remedy=f"bring one that holds for at most {lasts // SECOND} s; if that fails, compare the two clocks",
        )


def assertion_id(claims: Claims) -> str:
    """Returns what an assertion is known by, so that it counts once. It is short, whatever the issuer writes.

    A platform that numbers nothing says when for whom: one token for each workload and second.
    """
    number = claims.jti or [claims.sub, claims.iat, claims.exp]
    return hashlib.sha256(msgspec.json.encode([claims.iss, number])).hexdigest()


def _extracted(assertion: str) -> Any:  # noqa: ANN401 - joserfc names its class privately
    if len(assertion) > BYTES_MAX:
        raise ValueError(f"expected at most {BYTES_MAX} bytes")
    return jws.extract_compact(assertion.encode())


def _check_header(header: dict[str, Any], thumbprint: str) -> None:
    if _KEYS_BROUGHT & header.keys():
        raise ValueError("it brings its own key along")
    if header.get("typ", "") not in _TYPES or header.get("kid", thumbprint) != thumbprint:
        raise ValueError("it is of another type, or names another key")


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _invalid(why: str) -> UnauthenticatedError:
    return UnauthenticatedError(
        f"the assertion does not hold: {why}",
        code="assertion-invalid",
        remedy="sign it with the key whose public half the program names, as Ed25519; see docs/spec/credentials.md",
    )

"""What a token may be bound to, so that it is worth nothing to whoever merely found it: a key or a certificate.

A proof of possession (DPoP, RFC 9449) is a JWT that a request's sender signs for exactly that request; a certificate
(RFC 8705) is proven by TLS itself. Both come to a text that stands in the token: `jkt:` or `x5t:` and a thumbprint.
"""

import base64
import hashlib
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from safeconduct.kernel.errors import UnauthenticatedError
from safeconduct.kernel.instants import MINUTE, SECOND, Duration, Instant, rfc3339

ALGORITHMS = ("Ed25519", "ES256")
"""Signatures of proofs. Asymmetric only: a proof shows a key that the server does not have."""

PROOF_AGE_MAX: Duration = MINUTE
"""How old a proof may be, and how far ahead its clock: it is made for one request and sent at once."""

PROOF_BYTES_MAX = 2048
"""Bytes of a proof; one with an address of usual length has 600."""

JTI_MIN, JTI_MAX = 16, 128
"""Characters of a proof's or an assertion's id: 96 random bits and more."""

KEYS_KEPT = 1024
"""Headers of proofs that stay read. A caller sends the same one with each request."""

_TYPE = "dpop+jwt"
_KINDS: dict[str, type[OKPKey] | type[ECKey]] = {"OKP": OKPKey, "EC": ECKey}
_PRIVATE = frozenset({"d", "k"})


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of a proof: which request, when, and the hash of the token that goes with it, if one does."""

    jti: str
    htm: str
    htu: str
    iat: Annotated[float, msgspec.Meta(ge=0, le=253_402_300_799)]  # to the end of the year 9999
    ath: str = ""

    @property
    def made_at(self) -> Instant:
        """When it says that it was made."""
        return Instant(int(self.iat * SECOND))


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The request that a proof has to be for: its method, its host and path as sent, and its token if it has one."""

    method: str
    address: str
    token: str = ""


def bound_to_key(thumbprint: str) -> str:
    """Returns what stands in a token that is bound to a key with this thumbprint (RFC 7638)."""
    return f"jkt:{thumbprint}"


def bound_to_certificate(der: bytes) -> str:
    """Returns what stands in a token that is bound to this certificate."""
    return f"x5t:{_hashed(der)}"


def certificate_in(holds: tuple[str, ...]) -> str:
    """Returns the thumbprint of the certificate among what a sender holds; empty if there is none."""
    return next((one.removeprefix("x5t:") for one in holds if one.startswith("x5t:")), "")


def token_hash(token: str) -> str:
    """Returns `ath`: the hash of a token that a proof goes with."""
    return _hashed(token.encode())


def check_proof(text: str, asked: Asked, now: Instant) -> tuple[str, Proof]:
    """Returns what the sender holds by a proof, and its claims. That it came once only is for others to see to.

    Raises:
        UnauthenticatedError: `proof-invalid`: it is none, for another request or token, or not of now.
    """
    if len(text) > PROOF_BYTES_MAX:
        raise _invalid(f"it has {len(text)} bytes, and a proof at most {PROOF_BYTES_MAX}")
    try:
        thumbprint, proof = _signed(text)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise _invalid(f"it is no {_TYPE} that its own key signed: {type(error).__name__}") from error
    for holds, otherwise in (
        (JTI_MIN <= len(proof.jti) <= JTI_MAX, f"its jti does not have {JTI_MIN} to {JTI_MAX} characters"),
        (proof.htm == asked.method, f"it is for {proof.htm[:16]!r}, and this is {asked.method}"),
        (_place(proof.htu) == asked.address, f"it is for {proof.htu[:200]!r}, and this is {asked.address[:200]!r}"),
        (proof.ath == (token_hash(asked.token) if asked.token else ""), "it is for another token"),
        (abs(now - proof.made_at) <= PROOF_AGE_MAX, f"it is of {_told(proof)}; it is {rfc3339(now)} here"),
    ):
        if not holds:
            raise _invalid(otherwise)
    return bound_to_key(thumbprint), proof


def _signed(text: str) -> tuple[str, Proof]:
    header, _, _ = text.partition(".")
    key, thumbprint = _key_in(header)
    found = jws.deserialize_compact(text, key, algorithms=ALGORITHMS)
    return thumbprint, msgspec.json.decode(found.payload, type=Proof)


@lru_cache(maxsize=KEYS_KEPT)
def _key_in(header: str) -> tuple[OKPKey | ECKey, str]:
    stated = msgspec.json.decode(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)), type=dict[str, Any])
    jwk = stated.get("jwk")
    if stated.get("typ") != _TYPE or not isinstance(jwk, dict) or _PRIVATE & jwk.keys():
        raise ValueError(f"expected typ {_TYPE} and a public jwk")
    key = _KINDS[jwk["kty"]].import_key(jwk)
    return key, key.thumbprint()


def _place(url: str) -> str:
    # The scheme is left aside: where TLS ends before this server, it can't be seen here.
    return url.partition("://")[2]


def _told(proof: Proof) -> str:
    return f"{proof.iat:.0f} s since 1970"


def _hashed(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _invalid(why: str) -> UnauthenticatedError:
    return UnauthenticatedError(
        f"the proof of possession does not hold: {why}",
        code="proof-invalid",
        remedy="make one for each request (RFC 9449), by a clock that is right; safeconduct sidecar does",
    )

"""Tokens as they stand in the records: never their secrets."""

from dataclasses import dataclass

from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An API token, as the hash of its secret. `id` is shown to people; the secret was shown once.

    `provider` is where its holder signed in, and `tier` what that counts for; empty and None where a key signed for it.
    `bound` is what its sender must hold (access/possession.py), empty for a bearer token; `means` what a service showed
    for it, empty where it was issued in another way.
    """

    id: str
    hash: str
    principal: PrincipalId
    issued_at: Instant
    expires_at: Instant
    provider: str = ""
    tier: int | None = None
    bound: str = ""
    means: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Honeytoken:
    """A token that was laid out as bait, as the hash of its secret. It is nobody's, so nothing admits it."""

    id: str
    hash: str
    place: str
    by: PrincipalId
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCredential:
    """What stays known of a service's token until `forget_at`: the assertion it came of, which counts once."""

    assertion: str
    forget_at: Instant

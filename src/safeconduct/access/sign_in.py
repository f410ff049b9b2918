"""Signing in with an identity provider: from an ID token whose signature was checked to a short-lived API token.

OpenID Connect Core 1.0, section 3.1.3.7. The caller proves that the ID token was made for it, and not found: its nonce
is the SHA-256 of a verifier that only who began the sign-in knows, as PKCE has it for codes (RFC 7636).
"""

import base64
import hashlib
from typing import Annotated

import msgspec

from safeconduct.access import records as kept
from safeconduct.access.acts import refuse_frozen, refuse_left
from safeconduct.access.events import TOKEN_ISSUED, SignedIn, TokenIssued
from safeconduct.access.identity import IdentityProvider
from safeconduct.access.model.parties import Principal, PrincipalKind, Role
from safeconduct.access.secrets import make_secret, secret_hash
from safeconduct.access.tokens import TOKEN_PREFIX, IssuedToken, check_bearer, installation_log
from safeconduct.kernel.errors import AbsentError, InvalidInputError, RefusedError, UnauthenticatedError
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import HOUR, MINUTE, SECOND, Duration, Instant, rfc3339
from safeconduct.kernel.ports import Entropy, Records, Transaction

LIFETIME_MAX: Duration = HOUR
"""A token of a sign-in lives for an hour: who loses the account there is out here within it."""

AGE_MAX = Duration(5 * MINUTE)
"""How old an ID token may be: it is made when somebody has signed in, and brought at once."""

AHEAD_MAX: Duration = MINUTE
"""How far another clock may be ahead."""

VERIFIER_MIN, VERIFIER_MAX = 43, 128
"""Characters of a verifier, as RFC 7636 has them: 256 random bits and more."""


_Seconds = Annotated[float, msgspec.Meta(ge=0, le=253_402_300_799)]  # to the end of the year 9999: no infinity


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of an ID token or an assertion that count here. Times are seconds since 1970."""

    iss: str
    sub: str
    aud: str | tuple[str, ...]
    exp: _Seconds
    iat: _Seconds
    nbf: _Seconds = 0
    jti: str = ""
    nonce: str = ""
    azp: str = ""
    acr: str = ""
    acrs: str | tuple[str, ...] = ()

    @property
    def audience(self) -> tuple[str, ...]:
        """Whom it is for."""
        return (self.aud,) if isinstance(self.aud, str) else self.aud

    @property
    def contexts(self) -> tuple[str, ...]:
        """What it states of how somebody signed in, `acr` of the standard and `acrs` of Microsoft's."""
        more = (self.acrs,) if isinstance(self.acrs, str) else self.acrs
        return tuple(sorted({context for context in (self.acr, *more) if context}))


def nonce_of(verifier: str) -> str:
    """Returns the nonce that a sign-in with this verifier is begun with.

    Raises:
        InvalidInputError: it is too short to be secret, or too long.
    """
    if not VERIFIER_MIN <= len(verifier) <= VERIFIER_MAX or not verifier.isascii():
        raise InvalidInputError(
            f"expected a verifier of {VERIFIER_MIN} to {VERIFIER_MAX} characters", code="verifier-invalid"
        )
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def check_claims(claims: Claims, provider: IdentityProvider, verifier: str, now: Instant) -> None:
    """Returns if the claims are of that provider, for us, for who began the sign-in, and of now.

    Raises:
        UnauthenticatedError: `sign-in-not-ours`, `sign-in-stale`.
        InvalidInputError: `verifier-invalid`.
    """
    checks = (
        (claims.iss == provider.issuer, "another issuer"),
        (provider.client_id in claims.audience, "another client"),
        (len(claims.audience) == 1 or claims.azp == provider.client_id, "several clients, and made by another"),
        (claims.nonce == nonce_of(verifier), "a sign-in that somebody else began"),
    )
    for holds, otherwise in checks:
        if not holds:
            raise UnauthenticatedError(
                f"the ID token is for {otherwise}", code="sign-in-not-ours", remedy="sign in again: safeconduct login"
            )
    issued, expires = (Instant(int(at * SECOND)) for at in (claims.iat, claims.exp))
    if not now - AGE_MAX <= issued <= now + AHEAD_MAX or now >= expires:
        raise UnauthenticatedError(
            f"the ID token is of {rfc3339(issued)} and holds until {rfc3339(expires)}; it is {rfc3339(now)} here",
            code="sign-in-stale",
            remedy="sign in again; if that fails, compare the two clocks",
        )


def sign_in(
    tx: Transaction,
    entropy: Entropy,
    provider_id: str,
    claims: Claims,
    *,
    verifier: str,
    lifetime: Duration,
    evidence: str = "",
) -> IssuedToken:
    """Issues a token to whoever signed in, once for each ID token. `evidence` is that ID token, kept sealed.

    Raises:
        AbsentError: `identity-provider-unknown`.
        UnauthenticatedError: as `check_claims`; `sign-in-used`; `identity-unknown`: nobody here is that subject.
        RefusedError: `principal-frozen`, `directory-suspended`, `binding-missing`.
        InvalidInputError: the lifetime is over LIFETIME_MAX, or none.
    """
    provider = find_provider(tx, provider_id)
    check_claims(claims, provider, verifier, tx.now)
    if not 0 < lifetime <= LIFETIME_MAX:
        raise InvalidInputError(f"a token of a sign-in lives for {LIFETIME_MAX // MINUTE} minutes at most")
    nonce = _unused(tx, provider, claims.nonce)
    principal = _admitted(tx, provider, claims.sub)
    secret = TOKEN_PREFIX + make_secret(entropy)
    event = TokenIssued(
        id=tx.new_id(),
        hash=secret_hash(secret),
        principal=principal.id,
        by=principal.id,
        expires_at=Instant(tx.now + lifetime),
        signed_in=SignedIn(
            provider=provider.id, contexts=claims.contexts, tier=provider.reach(claims.contexts), nonce=nonce
        ),
    )
    sealed = {"id_token": evidence} if evidence else {}
    tx.append(installation_log(tx), TOKEN_ISSUED.draft(event, sealed=sealed, subject=principal.id))
    return IssuedToken(id=event.id, principal=principal.id, expires_at=event.expires_at, secret=secret)


def _unused(records: Records, provider: IdentityProvider, nonce: str) -> str:
    """Returns the hash of a nonce that no sign-in had before."""
    hashed = secret_hash(nonce)
    if records.get(kept.SIGN_INS, f"{provider.id}/{hashed}") is not None:
        raise UnauthenticatedError("this sign-in was used before", code="sign-in-used", remedy="sign in again")
    return hashed


def _admitted(tx: Transaction, provider: IdentityProvider, subject: str) -> Principal:
    principal = _identified(tx, provider, subject)
    refuse_frozen(tx, principal)
    refuse_left(tx, principal)
    check_bearer(principal)
    return principal


def find_provider(records: Records, provider_id: str) -> IdentityProvider:
    """Returns an identity provider of the program in force.

    Raises:
        AbsentError: `identity-provider-unknown`.
    """
    found = records.get(kept.IDENTITY_PROVIDERS, provider_id)
    if found is None:
        raise AbsentError(
            f"no identity provider {provider_id[:64]!r} is in the program in force",
            code="identity-provider-unknown",
            remedy="safeconduct login --oidc names one of the program's identity_providers",
        )
    return found


def administrators_with_keys(records: Records) -> tuple[PrincipalId, ...]:
    """Returns who changes things also while identity providers are down: administrators with keys of their own."""
    people = (principal for _, principal in records.scan(kept.PRINCIPALS))
    return tuple(one.id for one in people if one.key is not None and Role.ADMINISTRATOR in one.roles)


def check_reach(sign_in_tier: int | None, needed: int, model: str) -> None:
    """Returns if a sign-in counts for a model's tier. None stands for a token that a key signed for.

    Raises:
        RefusedError: `sign-in-too-weak`.
    """
    if sign_in_tier is not None and sign_in_tier < needed:
        raise RefusedError(
            f"{model} needs tier {needed}, and the sign-in behind this token counts up to tier {sign_in_tier}",
            code="sign-in-too-weak",
            clause="identity_providers",
            remedy="sign in with an authentication context that counts for it, or use a token that your key signed",
        )


def _identified(records: Records, provider: IdentityProvider, subject: str) -> Principal:
    for _, principal in records.scan(kept.PRINCIPALS):
        known, own = principal.identity, principal.organization == provider.organization
        if known is None or not own or principal.kind is not PrincipalKind.PERSON:
            continue
        if (known.provider, known.subject) == (provider.id, subject):
            return principal
    raise UnauthenticatedError(
        f"nobody in the program in force is this subject of {provider.id}",
        code="identity-unknown",
        remedy="an administrator adds `identity` with this provider and your subject there to your principal",
    )

"""Services' credentials: from an assertion, a platform's token or a client certificate to a short-lived token.

RFC 7523 and RFC 8705 as docs/spec/credentials.md has them. Nobody renews a token: showing who one is again is all.
"""

from dataclasses import dataclass
from enum import StrEnum

from safeconduct.access import records as kept
from safeconduct.access.acts import refuse_frozen
from safeconduct.access.assertions import (
    assertion_id,
    check_assertion,
    check_workload,
    signed_claims,
    stated_claims,
)
from safeconduct.access.credential_events import CREDENTIAL_ISSUED, CredentialIssued
from safeconduct.access.identity import Identity, IdentityProvider
from safeconduct.access.model.parties import Principal, PrincipalKind
from safeconduct.access.possession import certificate_in
from safeconduct.access.secrets import make_secret, secret_hash
from safeconduct.access.sign_in import AHEAD_MAX, Claims
from safeconduct.access.tokens import TOKEN_PREFIX, IssuedToken, check_bearer, installation_log
from safeconduct.kernel.errors import InvalidInputError, LimitedError, RefusedError, UnauthenticatedError
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import HOUR, MINUTE, SECOND, Duration, Instant
from safeconduct.kernel.ports import Entropy, Records, Transaction
from safeconduct.ledger.keys import PublicKey

LIFETIME_MAX: Duration = HOUR
"""A service's token lives for an hour, and is out at once when the program names another key for it."""

LIVE_MAX = 256
"""Tokens of one service that hold at once: some tens of its processes that renew early. Beyond it one is stuck."""


class Means(StrEnum):
    """What a service showed."""

    KEY = "key"  # an assertion that its key in the program signed
    WORKLOAD = "workload"  # a token of its platform, which the program names as an identity provider
    CERTIFICATE = "certificate"  # the client certificate that the program pins


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Who a service showed that it is. `evidence` is what the program named as it did so: key, certificate, identity.

    `assertion` is what the assertion is known by, and `until` when it would have expired; empty and 0 without one.
    """

    principal: PrincipalId
    means: Means
    evidence: str
    assertion: str
    until: Instant
    provider: str = ""
    tier: int | None = None


def audience_of(records: Records) -> str:
    """Returns whom an assertion is for: the installation's name, which stands in the program both parties have.

    Raises:
        UnavailableError: `no-program`.
    """
    return installation_log(records).removesuffix("/installation")


def shown_by_key(records: Records, assertion: str, now: Instant) -> Shown:
    """Returns who signed an assertion.

    Raises:
        UnauthenticatedError: `client-unknown`, and as `assertions` says.
    """
    audience = audience_of(records)
    subject = stated_claims(assertion).sub
    principal = _service(records, subject)
    if principal.key is None:
        raise _unknown(subject)
    claims = signed_claims(assertion, PublicKey.parse(principal.key))
    check_assertion(claims, client=principal.id, audience=audience, now=now)
    until = Instant(int(claims.exp * SECOND))
    return Shown(
        principal=principal.id,
        means=Means.KEY,
        evidence=principal.key,
        assertion=assertion_id(claims),
        until=until,
    )


def provider_of(records: Records, assertion: str) -> IdentityProvider | None:
    """Returns the identity provider that an assertion says it is of; None for one that a service signed itself.

    Raises:
        UnauthenticatedError: `assertion-invalid`.
    """
    stated = stated_claims(assertion)
    named = (one for _, one in records.scan(kept.IDENTITY_PROVIDERS) if one.issuer == stated.iss)
    return next((one for one in named if one.client_id in stated.audience), None)


def shown_by_workload(records: Records, provider: IdentityProvider, claims: Claims, now: Instant) -> Shown:
    """Returns whose token of its platform this is. `claims` are those of a token whose signature was checked.

    Raises:
        UnauthenticatedError: `client-unknown`, `assertion-not-ours`, `assertion-stale`.
    """
    check_workload(claims, issuer=provider.issuer, audience=provider.client_id, now=now)
    wanted = Identity(provider.id, claims.sub)
    found = next((one for _, one in records.scan(kept.PRINCIPALS) if one.identity == wanted), None)
    principal = _service(records, found.id if found else claims.sub)
    if principal.identity != wanted or principal.organization != provider.organization:
        raise _unknown(claims.sub)
    return Shown(
        principal=principal.id,
        means=Means.WORKLOAD,
        evidence=_named(principal, Means.WORKLOAD),
        assertion=assertion_id(claims),
        until=Instant(int(claims.exp * SECOND)),
        provider=provider.id,
        tier=provider.reach(()),
    )


def shown_by_certificate(records: Records, client: str, holds: tuple[str, ...]) -> Shown:
    """Returns who a client certificate says is there: the service for which the program pins it.

    Raises:
        UnauthenticatedError: `client-unknown`: no such service, none with that certificate, or none was shown.
    """
    principal = _service(records, client)
    if not principal.certificate or principal.certificate != certificate_in(holds):
        raise _unknown(client)
    return Shown(
        principal=principal.id,
        means=Means.CERTIFICATE,
        evidence=principal.certificate,
        assertion="",
        until=Instant(0),
    )


def issue_credential(
    tx: Transaction, entropy: Entropy, shown: Shown, *, holds: tuple[str, ...], lifetime: Duration, evidence: str = ""
) -> IssuedToken:
    """Issues a token to a service that showed who it is, once for each assertion, which `evidence` is, kept sealed.

    It is bound to what its sender `holds`: a certificate before a key, as TLS proves that for each request by itself.

    Raises:
        UnauthenticatedError: `client-unknown`: the program has changed since; `assertion-used`.
        RefusedError: `principal-frozen`; `binding-missing`: the program demands a bound token.
        LimitedError: `credentials-too-many`.
        InvalidInputError: the lifetime is over LIFETIME_MAX, or none.
    """
    if not 0 < lifetime <= LIFETIME_MAX:
        raise InvalidInputError(f"a token of a service lives for {LIFETIME_MAX // MINUTE} minutes at most")
    principal = _service(tx, shown.principal)
    if shown.evidence != _named(principal, shown.means):
        raise _unknown(shown.principal)
    refuse_frozen(tx, principal)
    _check_used(tx, shown)
    bound = _binding(principal, holds)
    secret = TOKEN_PREFIX + make_secret(entropy)
    event = CredentialIssued(
        id=tx.new_id(),
        hash=secret_hash(secret),
        principal=principal.id,
        expires_at=Instant(tx.now + lifetime),
        means=shown.means,
        bound=bound,
        assertion=shown.assertion,
        provider=shown.provider,
        tier=shown.tier,
        forget_at=Instant(max(shown.until + AHEAD_MAX, tx.now + lifetime)),
    )
    sealed = {"assertion": evidence} if evidence else {}
    tx.append(installation_log(tx), CREDENTIAL_ISSUED.draft(event, sealed=sealed, subject=principal.id))
    return IssuedToken(id=event.id, principal=principal.id, expires_at=event.expires_at, secret=secret, bound=bound)


def _named(principal: Principal, means: Means) -> str:
    match means:
        case Means.KEY:
            return principal.key or ""
        case Means.CERTIFICATE:
            return principal.certificate
        case Means.WORKLOAD:
            return f"{principal.identity.provider}/{principal.identity.subject}" if principal.identity else ""


def _check_used(tx: Transaction, shown: Shown) -> None:
    live = [one for _, one in tx.scan(kept.CREDENTIALS, f"{shown.principal}/") if one.forget_at > tx.now]
    if shown.assertion and any(one.assertion == shown.assertion for one in live):
        raise UnauthenticatedError("the assertion was used before", code="assertion-used", remedy="sign a new one")
    if len(live) >= LIVE_MAX:
        raise LimitedError(
            f"{shown.principal} has {len(live)} tokens that hold",
            code="credentials-too-many",
            remedy="keep a token until shortly before it expires",
            retry_after_s=max(1, (min(one.forget_at for one in live) - tx.now) // SECOND),
        )


def _binding(principal: Principal, holds: tuple[str, ...]) -> str:
    certificate = certificate_in(holds)
    if principal.certificate and certificate and certificate != principal.certificate:
        raise RefusedError(
            f"the program pins another certificate for {principal.id}",
            code="certificate-not-pinned",
            clause=f"principal:{principal.id}/certificate",
            remedy="show the certificate whose thumbprint the program names",
        )
    if not holds:
        check_bearer(principal)
    return next(iter(holds), "")  # a certificate stands first


def _service(records: Records, name: str) -> Principal:
    found = records.get(kept.PRINCIPALS, name)
    sponsor = records.get(kept.PRINCIPALS, found.sponsor) if found and found.sponsor else None
    if found is None or found.kind is PrincipalKind.PERSON or sponsor is None:
        raise _unknown(name)
    return found


def _unknown(name: str) -> UnauthenticatedError:
    return UnauthenticatedError(
        f"{name[:64]!r} is no service of the program in force that is known by what was shown",
        code="client-unknown",
        remedy="the program names the service with its sponsor, and its key or the thumbprint of its certificate",
    )

"""What a directory shows to speak for its organization: a secret of its own kind, which opens nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate, refuse_frozen, require
from safeconduct.access.directory.events import (
    CREDENTIAL_ISSUED,
    CREDENTIAL_REVOKED,
    CredentialIssued,
    CredentialRevoked,
)
from safeconduct.access.directory.model import CREDENTIALS, DirectoryCredential
from safeconduct.access.model.parties import Principal
from safeconduct.access.secrets import make_secret, secret_hash
from safeconduct.kernel.errors import (
    AbsentError,
    ConflictError,
    InvalidInputError,
    RefusedError,
    UnauthenticatedError,
)
from safeconduct.kernel.ids import OrganizationId
from safeconduct.kernel.instants import DAY, Duration, Instant, rfc3339
from safeconduct.kernel.ports import Entropy, Records, Transaction
from safeconduct.ledger.acts import SignedAct

CREDENTIAL_PREFIX = "scd_"
"""What scanners for leaked secrets look for, and what tells it from a principal's token."""

LIFETIME_MAX = Duration(90 * DAY)
"""A credential lives for 90 days at most: it lies at the identity provider, who renews nothing by itself."""

CREDENTIALS_MAX = 2
"""Credentials of an organization at a time: the one in use, and the one that takes its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCredential:
    """A credential as its administrator gets it, this once. The secret does not show in its repr."""

    id: str
    organization: OrganizationId
    expires_at: Instant
    secret: str = field(repr=False)


def issue_credential(
    tx: Transaction,
    entropy: Entropy,
    signed: SignedAct,
    *,
    operation: str,
    content: str,
    organization: OrganizationId,
    expires_at: Instant,
) -> MadeCredential:
    """Issues what an organization's directory shows, at the word of an administrator of that organization.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `another-organization`.
        InvalidInputError: the expiry is past or too far.
        ConflictError: `directory-credentials-full`: it has CREDENTIALS_MAX that hold.
    """
    signer = authenticate(tx, signed, operation=operation, content=content, now=tx.now)
    refuse_frozen(tx, signer)
    require(signer, Capability.ISSUE_TOKEN)
    _refuse_others(signer, organization)
    if not tx.now < expires_at <= tx.now + LIFETIME_MAX:
        most = LIFETIME_MAX // DAY
        raise InvalidInputError(f"a credential expires within {most} days from now, not at {rfc3339(expires_at)}")
    _refuse_over_most(tx, organization)
    secret = CREDENTIAL_PREFIX + make_secret(entropy)
    event = CredentialIssued(
        id=tx.new_id(), hash=secret_hash(secret), organization=organization, by=signer.id, expires_at=expires_at
    )
    tx.append(kept.require_agreement(tx).origin, CREDENTIAL_ISSUED.draft(event, act=signed.envelope()))
    return MadeCredential(id=event.id, organization=organization, expires_at=expires_at, secret=secret)


def _refuse_others(signer: Principal, organization: OrganizationId) -> None:
    if signer.organization != organization:
        raise RefusedError(
            f"{organization[:64]} is not yours; its own administrators connect its directory",
            code="another-organization",
            clause=f"principal:{signer.id}/organization",
        )


def _refuse_over_most(tx: Transaction, organization: OrganizationId) -> None:
    held = [one for one in credentials(tx) if one.organization == organization and tx.now < one.expires_at]
    if len(held) >= CREDENTIALS_MAX:
        raise ConflictError(
            f"{organization} has {len(held)} credentials that hold, and may have {CREDENTIALS_MAX}",
            code="directory-credentials-full",
            remedy=f"revoke the one that is not used any more: safeconduct scim revoke {held[0].id}",
        )


def revoke_credential(tx: Transaction, signed: SignedAct, *, operation: str, content: str, credential_id: str) -> None:
    """Ends a credential, at once, at the word of an administrator or of trust and safety, of either party.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        AbsentError: `directory-credential-unknown`.
    """
    signer = authenticate(tx, signed, operation=operation, content=content, now=tx.now)
    require(signer, Capability.REVOKE_TOKEN)
    if tx.get(CREDENTIALS, credential_id) is None:
        raise AbsentError(f"no credential {credential_id[:64]!r} of a directory", code="directory-credential-unknown")
    event = CredentialRevoked(id=credential_id, by=signer.id)
    tx.append(kept.require_agreement(tx).origin, CREDENTIAL_REVOKED.draft(event, act=signed.envelope()))


def credentials(records: Records) -> Iterator[DirectoryCredential]:
    """Yields every credential that was not revoked, expired ones too."""
    return (one for _, one in records.scan(CREDENTIALS))


def identify_directory(records: Records, organization: str, secret: str, now: Instant) -> DirectoryCredential:
    """Returns the credential of this secret, if it speaks for exactly this organization.

    One answer for a secret that nobody has, one that has ended and one of somebody else: it tells of nobody else.

    Raises:
        UnauthenticatedError: `directory-credential-invalid`.
    """
    shown = secret_hash(secret)
    for one in credentials(records):
        if one.hash == shown and one.organization == organization and now < one.expires_at:
            return one
    raise UnauthenticatedError(
        "this is no credential of that organization's directory",
        code="directory-credential-invalid",
        remedy="an administrator of the organization issues one: safeconduct scim connect ORGANIZATION",
    )

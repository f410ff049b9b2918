"""Passkeys of people: offered, registered, confirmed by a second person, revoked. docs/spec/passkeys.md.

A session alone never makes a key that votes: whoever registers needs an act or a sign-in, and what they registered
counts when another person of the organization has signed for its fingerprint, which the holder tells them.
"""

import base64
from dataclasses import dataclass, field

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate, authenticate_act, refuse_frozen, require
from safeconduct.access.humans import accounts_of
from safeconduct.access.model.parties import Principal, PrincipalKind
from safeconduct.access.passkey_events import (
    CONFIRMED,
    OFFERED,
    REGISTERED,
    REVOKED,
    PasskeyConfirmed,
    PasskeyOffered,
    PasskeyRegistered,
    PasskeyRevoked,
    find,
)
from safeconduct.access.passkey_model import Passkey, PasskeyState
from safeconduct.access.reasons import check_reason
from safeconduct.access.secrets import make_secret, secret_hash
from safeconduct.access.tokens import list_tokens
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError, RefusedError, UnauthenticatedError
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import MINUTE, Duration, Instant
from safeconduct.kernel.ports import Entropy, Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.passkeys import Registered, Registration

OFFER_LIFETIME = Duration(10 * MINUTE)
"""How long an offer holds: time to fetch a phone or a security key, and no more for whoever finds the link."""

PASSKEYS_MAX = 8
"""Passkeys that a person has at a time, waiting or in force: a few devices and security keys."""

REGISTRATION_BYTES_MAX = 16 * 1024
"""Bytes of client data and attestation together: about 600 without an attestation, a few thousand with one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """An offer as its holder gets it, this once. The secret does not show in its repr."""

    principal: PrincipalId
    expires_at: Instant
    secret: str = field(repr=False)


def offer(tx: Transaction, entropy: Entropy, signed: SignedAct, *, operation: str, content: str) -> Offered:
    """Lets whoever signs register one passkey. A former offer of theirs ends.

    Raises:
        UnauthenticatedError: as `authenticate`.
        RefusedError: `not-a-person`, `principal-frozen`, `passkeys-many`.
    """
    signer = authenticate(tx, signed, operation=operation, content=content, now=tx.now)
    return _offer(tx, entropy, signer, signed=signed)


def offer_to_signed_in(tx: Transaction, entropy: Entropy, token: str) -> Offered:
    """Lets whoever signed in with an identity provider, and shows the token of that, register one passkey.

    Raises:
        UnauthenticatedError: `not-signed-in`: no such token, it is over, or no sign-in is behind it.
        RefusedError: as `offer`.
    """
    wanted = secret_hash(token)
    found = next((one for one in list_tokens(tx) if one.hash == wanted and one.provider), None)
    principal = tx.get(kept.PRINCIPALS, found.principal) if found else None
    if found is None or principal is None or tx.now >= found.expires_at:
        raise UnauthenticatedError(
            "expected the token of a sign-in that holds: others stand in the settings of programs",
            code="not-signed-in",
            remedy="sign in: safeconduct login --oidc NAME; or pass --key FILE",
        )
    return _offer(tx, entropy, principal, token=found.id)


def _offer(
    tx: Transaction, entropy: Entropy, person: Principal, *, signed: SignedAct | None = None, token: str = ""
) -> Offered:
    refuse_frozen(tx, person)
    if person.kind is not PrincipalKind.PERSON:
        raise RefusedError(f"{person.id} is a {person.kind}; only people have passkeys", code="not-a-person")
    held = [one for one in passkeys(tx) if one.principal == person.id and one.state is not PasskeyState.REVOKED]
    if len(held) >= PASSKEYS_MAX:
        raise RefusedError(
            f"{person.id} has {len(held)} passkeys, of {PASSKEYS_MAX}",
            code="passkeys-many",
            remedy="revoke one first: safeconduct passkey revoke ID",
        )
    secret, expires_at = make_secret(entropy), Instant(tx.now + OFFER_LIFETIME)
    event = PasskeyOffered(principal=person.id, hash=secret_hash(secret), expires_at=expires_at, token=token)
    act = signed.envelope() if signed else None
    tx.append(kept.require_agreement(tx).origin, OFFERED.draft(event, act=act, subject=person.id))
    return Offered(principal=person.id, expires_at=expires_at, secret=secret)


def challenge_of(secret: str) -> bytes:
    """Returns what the registration of an offer signs: the hash that the offer's entry has."""
    return bytes.fromhex(secret_hash(secret))


def check_size(registration: Registration) -> None:
    """Returns if a registration is of a size that one has.

    Raises:
        InvalidInputError: `passkey-invalid`.
    """
    size = len(registration.client_data) + len(registration.attestation)
    if size > REGISTRATION_BYTES_MAX:
        text = f"a registration has at most {REGISTRATION_BYTES_MAX} bytes, got {size}"
        raise InvalidInputError(text, code="passkey-invalid")


def register(
    tx: Transaction, principal: PrincipalId, secret: str, made: Registered, registration: Registration
) -> Passkey:
    """Registers what an offer's holder made. `made` is what `registration` showed for `challenge_of(secret)`.

    It counts for nothing until `confirm`.

    Raises:
        UnauthenticatedError: `offer-unknown`: none of that person has this secret, or it is over.
        ConflictError: `passkey-known`: it is somebody's already, as a credential or by its public key.
    """
    _require_offer(tx, principal, secret)
    public = base64.b64encode(made.key.public).decode()
    _refuse_known(tx, made.key.credential, public)
    event = PasskeyRegistered(
        principal=principal,
        credential=made.key.credential,
        public=public,
        origin=made.key.site.origin,
        count=made.key.count,
        authenticator=made.authenticator,
        synced=made.synced,
        client_data=base64.b64encode(registration.client_data).decode(),
        attestation=base64.b64encode(registration.attestation).decode(),
    )
    entry = tx.append(kept.require_agreement(tx).origin, REGISTERED.draft(event, subject=principal))
    return _require(tx, entry.id)


def _require_offer(tx: Transaction, principal: PrincipalId, secret: str) -> None:
    offered = tx.get(kept.PASSKEY_OFFERS, principal)
    if offered is None or offered.hash != secret_hash(secret) or tx.now >= offered.expires_at:
        raise UnauthenticatedError(
            "this link was used, is older than ten minutes, or a newer one took its place",
            code="offer-unknown",
            remedy="make another: safeconduct passkey register",
        )


def _refuse_known(records: Records, credential: str, public: str) -> None:
    if any(credential == one.credential or public == one.public for one in passkeys(records)):
        raise ConflictError(
            "this passkey is registered already: each belongs to one person, once",
            code="passkey-known",
            remedy="make another on this device, or use another device",
        )


def confirm(
    tx: Transaction, signed: SignedAct, *, operation: str, content: str, passkey_id: str, fingerprint: str
) -> Passkey:
    """Puts a passkey in force, for a second person to whom its holder told the fingerprint.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `own-passkey`, `another-organization`,
            `fingerprint-differs`.
        AbsentError: `passkey-absent`.
        ConflictError: it does not wait.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.CONFIRM_PASSKEY
    )
    passkey = _require(tx, passkey_id)
    holder = tx.get(kept.PRINCIPALS, passkey.principal)
    if holder is None or holder.id in accounts_of(tx, signer.id):
        text = f"{signer.id} can't confirm a passkey of {passkey.principal}: it takes another person"
        raise RefusedError(text, code="own-passkey", clause=f"passkey:{passkey.id}")
    if holder.organization != signer.organization:
        text = f"{holder.id} is of {holder.organization}, whose own people know them"
        raise RefusedError(text, code="another-organization", clause=f"principal:{holder.id}/organization")
    if fingerprint != passkey.fingerprint:
        raise RefusedError(
            f"the passkey that {holder.id} reads {fingerprint[:64]!r} off is not this one",
            code="fingerprint-differs",
            clause=f"passkey:{passkey.id}",
            remedy="ask them again, by voice; if it still differs, revoke it: somebody else registered it",
        )
    event = PasskeyConfirmed(passkey=passkey.id, by=signer.id, fingerprint=fingerprint)
    tx.append(kept.require_agreement(tx).origin, CONFIRMED.draft(event, act=signed.envelope(), subject=holder.id))
    return _require(tx, passkey_id)


def revoke(
    tx: Transaction, signed: SignedAct, *, operation: str, content: str, passkey_id: str, reason: str
) -> Passkey:
    """Revokes a passkey, at once. By its holder, frozen or not, or by whoever may for others.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        AbsentError: `passkey-absent`.
        ConflictError: `passkey-revoked`.
        InvalidInputError: no reason.
    """
    signer = authenticate(tx, signed, operation=operation, content=content, now=tx.now)
    passkey = find(tx, passkey_id)
    if passkey is None or passkey.principal != signer.id:
        require(signer, Capability.REVOKE_PASSKEY)
    passkey = _require(tx, passkey_id)
    check_reason(reason, "a revocation")
    event = PasskeyRevoked(passkey=passkey.id, by=signer.id, reason=reason)
    draft = REVOKED.draft(event, act=signed.envelope(), subject=passkey.principal)
    tx.append(kept.require_agreement(tx).origin, draft)
    return _require(tx, passkey_id)


def passkeys(records: Records) -> list[Passkey]:
    """Returns every passkey there ever was, oldest first."""
    return sorted((one for _, one in records.scan(kept.PASSKEYS)), key=lambda one: one.id)


def _require(records: Records, passkey_id: str) -> Passkey:
    found = find(records, passkey_id)
    if found is None:
        raise AbsentError(f"no passkey {passkey_id[:64]!r} is registered", code="passkey-absent")
    return found

"""The entries of passkeys, and what they leave in the records."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from safeconduct.access import records as kept
from safeconduct.access.acts import record_act
from safeconduct.access.model.parties import Principal
from safeconduct.access.passkey_model import Passkey, PasskeyOffer, PasskeyState, PasskeyStep
from safeconduct.access.vetted import identity
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EntryId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Projection, Records, State
from safeconduct.ledger.acts import Envelope
from safeconduct.ledger.events import EventType
from safeconduct.ledger.passkeys import Assertion


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyOffered:
    """A person may register one passkey, whose registration signs the bytes of `hash`. `token` is their sign-in's.

    It is empty where the entry's act says who asked.
    """

    principal: PrincipalId
    hash: str
    expires_at: Instant
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRegistered:
    """A passkey exists and counts for nothing yet.

    `client_data` and `attestation` are what the browser brought, in base64: with the offer's hash they show that
    whoever has the passkey had the offer.
    """

    principal: PrincipalId
    credential: str
    public: str
    origin: str
    count: int
    authenticator: str
    synced: bool
    client_data: str
    attestation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyConfirmed:
    """A second person knows whose passkey it is, by the fingerprint that its holder told them. It counts from here."""

    passkey: EntryId
    by: PrincipalId
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRevoked:
    """A passkey counts for nothing from here on."""

    passkey: EntryId
    by: PrincipalId
    reason: str


OFFERED = EventType("access.passkey.offered/1", PasskeyOffered)
REGISTERED = EventType("access.passkey.registered/1", PasskeyRegistered)
CONFIRMED = EventType("access.passkey.confirmed/1", PasskeyConfirmed)
REVOKED = EventType("access.passkey.revoked/1", PasskeyRevoked)


def find(records: Records, passkey_id: str) -> Passkey | None:
    """Returns the passkey of this registration, if there is one."""
    return next((one for _, one in records.scan(kept.PASSKEYS) if one.id == passkey_id), None)


def forget_passkeys(state: State, former: object, after: object) -> None:
    """Revokes the passkeys of a principal who is gone, or whose name means somebody else from now on."""
    if isinstance(former, Principal) and identity(former) != identity(after if isinstance(after, Principal) else None):
        for key, one in list(state.scan(kept.PASSKEYS)):
            if one.principal == former.id and one.state is not PasskeyState.REVOKED:
                state.put(kept.PASSKEYS, key, one.step(PasskeyStep.REVOKE))


def counted(projections: Mapping[str, Projection]) -> dict[str, Projection]:
    """Returns projections that also keep the counter of the passkey that signed an entry's act.

    All that an installation has pass through this, so that none can forget to: a copy of a passkey counts otherwise.
    """
    return {name: partial(_count, projection) for name, projection in projections.items()}


def _count(projection: Projection, state: State, entry: Entry) -> None:
    projection(state, entry)
    if entry.act is None or "passkey" not in entry.act:
        return
    signed = msgspec.convert(entry.act, Envelope).signed()
    if isinstance(signed.signature, Assertion):
        passkey = state.get(kept.PASSKEYS, signed.signature.credential)
        if passkey is None:
            raise UnavailableError(f"a passkey that no entry made signed entry {entry.id}", code="log-damaged")
        state.put(kept.PASSKEYS, passkey.credential, replace(passkey, count=signed.signature.count))


def _offered(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = OFFERED.read(entry)
    offer = PasskeyOffer(principal=event.principal, hash=event.hash, expires_at=event.expires_at)
    state.put(kept.PASSKEY_OFFERS, event.principal, offer)


def _registered(state: State, entry: Entry) -> None:
    passkey = passkey_of(entry)
    state.delete(kept.PASSKEY_OFFERS, passkey.principal)
    state.insert(kept.PASSKEYS, passkey.credential, passkey)


def passkey_of(entry: Entry) -> Passkey:
    """Returns the passkey that an entry registered, as it stood then."""
    event = REGISTERED.read(entry)
    return Passkey(
        id=entry.id,
        principal=event.principal,
        credential=event.credential,
        public=event.public,
        origin=event.origin,
        authenticator=event.authenticator,
        synced=event.synced,
        at=entry.at,
        count=event.count,
    )


def _confirmed(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = CONFIRMED.read(entry)
    passkey = _present(state, event.passkey).step(PasskeyStep.CONFIRM)
    state.put(kept.PASSKEYS, passkey.credential, replace(passkey, confirmed_by=event.by))


def _revoked(state: State, entry: Entry) -> None:
    record_act(state, entry)
    passkey = _present(state, REVOKED.read(entry).passkey)
    state.put(kept.PASSKEYS, passkey.credential, passkey.step(PasskeyStep.REVOKE))


def _present(state: State, passkey_id: EntryId) -> Passkey:
    passkey = find(state, passkey_id)
    if passkey is None:
        raise UnavailableError(f"an entry speaks of passkey {passkey_id}, which no entry made", code="log-damaged")
    return passkey


PROJECTIONS: Mapping[str, Projection] = {
    OFFERED.name: _offered,
    REGISTERED.name: _registered,
    CONFIRMED.name: _confirmed,
    REVOKED.name: _revoked,
}

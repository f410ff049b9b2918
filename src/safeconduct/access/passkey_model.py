"""A passkey of a person: whose it is, and the one table of its states. docs/spec/passkeys.md."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from safeconduct.kernel.errors import ConflictError, UnauthenticatedError
from safeconduct.kernel.ids import EntryId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.passkeys import PasskeyKey, Site

FINGERPRINT_DIGITS = 20
"""Hex digits that two people read to each other: 80 bits, which nobody finds a second key for."""


class PasskeyState(StrEnum):
    """Where a passkey stands. One that was revoked stays on record: it is never registered again."""

    WAITING = "waiting"  # for a second person, who knows that it is the holder's
    IN_FORCE = "in-force"
    REVOKED = "revoked"


class PasskeyStep(StrEnum):
    """What can happen to it."""

    CONFIRM = "confirm"
    REVOKE = "revoke"


TRANSITIONS: Mapping[tuple[PasskeyState, PasskeyStep], PasskeyState] = {
    (PasskeyState.WAITING, PasskeyStep.CONFIRM): PasskeyState.IN_FORCE,
    (PasskeyState.WAITING, PasskeyStep.REVOKE): PasskeyState.REVOKED,
    (PasskeyState.IN_FORCE, PasskeyStep.REVOKE): PasskeyState.REVOKED,
}
"""Every step there is. What is not in here is refused."""

_USABLE: Mapping[PasskeyState, tuple[str, str]] = {
    PasskeyState.WAITING: ("passkey-unconfirmed", "a second person confirms it: safeconduct passkey confirm ID"),
    PasskeyState.REVOKED: ("passkey-revoked", "register another: safeconduct passkey register"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyOffer:
    """That a person may register one passkey, with the secret of this hash."""

    principal: PrincipalId
    hash: str
    expires_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """One passkey. `id` is its registration's entry; `public` the base64 of its COSE key; `count` its last counter.

    `authenticator` is the AAGUID that it states, unproven; `synced` tells that it is copied between devices.
    """

    id: EntryId
    principal: PrincipalId
    credential: str
    public: str
    origin: str
    authenticator: str
    synced: bool
    at: Instant
    count: int = 0
    state: PasskeyState = PasskeyState.WAITING
    confirmed_by: str = ""

    @property
    def key(self) -> PasskeyKey:
        """What verifies its signatures."""
        public = base64.b64decode(self.public)
        return PasskeyKey(credential=self.credential, public=public, site=Site(self.origin), count=self.count)

    @property
    def fingerprint(self) -> str:
        """What its holder reads to whoever confirms it: the first digits of the SHA-256 of its public key."""
        return hashlib.sha256(base64.b64decode(self.public)).hexdigest()[:FINGERPRINT_DIGITS]

    def step(self, step: PasskeyStep) -> "Passkey":
        """Returns the passkey after a step.

        Raises:
            ConflictError: `passkey-STATE`: the state does not allow it.
        """
        state = TRANSITIONS.get((self.state, step))
        if state is None:
            raise ConflictError(f"passkey {self.id} is {self.state}: it can't {step}", code=f"passkey-{self.state}")
        return replace(self, state=state)

    def require_usable(self, actor: str) -> None:
        """Returns if acts of this person may be signed with it.

        Raises:
            UnauthenticatedError: `passkey-unknown`, also for another's; `passkey-unconfirmed`, `passkey-revoked`.
        """
        if self.principal != actor:
            raise unknown_passkey()
        if self.state is not PasskeyState.IN_FORCE:
            code, remedy = _USABLE[self.state]
            raise UnauthenticatedError(f"passkey {self.id} is {self.state}", code=code, remedy=remedy)


def unknown_passkey() -> UnauthenticatedError:
    """Returns the refusal of an act that no passkey of its actor signed."""
    return UnauthenticatedError(
        "no passkey of that person signed this",
        code="passkey-unknown",
        remedy="say the name that your passkey is registered for, or register it: safeconduct passkey register",
    )

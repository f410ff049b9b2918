"""Where a pseudonym means one value: one organization's incident. And on whose behalf it is kept."""

import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum

from safeconduct.kernel.entries import Retention
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.ledger.sealing import DAY_LENGTH, HOUSE, DataKeyName

INCIDENT = "incident:"
"""What a session begins with that names an incident: `incident:inc-7`, or `incident:inc-7/ana` for one of several."""

TAG_CHARS = 32
"""Characters of a space's name in the vault: 128 bits. What a session is called is sealed elsewhere, and here too."""


class SpaceKind(StrEnum):
    """What bounds a space."""

    INCIDENT = "incident"
    SESSION = "session"
    CALL = "call"
    VARIABLES = "variables"


@dataclass(frozen=True, slots=True)
class Space:
    """One incident, session or call of an organization: within it equal values have equal tokens."""

    origin: Origin
    organization: str
    kind: SpaceKind
    name: str

    @property
    def key_name(self) -> DataKeyName:
        """The name of the organization's key, from which the secrets of all its spaces are made."""
        subject = f"pseudonyms:{self.organization}"
        return DataKeyName(origin=self.origin, subject=subject, retention=Retention.CONTROL, readers=frozenset({HOUSE}))

    def secret(self, key: bytes) -> bytes:
        """Returns what the tokens of this space are made of, under the organization's key."""
        return hmac.digest(key, self._said("space"), hashlib.sha256)

    def tag(self, key: bytes) -> str:
        """Returns what this space is called in the vault."""
        return hmac.digest(key, self._said("tag"), hashlib.sha256).hex()[:TAG_CHARS]

    def _said(self, what: str) -> bytes:
        return "\0".join((f"safeconduct/pseudonyms/{what}/v1", self.organization, self.kind, self.name)).encode()


@dataclass(frozen=True, slots=True)
class Owner:
    """On whose behalf a pseudonym is kept: the principal whose call it was made for, on a day."""

    origin: Origin
    subject: str
    at: Instant

    @property
    def key_name(self) -> DataKeyName:
        """The name of the data key that seals it: of the class of prompts, so that it lasts no longer than they do."""
        return DataKeyName(
            origin=self.origin,
            subject=self.subject,
            retention=Retention.CALL,
            readers=frozenset({HOUSE}),
            day=rfc3339(self.at)[:DAY_LENGTH],
        )


def variables_of(origin: Origin, organization: str, session: str, call: str) -> Space:
    """Returns the space of a call's opaque variables: its session's and no other's, or the call's own."""
    return Space(origin, organization, SpaceKind.VARIABLES, f"session:{session}" if session else f"call:{call}")


def space_of(origin: Origin, organization: str, session: str, call: str) -> Space:
    """Returns the space of a call: the incident that its session names, else its session, else the call itself."""
    if session.startswith(INCIDENT) and len(session) > len(INCIDENT):
        return Space(origin, organization, SpaceKind.INCIDENT, session[len(INCIDENT) :].partition("/")[0])
    if session:
        return Space(origin, organization, SpaceKind.SESSION, session)
    return Space(origin, organization, SpaceKind.CALL, call)

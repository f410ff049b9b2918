"""The entries of directories. Names of people are sealed in them; their clear part has ids and digests."""

from dataclasses import dataclass

from safeconduct.kernel.ids import OrganizationId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.events import EventType

RESOURCE = "resource"
"""The sealed field with what a directory says of a person, as SCIM's JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialIssued:
    """A directory may speak for an organization. Only the hash of its secret is anywhere."""

    id: str
    hash: str
    organization: OrganizationId
    by: PrincipalId
    expires_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRevoked:
    """A directory's credential is worth nothing from here on."""

    id: str
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class UserKept:
    """A directory says what a person is there from here on. `principal` is who that is in the program, if anybody."""

    organization: OrganizationId
    user: str
    new: bool
    name: str
    external: str
    active: bool
    principal: str
    credential: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRemoved:
    """A person is in the directory no more."""

    organization: OrganizationId
    user: str
    principal: str
    credential: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupKept:
    """A directory says what a group is from here on: who came to it and who left, by their ids there."""

    organization: OrganizationId
    group: str
    new: bool
    name: str
    external_id: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    credential: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRemoved:
    """A group is in the directory no more."""

    organization: OrganizationId
    group: str
    credential: str


CREDENTIAL_ISSUED = EventType("access.directory.credential-issued/1", CredentialIssued)
CREDENTIAL_REVOKED = EventType("access.directory.credential-revoked/1", CredentialRevoked)
USER_KEPT = EventType("access.directory.user-kept/1", UserKept)
USER_REMOVED = EventType("access.directory.user-removed/1", UserRemoved)
GROUP_KEPT = EventType("access.directory.group-kept/1", GroupKept)
GROUP_REMOVED = EventType("access.directory.group-removed/1", GroupRemoved)

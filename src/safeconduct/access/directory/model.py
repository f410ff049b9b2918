"""People and groups as the directory of their organization names them. docs/spec/scim.md.

The clear part of an entry, and so every record here, holds no name of a person: digests, which make names comparable,
and ids. What a name is stands sealed in the entry that `entry` names.
"""

import hashlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from safeconduct.access.model.parties import Principal
from safeconduct.access.model.stops import Restriction
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import EntryId, OrganizationId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Records

NAME_CHARS_MAX = 256
"""Characters of a name or an id that a directory gives. E-mail addresses have at most 254."""

DIRECTORY_LIFTS = "it ends once the directory of their organization has them as active again"

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that nobody sees: controls, marks of direction, halves of characters, private use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryCredential:
    """What a directory shows to speak for one organization. Only the hash of its secret is anywhere."""

    id: str
    hash: str
    organization: OrganizationId
    by: PrincipalId
    issued_at: Instant
    expires_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryUser:
    """A person in a directory. `name` and `external` are digests; `entry` holds what they are of, sealed."""

    id: str
    organization: OrganizationId
    name: str
    external: str
    active: bool
    created_at: Instant
    changed_at: Instant
    entry: EntryId


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryGroup:
    """A group in a directory: a fact for reviewers, never a role. `members` are ids of its directory's users."""

    id: str
    organization: OrganizationId
    name: str
    external_id: str
    members: tuple[str, ...]
    created_at: Instant
    changed_at: Instant
    entry: EntryId


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryLink:
    """What a directory says last of whoever has an external id. It stays when the user is removed, and is false then.

    `user` is empty once nobody there has that external id.
    """

    organization: OrganizationId
    user: str
    active: bool
    at: Instant
    entry: EntryId


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """One organization's directory: how many it names, and when it last did."""

    users: int = 0
    groups: int = 0
    changed_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """Which user of a directory has a name."""

    user: str


CREDENTIALS = Collection("directory-credentials", DirectoryCredential)  # at the credential's id
DIRECTORIES = Collection("directories", Directory)  # at the organization
USERS = Collection("directory-users", DirectoryUser)  # at `organization/id`
NAMES = Collection("directory-names", Holder)  # at `organization/digest of the name`
LINKS = Collection("directory-links", DirectoryLink)  # at `organization/digest of the external id`
GROUPS = Collection("directory-groups", DirectoryGroup)  # at `organization/id`


def place(organization: str, name: str) -> str:
    """Returns where something of a directory stands in its collection."""
    return f"{organization}/{name}"


def directory_restriction(principal: str) -> EntryId:
    """Returns the id of the restriction by which a directory suspends a principal. No entry has such an id."""
    return EntryId(f"directory.{principal}")


def set_by_directory(restriction: Restriction) -> bool:
    """Tells whether a directory keeps a restriction, which then nobody else lifts."""
    return restriction.id == directory_restriction(restriction.selector.name)


def name_key(name: str) -> str:
    """Returns the form in which names are compared: as a reader sees them, whatever their case and spelling in bytes.

    Raises:
        InvalidInputError: `directory-name-invalid`: it is empty, too long, or holds what nobody sees.
    """
    if not name.strip() or len(name) > NAME_CHARS_MAX:
        text = f"expected a name of 1 to {NAME_CHARS_MAX} characters, got {len(name)}"
        raise InvalidInputError(text, code="directory-name-invalid")
    hidden = next((one for one in name if unicodedata.category(one) in _HIDDEN), None)
    if hidden is not None:
        text = f"a name holds U+{ord(hidden):04X}, which nobody sees"
        raise InvalidInputError(text, code="directory-name-invalid", remedy="take it out in the directory")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.split())


def name_digest(organization: str, name: str) -> str:
    """Returns what is kept of a name: enough to tell whether another is the same.

    Raises:
        InvalidInputError: as `name_key`.
    """
    return _digest(organization, "name", name_key(name))


def external_digest(organization: str, external_id: str) -> str:
    """Returns what is kept of an external id; empty where there is none."""
    return _digest(organization, "external-id", external_id) if external_id else ""


def external_of(principal: Principal) -> str:
    """Returns the digest by which its directory knows a principal; empty where the program does not say."""
    identity = principal.identity
    return external_digest(principal.organization, identity.external_id or identity.subject) if identity else ""


def link_of(records: Records, principal: Principal) -> DirectoryLink | None:
    """Returns what its organization's directory says last of a principal; None where it never spoke of it."""
    external = external_of(principal)
    return records.get(LINKS, place(principal.organization, external)) if external else None


def users_of(records: Records, organization: str) -> Iterator[DirectoryUser]:
    """Yields the users of a directory, oldest first."""
    return (user for _, user in records.scan(USERS, place(organization, "")))


def groups_of(records: Records, organization: str) -> Iterator[DirectoryGroup]:
    """Yields the groups of a directory, oldest first."""
    return (group for _, group in records.scan(GROUPS, place(organization, "")))


def _digest(organization: str, kind: str, text: str) -> str:
    return hashlib.sha256(f"safeconduct/directory/v1\0{organization}\0{kind}\0{text}".encode()).hexdigest()

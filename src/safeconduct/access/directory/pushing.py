"""What a directory may do: say who its people and groups are. It grants nothing, and names nobody of others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from safeconduct.access import records as kept
from safeconduct.access.directory.events import (
    GROUP_KEPT,
    GROUP_REMOVED,
    RESOURCE,
    USER_KEPT,
    USER_REMOVED,
    GroupKept,
    GroupRemoved,
    UserKept,
    UserRemoved,
)
from safeconduct.access.directory.model import (
    CREDENTIALS,
    DIRECTORIES,
    GROUPS,
    LINKS,
    NAMES,
    USERS,
    Directory,
    DirectoryCredential,
    DirectoryGroup,
    DirectoryUser,
    external_digest,
    external_of,
    name_digest,
    name_key,
    place,
)
from safeconduct.kernel.canonical import JSONValue
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError, TooLargeError, UnauthenticatedError
from safeconduct.kernel.ports import Records, Transaction

USERS_MAX = 5_000
"""Users of one directory. A program's people are some hundreds; a whole company's directory is not what it is for."""

GROUPS_MAX = 200
"""Groups of one directory: reviewers read them."""

MEMBERS_MAX = 1_000
"""Members of one group: all that come and all that leave at once fit one entry of 64 KiB."""


T = TypeVar("T", DirectoryUser, DirectoryGroup)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a directory says of a person. `resource` is all that is kept of it, and it is kept sealed."""

    name: str
    external_id: str
    active: bool
    resource: Mapping[str, JSONValue]


def keep_user(
    tx: Transaction, speaker: DirectoryCredential, said: Said, *, user: str = "", version: str = ""
) -> DirectoryUser:
    """Takes in a new user, or what changed of one: suspended or free again with it, where it is a principal.

    `version` is the entry that the change was made over; empty where any will do.

    Raises:
        UnauthenticatedError: the credential ended meanwhile.
        AbsentError: `directory-unknown`.
        ConflictError: `directory-changed`, `directory-name-taken`, `directory-external-id-taken`.
        InvalidInputError: `directory-name-invalid`.
        TooLargeError: `directory-full`.
    """
    _check_speaks(tx, speaker)
    organization = speaker.organization
    if user:
        _found(tx.get(USERS, place(organization, user)), user, version)
    elif _counted(tx, speaker).users >= USERS_MAX:
        raise _full("users", USERS_MAX)
    name, external = name_digest(organization, said.name), external_digest(organization, said.external_id)
    user_id = user or tx.new_id()
    _check_free(tx, speaker, user_id, name=name, external=external)
    event = UserKept(
        organization=organization,
        user=user_id,
        new=not user,
        name=name,
        external=external,
        active=said.active,
        principal=_principal(tx, speaker, said.external_id),
        credential=speaker.id,
    )
    draft = USER_KEPT.draft(event, sealed={RESOURCE: dict(said.resource)}, subject=f"directory-user:{user_id}")
    tx.append(kept.require_agreement(tx).origin, draft)
    return _found(tx.get(USERS, place(organization, user_id)), user_id, "")


def remove_user(tx: Transaction, speaker: DirectoryCredential, user: str, *, version: str = "") -> None:
    """Removes a user; who is a principal is suspended with it.

    Raises:
        UnauthenticatedError, AbsentError, ConflictError: as `keep_user`.
    """
    _check_speaks(tx, speaker)
    found = _found(tx.get(USERS, place(speaker.organization, user)), user, version)
    event = UserRemoved(
        organization=speaker.organization,
        user=user,
        principal=_linked(tx, speaker, found.external),
        credential=speaker.id,
    )
    tx.append(kept.require_agreement(tx).origin, USER_REMOVED.draft(event))


def keep_group(
    tx: Transaction,
    speaker: DirectoryCredential,
    *,
    name: str,
    external_id: str,
    members: tuple[str, ...],
    group: str = "",
    version: str = "",
) -> DirectoryGroup:
    """Takes in a new group, or what changed of one. Its members are users of the same directory.

    Raises:
        UnauthenticatedError, ConflictError, TooLargeError: as `keep_user`.
        AbsentError: `directory-unknown`.
        InvalidInputError: `directory-name-invalid`, or `directory-member-unknown`.
    """
    _check_speaks(tx, speaker)
    name_key(name)
    former = None
    if group:
        former = _found(tx.get(GROUPS, place(speaker.organization, group)), group, version)
    elif _counted(tx, speaker).groups >= GROUPS_MAX:
        raise _full("groups", GROUPS_MAX)
    had = former.members if former else ()
    added = _new_members(tx, speaker, members, frozenset(had))
    event = GroupKept(
        organization=speaker.organization,
        group=group or tx.new_id(),
        new=former is None,
        name=name,
        external_id=external_id,
        added=added,
        removed=tuple(one for one in had if one not in frozenset(members)),
        credential=speaker.id,
    )
    tx.append(kept.require_agreement(tx).origin, GROUP_KEPT.draft(event))
    return _found(tx.get(GROUPS, place(speaker.organization, event.group)), event.group, "")


def remove_group(tx: Transaction, speaker: DirectoryCredential, group: str, *, version: str = "") -> None:
    """Removes a group.

    Raises:
        UnauthenticatedError, AbsentError, ConflictError: as `keep_group`.
    """
    _check_speaks(tx, speaker)
    _found(tx.get(GROUPS, place(speaker.organization, group)), group, version)
    event = GroupRemoved(organization=speaker.organization, group=group, credential=speaker.id)
    tx.append(kept.require_agreement(tx).origin, GROUP_REMOVED.draft(event))


def _check_speaks(tx: Transaction, speaker: DirectoryCredential) -> None:
    if tx.get(CREDENTIALS, speaker.id) != speaker or tx.now >= speaker.expires_at:
        raise UnauthenticatedError("the credential has ended", code="directory-credential-invalid")


def _found(found: T | None, name: str, version: str) -> T:
    if found is None:
        raise AbsentError(f"the directory has no {name[:64]!r}", code="directory-unknown")
    if version and found.entry != version:
        raise ConflictError(f"{name} has changed since it was read", code="directory-changed", remedy="read it again")
    return found


def _check_free(tx: Transaction, speaker: DirectoryCredential, user_id: str, *, name: str, external: str) -> None:
    holder = tx.get(NAMES, place(speaker.organization, name))
    if holder is not None and holder.user != user_id:
        raise ConflictError("another user has this name, perhaps in another case", code="directory-name-taken")
    link = tx.get(LINKS, place(speaker.organization, external)) if external else None
    if link is not None and link.user not in ("", user_id):
        raise ConflictError("another user has this external id", code="directory-external-id-taken")


def _new_members(
    tx: Transaction, speaker: DirectoryCredential, members: tuple[str, ...], had: frozenset[str]
) -> tuple[str, ...]:
    if len(members) > MEMBERS_MAX:
        raise _full("members of a group", MEMBERS_MAX)
    added = tuple(dict.fromkeys(one for one in members if one not in had))
    unknown = next((one for one in added if tx.get(USERS, place(speaker.organization, one)) is None), None)
    if unknown is not None:
        raise InvalidInputError(f"the directory has no user {unknown[:64]!r}", code="directory-member-unknown")
    return added


def _principal(records: Records, speaker: DirectoryCredential, external_id: str) -> str:
    return _linked(records, speaker, external_digest(speaker.organization, external_id))


def _linked(records: Records, speaker: DirectoryCredential, external: str) -> str:
    """Returns the principal of the speaker's organization that has an external id; empty where none has."""
    if not external:
        return ""
    own = (one for _, one in records.scan(kept.PRINCIPALS) if one.organization == speaker.organization)
    return next((one.id for one in own if external_of(one) == external), "")


def _counted(records: Records, speaker: DirectoryCredential) -> Directory:
    return records.get(DIRECTORIES, speaker.organization) or Directory()


def _full(what: str, most: int) -> TooLargeError:
    return TooLargeError(f"a directory has {most} {what} at most", code="directory-full", remedy="assign fewer there")

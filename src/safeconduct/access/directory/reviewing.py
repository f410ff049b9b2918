"""What reviewers see of directories: whom they name, and who of the program they do not know."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.access.directory.credentials import credentials
from safeconduct.access.directory.model import (
    DIRECTORIES,
    DIRECTORY_LIFTS,
    Directory,
    directory_restriction,
    external_of,
    groups_of,
    link_of,
    users_of,
)
from safeconduct.access.model.parties import Principal, PrincipalKind
from safeconduct.kernel.ids import EntryId, OrganizationId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user of a directory as reviewers see them. `principal` is empty for who is announced and not in the program.

    `state` is `announced`, `linked` or `suspended`; the user's name stands sealed in `entry`.
    """

    user: str
    active: bool
    principal: str
    state: str
    groups: tuple[str, ...]
    changed_at: Instant
    entry: EntryId


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A person of the program whom their organization's directory does not know, or not any more."""

    principal: PrincipalId
    why: str
    suspended: bool
    remedy: str


def counted(records: Records) -> Mapping[OrganizationId, Directory]:
    """Returns the directories that are connected, or were, by organization."""
    connected = {one.organization: Directory() for one in credentials(records)}
    said = {OrganizationId(name): one for name, one in records.scan(DIRECTORIES)}
    return dict(sorted((connected | said).items()))


def people(records: Records, organization: str) -> Iterator[Person]:
    """Yields the users of a directory, oldest first."""
    known = {external_of(one): one.id for one in _people(records, organization) if external_of(one)}
    groups = list(groups_of(records, organization))
    for user in users_of(records, organization):
        principal = known.get(user.external, "")
        state = "announced" if not principal else "linked" if user.active else "suspended"
        yield Person(
            user=user.id,
            active=user.active,
            principal=principal,
            state=state,
            groups=tuple(group.name for group in groups if user.id in group.members),
            changed_at=user.changed_at,
            entry=user.entry,
        )


def orphans(records: Records, organization: str) -> Iterator[Orphan]:
    """Yields whom the program has in an organization and its directory has not; nobody where none is connected."""
    if organization not in counted(records):
        return
    for one in _people(records, organization):
        found = _why(records, one)
        if found is not None:
            why, remedy = found
            suspended = records.get(kept.RESTRICTIONS, directory_restriction(one.id)) is not None
            yield Orphan(principal=one.id, why=why, suspended=suspended, remedy=remedy)


def _why(records: Records, principal: Principal) -> tuple[str, str] | None:
    if principal.identity is None:
        return "the program does not say who this is in the directory", "give the principal an `identity`"
    link = link_of(records, principal)
    if link is None:
        return "the directory never named this person", "assign them there, or take them out of the program"
    if not link.user:
        return "the directory does not know this person any more", "take them out of the program"
    return None if link.active else ("the directory has this person as inactive", DIRECTORY_LIFTS)


def _people(records: Records, organization: str) -> Iterator[Principal]:
    for _, one in records.scan(kept.PRINCIPALS):
        if one.organization == organization and one.kind is PrincipalKind.PERSON:
            yield one

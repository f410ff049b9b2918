"""How each entry of a directory changes the records. Each ends by settling whom it concerns."""

from collections.abc import Mapping
from dataclasses import replace

from safeconduct.access.acts import record_act
from safeconduct.access.directory.events import (
    CREDENTIAL_ISSUED,
    CREDENTIAL_REVOKED,
    GROUP_KEPT,
    GROUP_REMOVED,
    USER_KEPT,
    USER_REMOVED,
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
    DirectoryLink,
    DirectoryUser,
    Holder,
    groups_of,
    place,
)
from safeconduct.access.directory.suspending import settle
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import OrganizationId
from safeconduct.kernel.ports import Projection, State


def _credential_issued(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = CREDENTIAL_ISSUED.read(entry)
    credential = DirectoryCredential(
        id=event.id,
        hash=event.hash,
        organization=event.organization,
        by=event.by,
        issued_at=entry.at,
        expires_at=event.expires_at,
    )
    state.insert(CREDENTIALS, event.id, credential)


def _credential_revoked(state: State, entry: Entry) -> None:
    record_act(state, entry)
    state.delete(CREDENTIALS, CREDENTIAL_REVOKED.read(entry).id)


def _user_kept(state: State, entry: Entry) -> None:
    event = USER_KEPT.read(entry)
    former = None if event.new else _user(state, event.organization, event.user)
    user = DirectoryUser(
        id=event.user,
        organization=event.organization,
        name=event.name,
        external=event.external,
        active=event.active,
        created_at=former.created_at if former else entry.at,
        changed_at=entry.at,
        entry=entry.id,
    )
    state.put(USERS, place(event.organization, event.user), user)
    _rename(state, former, user)
    _count(state, entry, event.organization, users=int(event.new))
    _link(state, entry, former, user)


def _user_removed(state: State, entry: Entry) -> None:
    event = USER_REMOVED.read(entry)
    former = _user(state, event.organization, event.user)
    state.delete(USERS, place(event.organization, event.user))
    state.delete(NAMES, place(event.organization, former.name))
    for group in list(groups_of(state, event.organization)):
        if event.user in group.members:
            left = tuple(one for one in group.members if one != event.user)
            state.put(GROUPS, place(group.organization, group.id), replace(group, members=left, entry=entry.id))
    _count(state, entry, event.organization, users=-1)
    _link(state, entry, former, None)


def _group_kept(state: State, entry: Entry) -> None:
    event = GROUP_KEPT.read(entry)
    key = place(event.organization, event.group)
    former = state.get(GROUPS, key)
    gone = frozenset(event.removed)
    stays = tuple(one for one in (former.members if former else ()) if one not in gone)
    group = DirectoryGroup(
        id=event.group,
        organization=event.organization,
        name=event.name,
        external_id=event.external_id,
        members=(*stays, *event.added),
        created_at=former.created_at if former else entry.at,
        changed_at=entry.at,
        entry=entry.id,
    )
    state.put(GROUPS, key, group)
    _count(state, entry, event.organization, groups=int(event.new))


def _group_removed(state: State, entry: Entry) -> None:
    event = GROUP_REMOVED.read(entry)
    state.delete(GROUPS, place(event.organization, event.group))
    _count(state, entry, event.organization, groups=-1)


def _rename(state: State, former: DirectoryUser | None, user: DirectoryUser) -> None:
    if former is not None and former.name != user.name:
        state.delete(NAMES, place(user.organization, former.name))
    state.put(NAMES, place(user.organization, user.name), Holder(user.id))


def _link(state: State, entry: Entry, former: DirectoryUser | None, user: DirectoryUser | None) -> None:
    """Notes the directory's word on the external ids that an entry concerns, and settles whoever has one of them."""
    known = user or former
    if known is None:
        return
    words = dict[str, DirectoryLink]()
    for one, who in ((former, ""), (user, user.id if user else "")):
        if one is not None and one.external:
            active = bool(who) and one.active
            words[one.external] = DirectoryLink(
                organization=known.organization, user=who, active=active, at=entry.at, entry=entry.id
            )
    changed = False
    for external, word in words.items():
        key = place(known.organization, external)
        said = state.get(LINKS, key)
        changed |= (said.active if said else True) != word.active
        state.put(LINKS, key, word)
    if changed:
        settle(state, known.organization)


def _count(state: State, entry: Entry, organization: OrganizationId, *, users: int = 0, groups: int = 0) -> None:
    found = state.get(DIRECTORIES, organization) or Directory()
    counted = replace(found, users=found.users + users, groups=found.groups + groups, changed_at=entry.at)
    state.put(DIRECTORIES, organization, counted)


def _user(state: State, organization: OrganizationId, user_id: str) -> DirectoryUser:
    found = state.get(USERS, place(organization, user_id))
    if found is None:
        text = f"an entry names user {user_id} of a directory, which is not there"
        raise UnavailableError(text, code="log-damaged")
    return found


PROJECTIONS: Mapping[str, Projection] = {
    CREDENTIAL_ISSUED.name: _credential_issued,
    CREDENTIAL_REVOKED.name: _credential_revoked,
    USER_KEPT.name: _user_kept,
    USER_REMOVED.name: _user_removed,
    GROUP_KEPT.name: _group_kept,
    GROUP_REMOVED.name: _group_removed,
}

"""Where the SCIM packages read and write: a directory's records, its entries' sealed fields, and the one writer.

Each change is one transaction, over the version that was read: two at a time, and one of them is told so.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import sleep
from typing import Any, TypeVar

from scim2_models import (
    Meta,
    NotFoundException,
    Reference,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimFilter,
    SearchRequest,
)
from scim2_models.path import CompareOperator, Comparison
from scim2_server.storage import ScimStorage, SearchPage

from safeconduct.access.directory.events import RESOURCE
from safeconduct.access.directory.model import (
    GROUPS,
    LINKS,
    NAMES,
    USERS,
    DirectoryCredential,
    DirectoryGroup,
    DirectoryUser,
    external_digest,
    groups_of,
    name_digest,
    place,
    users_of,
)
from safeconduct.access.directory.pushing import Said, keep_group, keep_user, remove_group, remove_user
from safeconduct.adapters.scim.schemas import Group, GroupMember, User
from safeconduct.kernel.canonical import JSONValue
from safeconduct.kernel.errors import AbsentError, InvalidInputError, UnavailableError
from safeconduct.kernel.instants import SECOND, Instant
from safeconduct.kernel.ports import Receipt, Records, Transaction, Writer
from safeconduct.ledger.reader import LogReader

PLACE_PAUSE_S = 0.05
"""Seconds between two looks for an entry that was committed and has no place yet."""

PLACE_TRIES = 100
"""How often it is looked for: five seconds, which is many commits of a sequencer that is there."""

T = TypeVar("T")


@dataclass(kw_only=True)
class DirectoryStorage(ScimStorage):
    """One request's view of one organization's directory. `receipts` are those of what it made durable."""

    speaker: DirectoryCredential
    writer: Writer
    snapshot: Callable[[], AbstractContextManager[Records]]
    log: LogReader
    pause: Callable[[float], None] = sleep
    receipts: list[Receipt] = field(default_factory=list)

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,  # noqa: ARG002 - all there is is little
    ) -> Resource[Any]:
        where = place(self.speaker.organization, resource_id)
        with self.snapshot() as records:
            user = records.get(USERS, where) if resource_type.name == "User" else None
            group = records.get(GROUPS, where) if resource_type.name == "Group" else None
        if user is not None:
            return self._user(user)
        if group is not None:
            return _group(group)
        raise NotFoundException(detail=f"{resource_type.name} {resource_id[:64]!r} not found")

    def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: object = None,  # noqa: ARG002 - pages go by index
    ) -> SearchPage:
        wanted = search_request.filter
        names = [one.name for one in resource_types]
        matching = [one for one in self._candidates(names, wanted) if wanted is None or wanted.match(one)]
        matching.sort(key=lambda one: _sort_key(search_request, one), reverse=_descends(search_request))
        start = search_request.start_index_0 or 0
        count = search_request.count
        return SearchPage(len(matching), matching[start : None if count is None else start + count])

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:  # noqa: ARG002 - it knows
        return self._kept(resource, "", "")

    def update(
        self,
        resource_type: ResourceType,  # noqa: ARG002 - the resource knows
        resource: Resource[Any],
        *,
        expected_version: str | None = None,
    ) -> Resource[Any]:
        return self._kept(resource, str(resource.id), _entry_of(expected_version))

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        remove = remove_user if resource_type.name == "User" else remove_group
        self._run(lambda tx: remove(tx, self.speaker, resource_id, version=_entry_of(expected_version)))

    def _kept(self, resource: Resource[Any], resource_id: str, version: str) -> Resource[Any]:
        if isinstance(resource, Group):
            return _group(self._run(partial(self._keep_group, resource, resource_id, version)))
        if not isinstance(resource, User):  # the provider serves these two
            raise TypeError(type(resource).__name__)
        said = _said(resource)
        kept = self._run(lambda tx: keep_user(tx, self.speaker, said, user=resource_id, version=version))
        return _user_of(kept, said.resource)

    def _keep_group(self, group: Group, group_id: str, version: str, tx: Transaction) -> DirectoryGroup:
        return keep_group(
            tx,
            self.speaker,
            name=str(group.display_name),
            external_id=group.external_id or "",
            members=tuple(dict.fromkeys(one.value or "" for one in group.members or ())),
            group=group_id,
            version=version,
        )

    def _run(self, command: Callable[[Transaction], T]) -> T:
        committed = self.writer.submit(command).result()
        self.receipts.extend(committed.receipts)
        return committed.value

    def _candidates(self, names: Sequence[str | None], wanted: ScimFilter[Any] | None) -> Iterator[Resource[Any]]:
        with self.snapshot() as records:
            users = list(self._users(records, wanted)) if "User" in names else []
            groups = list(groups_of(records, self.speaker.organization)) if "Group" in names else []
        yield from map(self._user, users)
        yield from map(_group, groups)

    def _users(self, records: Records, wanted: ScimFilter[Any] | None) -> Iterator[DirectoryUser]:
        """Yields the users that a filter can mean: one, where it asks for a name or an external id, as most do."""
        named = _asked(wanted)
        organization = self.speaker.organization
        if named is None:
            yield from users_of(records, organization)
            return
        attribute, value = named
        if attribute == "externalid":
            link = records.get(LINKS, place(organization, external_digest(organization, value)))
            user = link.user if link else ""
        else:
            holder = records.get(NAMES, place(organization, _digest(organization, value)))
            user = holder.user if holder else ""
        found = records.get(USERS, place(organization, user)) if user else None
        if found is not None:
            yield found

    def _user(self, user: DirectoryUser) -> Resource[Any]:
        try:
            sealed = self._opened(user)
        except AbsentError:  # destroyed: its directory sends the name again, seeing that it is another
            sealed = {"userName": user.id}
        return _user_of(user, sealed if isinstance(sealed, dict) else {})

    def _opened(self, user: DirectoryUser) -> JSONValue:
        """Returns what was sealed of a user. Where many workers write, its entry gets its place a moment later.

        Raises:
            AbsentError: its data key was destroyed.
            UnavailableError: `directory-entry-waits`: nobody gives places.
        """
        for _ in range(PLACE_TRIES):
            try:
                return self.log.open_field(user.entry, RESOURCE).value
            except AbsentError as error:
                if error.code == "destroyed":
                    raise
            self.pause(PLACE_PAUSE_S)
        raise UnavailableError(f"entry {user.entry} has no place in the log yet", code="directory-entry-waits")


def _said(user: User) -> Said:
    shown = {"userName": user.user_name, "displayName": user.display_name, "externalId": user.external_id}
    resource = {name: value for name, value in shown.items() if value is not None} | {"active": user.active}
    return Said(
        name=str(user.user_name),
        external_id=user.external_id or "",
        active=user.active is not False,
        resource=resource,
    )


def _user_of(user: DirectoryUser, sealed: Any) -> Resource[Any]:  # noqa: ANN401 - JSON
    return User(
        id=user.id,
        external_id=sealed.get("externalId"),
        user_name=sealed.get("userName"),
        display_name=sealed.get("displayName"),
        active=sealed.get("active", user.active),
        meta=_meta("User", user),
    )


def _group(group: DirectoryGroup) -> Resource[Any]:
    members = [GroupMember(value=one, ref=Reference[User](f"Users/{one}"), type="User") for one in group.members]
    return Group(
        id=group.id,
        external_id=group.external_id or None,
        display_name=group.name,
        members=members or None,
        meta=_meta("Group", group),
    )


def _meta(name: str, one: DirectoryUser | DirectoryGroup) -> Meta:
    return Meta(
        resource_type=name,
        created=_datetime(one.created_at),
        last_modified=_datetime(one.changed_at),
        version=f'W/"{one.entry}"',
    )


def _datetime(at: Instant) -> datetime:
    return datetime.fromtimestamp(at / SECOND, UTC)


def _entry_of(version: str | None) -> str:
    return (version or "").removeprefix('W/"').removesuffix('"')


def _asked(wanted: ScimFilter[Any] | None) -> tuple[str, str] | None:
    """Returns the attribute and the value, where a filter asks for one user's name or external id, and for no more."""
    node = wanted.ast if wanted is not None else None
    if not isinstance(node, Comparison) or node.op is not CompareOperator.eq or not isinstance(node.value, str):
        return None
    attribute = str(node.attr_path).rpartition(":")[2].casefold()
    return (attribute, node.value) if attribute in ("username", "externalid") else None


def _digest(organization: str, name: str) -> str:
    try:
        return name_digest(organization, name)
    except InvalidInputError:  # nobody has such a name
        return ""


def _sort_key(request: SearchRequest[Any], resource: Resource[Any]) -> tuple[bool, Any, str]:
    value = request.sort_value(resource)
    return value is None, "" if value is None else value, str(resource.id)


def _descends(request: SearchRequest[Any]) -> bool:
    return request.sort_by is not None and request.sort_order == SearchRequest.SortOrder.descending

"""What the entries of directories are in OCSF: changes of users, groups and what speaks for them."""

from collections.abc import Mapping
from typing import Any

from safeconduct.access.directory import events
from safeconduct.ledger.ocsf import CREATE, DELETE, ENTITY_MANAGEMENT, MEDIUM, UPDATE, EntryForm

_ACTOR = {"actor.user.uid": "credential", "actor.user.org.uid": "organization"}


def _kept(body: Mapping[str, Any]) -> Mapping[str, Any]:
    linked = {"entity.user.uid": body["principal"]} if body["principal"] else {}
    return linked if body["active"] else {**linked, "severity_id": MEDIUM, "comment": "not active in its directory"}


def _removed(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"entity.user.uid": body["principal"]} if body["principal"] else {}


def _grouped(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"comment": f"{len(body['added'])} came, {len(body['removed'])} left"}


FORMS: Mapping[str, EntryForm] = {
    events.CREDENTIAL_ISSUED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed={"entity.type": "Directory credential"},
        copy={"entity.uid": "id", "entity.name": "organization", "actor.user.uid": "by"},
    ),
    events.CREDENTIAL_REVOKED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=DELETE,
        fixed={"entity.type": "Directory credential"},
        copy={"entity.uid": "id", "actor.user.uid": "by"},
    ),
    events.USER_KEPT.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=UPDATE,
        fixed={"entity.type": "User"},
        copy={"entity.uid": "user", "entity.name": "name", **_ACTOR},
        more=_kept,
    ),
    events.USER_REMOVED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=DELETE,
        fixed={"entity.type": "User", "severity_id": MEDIUM},
        copy={"entity.uid": "user", **_ACTOR},
        more=_removed,
    ),
    events.GROUP_KEPT.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=UPDATE,
        fixed={"entity.type": "Group"},
        copy={"entity.uid": "group", "entity.name": "name", **_ACTOR},
        more=_grouped,
    ),
    events.GROUP_REMOVED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=DELETE,
        fixed={"entity.type": "Group"},
        copy={"entity.uid": "group", **_ACTOR},
    ),
}
"""By entry type."""

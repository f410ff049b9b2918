"""What the entries of access are in OCSF. Principals change with the program, so these are changes of entities."""

from collections.abc import Mapping
from typing import Any

from safeconduct.access import events
from safeconduct.ledger.ocsf import CREATE, DELETE, ENTITY_MANAGEMENT, HIGH, OTHER, UPDATE, EntryForm

ACTIVATE, SUSPEND = 10, 12


def _selected(body: Mapping[str, Any]) -> Mapping[str, Any]:
    selector = body.get("selector", {})
    return {"entity.type": selector.get("kind"), "entity.name": selector.get("name") or selector.get("kind")}


FORMS: Mapping[str, EntryForm] = {
    events.PROGRAM_PART.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=UPDATE,
        fixed={"entity.type": "Program part", "entity.name": "changes that a program request brings"},
        more=lambda body: {"comment": f"{len(body.get('changes', ()))} changes"},
    ),
    events.PROGRAM_REQUESTED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Request", "entity.type": "Program"},
        copy={"entity.uid": "program", "entity.name": "agreement", "actor.user.uid": "by"},
    ),
    events.UNFREEZE_REQUESTED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Request resume", "entity.type": "Freeze"},
        copy={"entity.uid": "freeze", "actor.user.uid": "by"},
    ),
    events.ENFORCED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=ACTIVATE,
        copy={"entity.uid": "request", "entity.type": "kind", "metadata.correlation_uid": "request"},
    ),
    events.FREEZE_STARTED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=SUSPEND,
        fixed={"severity_id": HIGH},
        copy={"actor.user.uid": "by", "comment": "reason"},
        more=_selected,
    ),
    events.TOKEN_ISSUED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed={"entity.type": "API token"},
        copy={"entity.uid": "id", "entity.user.uid": "principal", "actor.user.uid": "by"},
    ),
    events.TOKEN_REVOKED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=DELETE,
        fixed={"entity.type": "API token"},
        copy={"entity.uid": "id", "actor.user.uid": "by"},
    ),
}
"""By entry type."""

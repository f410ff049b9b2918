"""What the entries of approvals are in OCSF: the life of a draft that is put to the vote."""

from collections.abc import Mapping

from safeconduct.approvals import events
from safeconduct.ledger.ocsf import CREATE, ENTITY_MANAGEMENT, OTHER, EntryForm

DEACTIVATE = 11
_TYPE = {"entity.type": "Approval"}

FORMS: Mapping[str, EntryForm] = {
    events.PROPOSED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed=_TYPE,
        copy={"entity.uid": "content", "entity.name": "kind", "actor.user.uid": "proposer"},
    ),
    events.VOTED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={**_TYPE, "activity_name": "Vote"},
        copy={
            "entity.uid": "approval",
            "actor.user.uid": "voter",
            "comment": "verdict",
            "metadata.correlation_uid": "approval",
        },
    ),
    events.EXPIRED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=DEACTIVATE,
        fixed=_TYPE,
        copy={"entity.uid": "approval", "metadata.correlation_uid": "approval"},
    ),
    events.WITHDRAWN.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=DEACTIVATE,
        fixed=_TYPE,
        copy={"entity.uid": "approval", "metadata.correlation_uid": "approval"},
    ),
    events.CONSUMED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={**_TYPE, "activity_name": "Use"},
        copy={"entity.uid": "approval", "comment": "by", "metadata.correlation_uid": "approval"},
    ),
}
"""By entry type."""

"""What the entries of recertification are in OCSF."""

from collections.abc import Mapping

from safeconduct.ledger.ocsf import CREATE, ENTITY_MANAGEMENT, MEDIUM, OTHER, EntryForm
from safeconduct.program.recertifying import events

_CAMPAIGN = {"entity.type": "Recertification"}
_COPY = {"metadata.correlation_uid": "campaign"}

FORMS: Mapping[str, EntryForm] = {
    events.TAKEN.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={**_CAMPAIGN, "activity_name": "Take over from program"},
        copy={"entity.name": "name"},
    ),
    events.OPENED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed=_CAMPAIGN,
        copy={"entity.name": "name", "actor.user.uid": "owner", "actor.user.org.uid": "organization"},
    ),
    events.ANSWERED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"entity.type": "Recertified access", "activity_name": "Answer", "severity_id": MEDIUM},
        copy={**_COPY, "entity.name": "subject", "actor.user.uid": "by.id", "comment": "reason"},
    ),
    events.CLOSED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={**_CAMPAIGN, "activity_name": "Close", "severity_id": MEDIUM},
        copy={**_COPY, "entity.uid": "campaign"},
    ),
}
"""By entry type."""

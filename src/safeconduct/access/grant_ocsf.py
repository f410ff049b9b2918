"""What the entries of grants by request are in OCSF."""

from collections.abc import Mapping

from safeconduct.access import grant_events
from safeconduct.ledger.ocsf import CREATE, ENTITY_MANAGEMENT, HIGH, MEDIUM, OTHER, EntryForm

_ACTIVATE = 10
_CASE = {"entity.uid": "grant", "metadata.correlation_uid": "grant"}

FORMS: Mapping[str, EntryForm] = {
    grant_events.REQUESTED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed={"entity.type": "Grant request"},
        copy={
            "entity.uid": "content",
            "entity.name": "draft.path",
            "entity.user.uid": "draft.principal",
            "actor.user.uid": "by",
            "comment": "draft.reason",
        },
    ),
    grant_events.ISSUED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT, activity_id=_ACTIVATE, fixed={"entity.type": "Grant"}, copy=_CASE
    ),
    grant_events.CLOSED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Close", "entity.type": "Grant"},
        copy={**_CASE, "entity.name": "step", "actor.user.uid": "by", "comment": "why"},
    ),
    grant_events.OPENED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Break glass", "entity.type": "Grant", "severity_id": HIGH},
        copy={**_CASE, "entity.name": "template", "actor.user.uid": "by", "actor.user.org.uid": "organization"},
    ),
    grant_events.REVIEWED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Review", "entity.type": "Grant", "severity_id": MEDIUM},
        copy={
            **_CASE,
            "entity.name": "finding",
            "actor.user.uid": "voter",
            "actor.user.org.uid": "organization",
            "comment": "reason",
        },
    ),
}
"""By entry type."""

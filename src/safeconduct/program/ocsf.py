"""What the entries of this package are in OCSF."""

from collections.abc import Mapping

from safeconduct.access.ocsf import ACTIVATE, SUSPEND
from safeconduct.ledger.ocsf import CREATE, ENTITY_MANAGEMENT, MEDIUM, OTHER, EntryForm
from safeconduct.program import agreement_events, notice_events
from safeconduct.program.obligations.ocsf import FORMS as OBLIGATIONS
from safeconduct.program.recertifying.ocsf import FORMS as RECERTIFYING
from safeconduct.program.vetting.ocsf import FORMS as VETTING

FORMS: Mapping[str, EntryForm] = {
    **OBLIGATIONS,
    **RECERTIFYING,
    **VETTING,
    agreement_events.TERMINATED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=SUSPEND,
        fixed={"entity.type": "Agreement", "severity_id": MEDIUM},
        copy={"entity.uid": "agreement", "actor.user.uid": "by", "comment": "reason"},
    ),
    agreement_events.SUCCEEDED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=ACTIVATE,
        fixed={"entity.type": "Agreement"},
        copy={"entity.uid": "agreement"},
    ),
    notice_events.CALENDAR_TOLD.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Warn", "entity.type": "Calendar"},
        copy={"entity.uid": "organization"},
    ),
    notice_events.CALENDAR_LOOKED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Look", "entity.type": "Calendar", "entity.uid": "calendar"},
    ),
    notice_events.TRIAL_ORDERED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed={"entity.type": "Notice"},
        copy={"entity.uid": "channel", "actor.user.uid": "by", "actor.user.org.uid": "organization"},
    ),
    notice_events.NOTICE_TRIED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Notify", "entity.type": "Notice"},
        copy={
            "entity.uid": "notice",
            "entity.name": "channel",
            "comment": "outcome",
            "metadata.correlation_uid": "notice",
        },
    ),
}
"""By entry type."""

"""What the entries of this package are in OCSF."""

from collections.abc import Mapping

from safeconduct.access.ocsf import ACTIVATE, SUSPEND
from safeconduct.ledger.ocsf import ENTITY_MANAGEMENT, MEDIUM, EntryForm
from safeconduct.program import agreement_events
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
}
"""By entry type."""

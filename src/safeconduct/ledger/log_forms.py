"""What the ledger's own entries are in OCSF: changes of the logs themselves."""

from collections.abc import Mapping

from safeconduct.ledger import log_events
from safeconduct.ledger.ocsf import CREATE, CRITICAL, ENTITY_MANAGEMENT, HIGH, OTHER, UPDATE, EntryForm

FORMS: Mapping[str, EntryForm] = {
    log_events.KEY_ROTATED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=UPDATE,
        fixed={"entity.type": "Log key", "severity_id": HIGH},
        copy={"entity.uid": "new", "metadata.correlation_uid": "request"},
    ),
    log_events.LOG_CLOSED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Close", "entity.type": "Log", "severity_id": CRITICAL},
        copy={"entity.name": "successor", "comment": "reason"},
    ),
    log_events.LOG_SUCCEEDED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed={"entity.type": "Log", "severity_id": CRITICAL},
        copy={"entity.name": "predecessor", "comment": "reason"},
    ),
}
"""By entry type."""

"""What the entries of obligations are in OCSF: changes of what is owed, and of what is left where it is not met."""

from collections.abc import Mapping

from safeconduct.access.ocsf import SUSPEND
from safeconduct.ledger.ocsf import ENTITY_MANAGEMENT, HIGH, MEDIUM, OTHER, EntryForm
from safeconduct.program.obligations import events

_NAME = {"entity.name": "obligation"}
_OWED = {**_NAME, "entity.user.uid": "owner", "entity.user.org.uid": "organization"}


def _other(name: str, copy: Mapping[str, str], severity: Mapping[str, int] | None = None) -> EntryForm:
    fixed = {"entity.type": "Obligation", "activity_name": name, **(severity or {})}
    return EntryForm(class_uid=ENTITY_MANAGEMENT, activity_id=OTHER, fixed=fixed, copy=copy)


FORMS: Mapping[str, EntryForm] = {
    events.TAKEN.name: _other("Take over from program", {"entity.name": "name"}),
    events.HANDED_IN.name: _other(
        "Hand in evidence", {**_NAME, "actor.user.uid": "by.id", "entity.uid": "sha256", "comment": "source"}
    ),
    events.JUDGED.name: _other(
        "Judge evidence", {**_NAME, "actor.user.uid": "by.id", "entity.uid": "sha256", "comment": "reason"}
    ),
    events.WARNED.name: _other("Warn", _OWED, {"severity_id": MEDIUM}),
    events.LOWERED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=SUSPEND,
        fixed={"entity.type": "Obligation", "severity_id": HIGH},
        copy=_OWED,
    ),
}
"""By entry type."""

"""What the entries of freezes are in OCSF."""

from collections.abc import Mapping
from typing import Any

from safeconduct.access import freeze_events
from safeconduct.access.upstream_key_events import UPSTREAM_KEY_SETTLED, Revoking
from safeconduct.ledger.ocsf import ENTITY_MANAGEMENT, FAILURE, HIGH, OTHER, EntryForm

_ACTIVATE, _SUSPEND = 10, 12
_FREEZE = {"entity.uid": "freeze", "metadata.correlation_uid": "freeze"}


def _selected(body: Mapping[str, Any]) -> Mapping[str, Any]:
    terms = body.get("selector", {}).get("terms", [])
    told = [f"{'!' if one.get('barred') else ''}{one.get('kind')}:{one.get('name')}" for one in terms]
    if len(terms) != 1:
        return {"entity.type": "selection", "entity.name": "&".join(told)}
    return {"entity.type": terms[0].get("kind"), "entity.name": terms[0].get("name") or terms[0].get("kind")}


def _settled(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {} if body.get("outcome") == Revoking.REVOKED else {**FAILURE, "severity_id": HIGH}


FORMS: Mapping[str, EntryForm] = {
    freeze_events.FREEZE_STARTED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=_SUSPEND,
        fixed={"severity_id": HIGH},
        copy={"actor.user.uid": "by", "comment": "reason"},
        more=_selected,
    ),
    freeze_events.FREEZE_EXPIRED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT, activity_id=_ACTIVATE, fixed={"entity.type": "Freeze"}, copy=_FREEZE
    ),
    freeze_events.FREEZE_REVIEWED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Review", "entity.type": "Freeze"},
        copy={**_FREEZE, "actor.user.uid": "by", "comment": "reason"},
    ),
    freeze_events.UNFREEZE_AGREED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Agree to resume", "entity.type": "Freeze"},
        copy={**_FREEZE, "actor.user.uid": "by", "actor.user.org.uid": "organization"},
    ),
    freeze_events.UNFREEZE_REQUESTED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Request resume", "entity.type": "Freeze"},
        copy={**_FREEZE, "actor.user.uid": "by"},
    ),
    UPSTREAM_KEY_SETTLED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Revoke a vendor's key", "entity.type": "Upstream key"},
        copy={"entity.uid": "key", "metadata.correlation_uid": "freeze", "status_detail": "outcome", "comment": "said"},
        more=_settled,
    ),
}
"""By entry type."""

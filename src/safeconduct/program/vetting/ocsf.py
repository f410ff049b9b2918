"""What the entries of vetting are in OCSF: changes of the cases that decide who is admitted."""

from collections.abc import Mapping
from typing import Any

from safeconduct.access.ocsf import ACTIVATE, SUSPEND
from safeconduct.ledger.ocsf import CREATE, ENTITY_MANAGEMENT, MEDIUM, OTHER, EntryForm
from safeconduct.program.vetting import events

_CASE = {"entity.type": "Vetting case"}
_COPY = {"entity.uid": "case", "metadata.correlation_uid": "case"}


def _other(name: str, copy: Mapping[str, str]) -> EntryForm:
    return EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={**_CASE, "activity_name": name},
        copy={**_COPY, **copy},
    )


def _subject(body: Mapping[str, Any]) -> Mapping[str, Any]:
    subject = body.get("subject", {})
    return {"entity.name": f"{subject.get('kind')}:{subject.get('name')}"}


FORMS: Mapping[str, EntryForm] = {
    events.OPENED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed=_CASE,
        copy={"actor.user.uid": "applicant.id"},
        more=_subject,
    ),
    events.SUBMITTED.name: _other("Submit evidence", {"actor.user.uid": "by"}),
    events.ASSESSED.name: _other("Assess", {"actor.user.uid": "by.id", "entity.name": "check", "comment": "reason"}),
    events.DECIDED.name: _other("Decide", {"actor.user.uid": "by.id", "comment": "reason"}),
    events.APPEALED.name: _other("Appeal", {"actor.user.uid": "by", "comment": "ground"}),
    events.RULED.name: _other("Rule on appeal", {"actor.user.uid": "by.id"}),
    events.PROVISIONED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT, activity_id=ACTIVATE, fixed=_CASE, copy={**_COPY, "actor.user.uid": "by"}
    ),
    events.PROVEN.name: _other("Prove path", {"actor.user.uid": "by", "entity.name": "path"}),
    events.SUSPENDED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=SUSPEND,
        fixed={**_CASE, "severity_id": MEDIUM},
        copy={**_COPY, "actor.user.uid": "by.id", "comment": "reason"},
    ),
    events.ENDED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=SUSPEND,
        fixed=_CASE,
        copy={**_COPY, "actor.user.uid": "by", "comment": "action"},
    ),
    events.OVERDUE.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={**_CASE, "activity_name": "Escalate", "severity_id": MEDIUM},
        copy={**_COPY, "entity.user.uid": "escalated_to"},
    ),
}
"""By entry type."""

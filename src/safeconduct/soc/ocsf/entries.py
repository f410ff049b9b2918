"""What the entries of security operations are in OCSF: findings, remediation, and what came in."""

from collections.abc import Callable, Mapping
from typing import Any

from safeconduct.kernel.instants import Instant
from safeconduct.ledger.ocsf import (
    CREATE,
    DELETE,
    ENTITY_MANAGEMENT,
    FAILURE,
    INCIDENT_FINDING,
    OTHER,
    READ,
    REMEDIATION,
    SUCCESS,
    UPDATE,
    EntryForm,
)
from safeconduct.soc import (
    anomaly_orders,
    claim_events,
    ingesting,
    rule_collections,
    tune_outs,
)
from safeconduct.soc.actions import events as action_events
from safeconduct.soc.autonomy import level_events, look_events, review_events
from safeconduct.soc.hunts import saved_events, scheduled_events
from safeconduct.soc.incidents import closing, regrouping
from safeconduct.soc.incidents import events as incidents
from safeconduct.soc.live import events as live_events
from safeconduct.soc.ocsf.findings import CLOSE, CLOSED, NEW, RULE, SEVERITIES, UNASSIGNED, VERDICTS, attacks
from safeconduct.soc.prompts import events as prompt_events
from safeconduct.soc.retention import events as retention
from safeconduct.soc.siem import events as siem_events
from safeconduct.soc.trials import events as trial_events
from safeconduct.soc.trials import rule_events

FINDING_CREATE, FINDING_UPDATE = 1, 2
IN_PROGRESS = 2
HARDEN, RESTORE, DETECT = 4, 3, 5
_ACTION: Mapping[str, str] = {"command_uid": "action", "metadata.correlation_uid": "action"}


def _status(name: str) -> Mapping[str, Any]:
    return {"status_id": OTHER, "status": name}


def _opened(body: Mapping[str, Any]) -> Mapping[str, Any]:
    alerts = body.get("alerts", ())
    return {
        "severity_id": max((SEVERITIES.get(alert["level"], 0) for alert in alerts), default=0),
        "finding_info_list": [_alert(alert) for alert in alerts] or [{"uid": body["incident"], "title": "more edges"}],
        "attacks": attacks(name for alert in alerts for name in alert["techniques"]) or None,
        "start_time": Instant(body["first_at"]) // 1000,
        "end_time": Instant(body["last_at"]) // 1000,
        "count": len({event for alert in alerts for event in alert["events"]}) or None,
    }


def _alert(alert: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "uid": alert["id"],
        "title": alert["title"],
        "created_time": Instant(alert["at"]) // 1000,
        "analytic": {"type_id": RULE, "uid": alert["rule"], "name": alert["title"], "version": alert["rule_digest"]},
        "related_events_count": alert["total"] or len(alert["events"]),
    }


def _regrouped(body: Mapping[str, Any]) -> Mapping[str, Any]:
    told = [{"uid": key, "title": body["change"]} for key in body["incidents"]]
    return {"finding_info_list": told, "desc": f"{body['change']}: {len(body['parts'])} incidents made"}


def _undone(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"finding_info_list": [{"uid": body["regrouping"], "title": "undone"}]}


def _checked(body: Mapping[str, Any]) -> Mapping[str, Any]:
    found = [
        {"uid": claim["id"], "title": claim["kind"], "types": [claim["outcome"]], "desc": claim["reason"] or "verified"}
        for claim in body.get("claims", ())
    ]
    return {"finding_info_list": found or [{"uid": body["incident"], "title": "no claims"}]}


def _reviewed(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"finding_info_list": [{"uid": body["answer"], "title": "model's answer", "types": [body["decision"]]}]}


def _closed(body: Mapping[str, Any]) -> Mapping[str, Any]:
    told = {"uid": body["incident"], "title": "closed", "types": [body["disposition"]]}
    return {"finding_info_list": [told], "verdict_id": VERDICTS[body["disposition"]]}


def _told(title: str, kind: str) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    return lambda body: {"finding_info_list": [{"uid": body["incident"], "title": title, "types": [str(body[kind])]}]}


def _incident(more: Callable[[Mapping[str, Any]], Mapping[str, Any]], **fixed: int) -> EntryForm:
    return EntryForm(
        class_uid=INCIDENT_FINDING,
        activity_id=fixed.pop("activity_id", FINDING_UPDATE),
        fixed={"status_id": IN_PROGRESS, "assignee_group": UNASSIGNED, **fixed},
        copy={"metadata.correlation_uid": "incident", "actor.user.uid": "by"},
        more=more,
    )


def _autonomy(name: str) -> EntryForm:
    return EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=UPDATE,
        fixed={"entity.type": "Autonomy of a path", "comment": name},
        copy={"entity.name": "path", "actor.user.uid": "by"},
    )


def _action(name: str, activity: int = HARDEN, status: Mapping[str, Any] | None = None) -> EntryForm:
    return EntryForm(
        class_uid=REMEDIATION,
        activity_id=activity,
        fixed=status or _status(name),
        copy={**_ACTION, "status_code": "detail"},
    )


def _siem(activity: int, copy: Mapping[str, str]) -> EntryForm:
    copied = {"entity.name": "siem", **copy}
    return EntryForm(class_uid=ENTITY_MANAGEMENT, activity_id=activity, fixed={"entity.type": "SIEM"}, copy=copied)


def _live(activity: int, copy: Mapping[str, str]) -> EntryForm:
    copied = {"entity.name": "owner", **copy}
    return EntryForm(
        class_uid=ENTITY_MANAGEMENT, activity_id=activity, fixed={"entity.type": "Live detection"}, copy=copied
    )


def _prompt(activity: int, copy: Mapping[str, str]) -> EntryForm:
    copied = {"actor.user.uid": "by", **copy}
    return EntryForm(class_uid=ENTITY_MANAGEMENT, activity_id=activity, fixed={"entity.type": "Prompt"}, copy=copied)


FORMS: Mapping[str, EntryForm] = {
    ingesting.INGESTED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed={"entity.type": "Telemetry file"},
        copy={"entity.uid": "digest", "count": "lines"},
    ),
    retention.FOUND.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed={"entity.type": "Telemetry", "comment": "lay there in no entry"},
        copy={"entity.name": "owner"},
    ),
    retention.ORDERED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=DELETE,
        fixed={"entity.type": "Telemetry"},
        copy={"entity.name": "sources", "entity.version": "day", "count": "events", "comment": "rule"},
    ),
    retention.DESTROYED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=DELETE,
        fixed={"entity.type": "Telemetry"},
        copy={"entity.uid": "order", "count": "files"},
    ),
    ingesting.INVENTORY_TAKEN.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=UPDATE,
        fixed={"entity.type": "Inventory"},
        copy={"entity.uid": "digest"},
    ),
    siem_events.ASKED.name: _siem(READ, {"comment": "table"}),
    siem_events.ANSWERED.name: _siem(READ, {"entity.uid": "digest", "count": "rows", "comment": "problem"}),
    siem_events.ORDERED.name: _siem(UPDATE, {"entity.uid": "incident", "comment": "judgment"}),
    siem_events.TOLD.name: _siem(UPDATE, {"entity.uid": "order"}),
    rule_collections.ADDED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed={"entity.type": "Detection rules"},
        copy={"entity.name": "name", "entity.uid": "digest", "count": "rules"},
    ),
    rule_collections.REMOVED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=DELETE,
        fixed={"entity.type": "Detection rules"},
        copy={"entity.name": "name", "entity.uid": "digest"},
    ),
    rule_events.TRIED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=READ,
        fixed={"entity.type": "Detection rules", "comment": "tried"},
        copy={"entity.name": "name", "entity.uid": "digest", "count": "new", "actor.user.uid": "by"},
    ),
    tune_outs.TUNED_OUT.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed={"entity.type": "Tune-out"},
        copy={"entity.uid": "id", "entity.name": "rule", "comment": "reason"},
    ),
    tune_outs.ENDED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=DELETE,
        fixed={"entity.type": "Tune-out"},
        copy={"entity.uid": "id"},
    ),
    anomaly_orders.ORDERED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=UPDATE,
        fixed={"entity.type": "Anomalies as alerts"},
        copy={"entity.name": "owner", "actor.user.uid": "by"},
    ),
    live_events.ORDERED.name: _live(CREATE, {"actor.user.uid": "by"}),
    live_events.REACHED.name: _live(UPDATE, {"count": "events"}),
    live_events.ENDED.name: _live(DELETE, {"actor.user.uid": "by"}),
    saved_events.SAVED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed={"entity.type": "Saved hunt"},
        copy={"entity.name": "name", "entity.uid": "digest", "actor.user.uid": "by"},
    ),
    saved_events.REMOVED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=DELETE,
        fixed={"entity.type": "Saved hunt"},
        copy={"entity.name": "name"},
    ),
    scheduled_events.SCHEDULED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=UPDATE,
        fixed={"entity.type": "Saved hunt", "comment": "scheduled"},
        copy={"entity.name": "name", "actor.user.uid": "by"},
    ),
    scheduled_events.UNSCHEDULED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=UPDATE,
        fixed={"entity.type": "Saved hunt", "comment": "unscheduled"},
        copy={"entity.name": "name"},
    ),
    scheduled_events.DUE.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=READ,
        fixed={"entity.type": "Saved hunt", "comment": "due"},
        copy={"entity.name": "name", "entity.uid": "digest"},
    ),
    scheduled_events.ANSWERED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=READ,
        fixed={"entity.type": "Hunt run"},
        copy={"entity.uid": "due", "count": "counted", "comment": "outcome"},
    ),
    prompt_events.REGISTERED.name: _prompt(CREATE, {"entity.uid": "version"}),
    prompt_events.PROMOTED.name: _prompt(UPDATE, {"entity.uid": "version", "comment": "trial"}),
    prompt_events.DEMOTED.name: _prompt(UPDATE, {"entity.uid": "version"}),
    trial_events.OPENED.name: _prompt(CREATE, {"entity.uid": "plan.candidate"}),
    trial_events.BEGUN.name: _prompt(UPDATE, {"entity.uid": "trial", "comment": "incident"}),
    trial_events.ANSWERED.name: _prompt(UPDATE, {"entity.uid": "trial", "comment": "incident"}),
    incidents.OPENED.name: EntryForm(
        class_uid=INCIDENT_FINDING,
        activity_id=FINDING_CREATE,
        fixed={"status_id": NEW, "assignee_group": UNASSIGNED},
        copy={"metadata.correlation_uid": "incident"},
        more=_opened,
    ),
    regrouping.REGROUPED.name: EntryForm(
        class_uid=INCIDENT_FINDING,
        activity_id=FINDING_UPDATE,
        fixed={"status_id": IN_PROGRESS, "assignee_group": UNASSIGNED},
        copy={"actor.user.uid": "by"},
        more=_regrouped,
    ),
    regrouping.UNDONE.name: EntryForm(
        class_uid=INCIDENT_FINDING,
        activity_id=FINDING_UPDATE,
        fixed={"status_id": IN_PROGRESS, "assignee_group": UNASSIGNED},
        copy={"actor.user.uid": "by"},
        more=_undone,
    ),
    claim_events.CLAIMS_CHECKED.name: EntryForm(
        class_uid=INCIDENT_FINDING,
        activity_id=FINDING_UPDATE,
        fixed={"status_id": IN_PROGRESS, "assignee_group": UNASSIGNED},
        copy={"metadata.correlation_uid": "incident"},
        more=_checked,
    ),
    review_events.REVIEWED.name: _incident(_reviewed),
    closing.CLOSED.name: _incident(_closed, activity_id=CLOSE, status_id=CLOSED),
    closing.REOPENED.name: _incident(_told("open again", "why")),
    look_events.LOOK_DUE.name: _incident(_told("second look due", "path")),
    look_events.LOOK_DONE.name: _incident(_told("second look", "outcome")),
    look_events.LOOK_OVERDUE.name: _incident(_told("second look overdue", "path")),
    level_events.PROMOTED.name: _autonomy("Promoted"),
    level_events.DEMOTED.name: _autonomy("Demoted"),
    level_events.STOPPED.name: _autonomy("Stopped"),
    level_events.RESUMED.name: _autonomy("Resumed"),
    action_events.PROPOSED.name: EntryForm(
        class_uid=REMEDIATION,
        activity_id=HARDEN,
        fixed=_status("Proposed"),
        copy={"command_uid": "approval", "actor.user.uid": "by", "message": "kind"},
    ),
    action_events.APPROVED.name: _action("Approved"),
    action_events.REJECTED.name: _action("Rejected"),
    action_events.PREAUTHORIZED.name: _action("Approved by the program's playbook"),
    action_events.EXECUTING.name: _action("Executing"),
    action_events.PREPARED.name: _action("Prepared", DETECT),
    action_events.NOT_DONE.name: _action("Not done", status=FAILURE),
    action_events.DONE.name: _action("Done", status=SUCCESS),
    action_events.VERIFIED.name: _action("Verified", DETECT, SUCCESS),
    action_events.FAILED.name: _action("Failed", DETECT, FAILURE),
    action_events.SUPERSEDED.name: _action("Probe superseded", DETECT),
    action_events.UNDOING.name: _action("Undoing", RESTORE),
    action_events.UNDO_FAILED.name: _action("Undo failed", RESTORE, FAILURE),
    action_events.ROLLED_BACK.name: _action("Rolled back", RESTORE, SUCCESS),
    action_events.EXPIRED.name: _action("Expired", RESTORE),
    action_events.LIST_TOKEN_ISSUED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed={"entity.type": "List token"},
        copy={"entity.name": "list", "entity.user.name": "holder"},
    ),
}
"""By entry type."""

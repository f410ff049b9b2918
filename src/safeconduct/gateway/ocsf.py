"""What the entries of calls are in OCSF: API Activity with the profiles of AI operations and of security controls.

The log knows no address of a caller, so the source endpoint names the principal. Whose model it was stays unsaid, as
upstreams do everywhere: the path stands for the provider.
"""

from collections.abc import Mapping
from typing import Any

from safeconduct.gateway import (
    breach_events,
    events,
    held_events,
    holding,
    label_events,
    recheck_events,
    restoration_events,
    turn_events,
    usage_events,
)
from safeconduct.gateway.arriving import MISUSED
from safeconduct.gateway.budgets import events as budgets
from safeconduct.gateway.moves import End
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.ocsf import (
    API_ACTIVITY,
    AUTHENTICATION,
    CREATE,
    ENTITY_MANAGEMENT,
    FAILURE,
    HIGH,
    LOW,
    OTHER,
    SUCCESS,
    UPDATE,
    EntryForm,
)

ALLOWED: Mapping[str, Any] = {"action_id": 1, "action": "Allowed", "disposition_id": 1, "disposition": "Allowed"}
DENIED: Mapping[str, Any] = {"action_id": 2, "action": "Denied", "disposition_id": 2, "disposition": "Blocked"}
CUT: Mapping[str, Any] = {"disposition_id": 24, "disposition": "Access Revoked", "action_id": 2, "action": "Denied"}
LOGON = 1
_CALL: Mapping[str, Any] = {
    "metadata.profiles": ["ai_operation", "security_control"],
    "api.operation": "model.call",
    "api.service.name": "safeconduct gateway",
    "message_context.service.name": "safeconduct gateway",
}
_CALLER: Mapping[str, str] = {
    "actor.user.uid": "principal",
    "actor.user.org.uid": "organization",
    "src_endpoint.name": "principal",
}
_ENDS: Mapping[str, Mapping[str, Any]] = {
    End.COMPLETED: {**SUCCESS, **ALLOWED},
    End.REFUSED_BY_UPSTREAM: {**FAILURE, **ALLOWED},
    End.UPSTREAM_FAILED: {**FAILURE, **ALLOWED},
    End.CUT: {**FAILURE, **CUT},
    End.WITHHELD: {**FAILURE, **DENIED},
    End.HELD: {**FAILURE, **DENIED},
    End.ABANDONED: {"status_id": OTHER, "status": "Abandoned", **ALLOWED},
}


def _asked(body: Mapping[str, Any]) -> Mapping[str, Any]:
    found: dict[str, Any] = {"resources": [{"name": body["path"], "type": "Path"}]} if body.get("path") else {}
    if body.get("model"):
        found["ai_model"] = {"name": body["model"], "ai_provider": body.get("path") or "unknown"}
        if body.get("model_version"):
            found["ai_model"]["version"] = body["model_version"]
    return found


def _intended(body: Mapping[str, Any]) -> Mapping[str, Any]:
    policies = [{"decision": "allow", "policy": {"uid": name}} for name in body.get("determining", ())]
    return {**_asked(body), "authorizations": policies or None}


def _refused(body: Mapping[str, Any]) -> Mapping[str, Any]:
    clause = body.get("clause")
    return {
        **_asked(body),
        "authorizations": [{"decision": "deny", "policy": {"name": clause}}] if clause else None,
        "count": 1 + body.get("unrecorded", 0),
        **({"severity_id": HIGH} if body.get("code") in MISUSED else {}),
    }


def _ended(body: Mapping[str, Any]) -> Mapping[str, Any]:
    prompt, completion = body.get("prompt_tokens"), body.get("completion_tokens")
    total = prompt + completion if prompt is not None and completion is not None else None
    return {**_ENDS.get(body.get("end", ""), {}), "message_context.total_tokens": total}


def _since(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"start_time": Instant(body["since"]) // 1000} if "since" in body else {}


def _budget(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"resources": [{"name": body["account"], "type": "Budget"}]} if body.get("account") else {}


def _rechecked(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"severity_id": HIGH} if body.get("breaches") else {}


_BUDGET = EntryForm(
    class_uid=API_ACTIVITY,
    activity_id=UPDATE,
    fixed={
        "api.operation": "budget.account",
        "api.service.name": "safeconduct gateway",
        **SUCCESS,
    },
    copy={"actor.app_uid": "worker", "src_endpoint.name": "worker"},
    more=_budget,
)

_COMPARED: Mapping[str, str] = {
    "entity.uid": "compared.export",
    "entity.name": "compared.upstream",
    "actor.user.uid": "by",
}

FORMS: Mapping[str, EntryForm] = {
    budgets.BUDGET_LEASED.name: _BUDGET,
    budgets.BUDGET_RETURNED.name: _BUDGET,
    events.CALL_INTENT.name: EntryForm(
        class_uid=API_ACTIVITY,
        activity_id=CREATE,
        fixed={**_CALL, **SUCCESS, **ALLOWED},
        copy={**_CALLER, "policy.uid": "policy_digest", "message_context.uid": "request_sha256"},
        more=_intended,
    ),
    events.CALL_ATTEMPTED.name: EntryForm(
        class_uid=API_ACTIVITY,
        activity_id=CREATE,
        fixed={**_CALL, **SUCCESS, **ALLOWED},
        copy={
            "actor.app_uid": "worker",
            "src_endpoint.name": "worker",
            "metadata.correlation_uid": "call",
            "api.request.uid": "call",
            "api.response.code": "status",
            "status_code": "why",
            "message_context.uid": "sent_sha256",
        },
    ),
    events.CALL_OUTCOME.name: EntryForm(
        class_uid=API_ACTIVITY,
        activity_id=CREATE,
        fixed=_CALL,
        copy={
            "actor.app_uid": "worker",
            "src_endpoint.name": "worker",
            "metadata.correlation_uid": "call",
            "api.request.uid": "call",
            "api.response.code": "status",
            "api.response.message": "finish_reason",
            "status_code": "why",
            "status_detail": "clause",
            "message_context.prompt_tokens": "prompt_tokens",
            "message_context.completion_tokens": "completion_tokens",
        },
        more=_ended,
    ),
    label_events.CALL_LABELLED.name: EntryForm(
        class_uid=API_ACTIVITY,
        activity_id=OTHER,
        fixed={**_CALL, **SUCCESS, "activity_name": "Label"},
        copy={
            **_CALLER,
            "metadata.correlation_uid": "call",
            "api.request.uid": "call",
            "status_detail": "context.integrity",
        },
        more=_asked,
    ),
    holding.CALL_HELD.name: EntryForm(
        class_uid=API_ACTIVITY,
        activity_id=CREATE,
        fixed={**_CALL, **FAILURE, **DENIED, "severity_id": LOW},
        copy={**_CALLER, "status_detail": "approval", "metadata.correlation_uid": "approval"},
        more=_asked,
    ),
    held_events.ANSWER_HELD.name: EntryForm(
        class_uid=API_ACTIVITY,
        activity_id=OTHER,
        fixed={**_CALL, **FAILURE, **DENIED, "severity_id": LOW, "activity_name": "Hold answer"},
        copy={
            **_CALLER,
            "api.request.uid": "call",
            "metadata.correlation_uid": "approval",
            "status_detail": "clause",
            "message_context.uid": "answer_commitment",
        },
        more=_asked,
    ),
    turn_events.TURN_JUDGED.name: EntryForm(
        class_uid=API_ACTIVITY,
        activity_id=OTHER,
        fixed={**_CALL, "activity_name": "Judge tool calls", "api.operation": "tools.judge"},
        copy={
            "actor.user.uid": "principal",
            "src_endpoint.name": "principal",
            "status_detail": "approval",
            "metadata.correlation_uid": "call",
        },
    ),
    events.CALL_REFUSED.name: EntryForm(
        class_uid=API_ACTIVITY,
        activity_id=CREATE,
        fixed={**_CALL, **FAILURE, **DENIED, "severity_id": LOW},
        copy={**_CALLER, "status_code": "code", "status_detail": "clause"},
        more=_refused,
    ),
    events.CALLERS_UNIDENTIFIED.name: EntryForm(
        class_uid=AUTHENTICATION,
        activity_id=LOGON,
        fixed={
            **FAILURE,
            "severity_id": LOW,
            "user.name": "unidentified",
            "service.name": "safeconduct gateway",
        },
        copy={"count": "count"},
        more=_since,
    ),
    breach_events.BREACH_NOTICED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed={"entity.type": "Boundary breach", "severity_id": HIGH, **FAILURE},
        copy={
            "actor.user.uid": "principal",
            "entity.uid": "call",
            "entity.name": "path",
            "status_code": "noticed",
            "metadata.correlation_uid": "call",
        },
    ),
    breach_events.BREACH_TOLD.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Tell", "entity.type": "Boundary breach", **SUCCESS},
        copy={"entity.uid": "breach", "entity.name": "organization", "actor.user.uid": "organization"},
    ),
    recheck_events.RECHECK_BEGUN.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed={"entity.type": "Recheck of sealed requests", **SUCCESS},
        copy={"actor.user.uid": "by", "entity.name": "path", "message": "reason"},
    ),
    recheck_events.RECHECK_ENDED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "End", "entity.type": "Recheck of sealed requests", **SUCCESS},
        copy={"entity.uid": "recheck", "entity.name": "result_sha256", "metadata.correlation_uid": "recheck"},
        more=_rechecked,
    ),
    restoration_events.TOKEN_ASKED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Restore", "entity.type": "Pseudonym", **SUCCESS},
        copy={"actor.user.uid": "by", "entity.uid": "token", "entity.name": "path", "status_detail": "found"},
    ),
    usage_events.USAGE_RECONCILED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Reconcile", "entity.type": "Vendor usage", **SUCCESS},
        copy=_COMPARED,
    ),
    usage_events.USAGE_MISMATCHED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=OTHER,
        fixed={"activity_name": "Reconcile", "entity.type": "Vendor usage", "severity_id": HIGH, **FAILURE},
        copy=_COMPARED,
    ),
}
"""By entry type."""

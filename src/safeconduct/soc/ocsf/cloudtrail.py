"""CloudTrail's records in OCSF: sign-ins, changes of accounts, and calls of the API.

Fields: AWS CloudTrail User Guide, "CloudTrail record contents". The choices of ocsf/examples are followed.
"""

from collections.abc import Mapping
from typing import Any

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import Instant, parse_rfc3339
from safeconduct.ledger.ocsf import API_ACTIVITY, AUTHENTICATION, CREATE, DELETE, FAILURE, OTHER, SUCCESS, UPDATE
from safeconduct.soc.entity_forms import normal_address
from safeconduct.soc.ocsf.forms import ACCOUNT_CHANGE, Form, fill
from safeconduct.soc.ocsf.records import lookup

READ, LOGON = 2, 1
SIGN_IN = "signin.amazonaws.com"
ACCOUNTS = "iam.amazonaws.com"
_CREATE = "Create Run Allocate Register Import Generate"
_READ = "Get List Describe Head Lookup Search BatchGet Query Scan View Download"
_UPDATE = (
    "Update Put Modify Attach Detach Set Start Stop Enable Disable Add Associate Disassociate Authorize Revoke "
    "Tag Untag Change Reset Restore Reboot"
)
_DELETE = "Delete Terminate Remove Deregister Release"
VERBS: Mapping[str, int] = {
    verb: activity
    for activity, verbs in ((CREATE, _CREATE), (READ, _READ), (UPDATE, _UPDATE), (DELETE, _DELETE))
    for verb in verbs.split()
}
"""How a call's name begins -> what it does; for others `readOnly` tells."""

CHANGES: Mapping[str, int] = {
    "CreateUser": 1,
    "ChangePassword": 3,
    "UpdateLoginProfile": 4,
    "DeleteUser": 6,
    "AttachUserPolicy": 7,
    "PutUserPolicy": 7,
    "DetachUserPolicy": 8,
    "DeleteUserPolicy": 8,
    "EnableMFADevice": 10,
    "DeactivateMFADevice": 11,
    "CreateLoginProfile": OTHER,
    "DeleteLoginProfile": OTHER,
    "CreateAccessKey": OTHER,
    "DeleteAccessKey": OTHER,
    "UpdateAccessKey": OTHER,
}
"""Calls that change an account, and OCSF's activity of Account Change."""

_COPY = {
    "metadata.uid": "eventID",
    "metadata.event_code": "eventType",
    "cloud.region": "awsRegion",
    "cloud.account.uid": "recipientAccountId",
    "api.operation": "eventName",
    "api.service.name": "eventSource",
    "api.version": "apiVersion",
    "api.request.uid": "requestID",
    "http_request.user_agent": "userAgent",
    "src_endpoint.ip": "sourceIPAddress",
    "src_endpoint.domain": "domain",
    "status_code": "errorCode",
    "status_detail": "errorMessage",
    "actor.invoked_by": "userIdentity.invokedBy",
    "actor.session.issuer": "userIdentity.sessionContext.sessionIssuer.arn",
    "actor.session.created_time": "session_ms",
    "actor.session.is_mfa": "session_mfa",
    "resources": "named",
}
_ACTOR = {
    "name": "userIdentity.userName",
    "uid": "userIdentity.arn",
    "uid_alt": "userIdentity.principalId",
    "credential_uid": "userIdentity.accessKeyId",
    "account.uid": "userIdentity.accountId",
}
_USER = {"user.name": "account_name"}


def cloudtrail(raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
    """Returns the OCSF object of a record."""
    fields = _fields(raw)
    class_uid, activity = _class(raw, fields)
    actor = {f"actor.user.{ours}": theirs for ours, theirs in _ACTOR.items()}
    if any(fields.get(theirs) for theirs in _ACTOR.values()):
        actor["actor.user.type"] = "userIdentity.type"
    copied = _COPY | actor | (_USER if class_uid != API_ACTIVITY else {})
    if class_uid != API_ACTIVITY:
        copied = {ours: theirs for ours, theirs in copied.items() if ours != "resources"}
    document = fill(Form(class_uid, activity, copied, _fixed(raw, class_uid, activity)), fields, at, "cloudtrail")
    product = {"name": "CloudTrail", "vendor_name": "AWS", "version": str(raw.get("eventVersion", ""))}
    document["metadata"] |= {"product": product, "profiles": ["cloud"]}
    return document | _outcome(raw)


def _fields(raw: Mapping[str, Any]) -> dict[str, Any]:
    paths = (*_COPY.values(), *_ACTOR.values(), "userIdentity.type")
    fields = {path: value for path in paths if isinstance(value := lookup(raw, path), str | int)}
    whence = str(fields.get("sourceIPAddress", ""))
    mfa = lookup(raw, "userIdentity.sessionContext.attributes.mfaAuthenticated")
    return fields | {
        "domain": None if normal_address(whence) else whence or "unknown",
        "account_name": _account(raw),
        "session_ms": _ms(lookup(raw, "userIdentity.sessionContext.attributes.creationDate")),
        "session_mfa": {"true": True, "false": False}.get(str(mfa).lower()),
        "named": _resources(raw.get("resources")),
    }


def _class(raw: Mapping[str, Any], fields: Mapping[str, Any]) -> tuple[int, int]:
    name, service = str(raw["eventName"]), raw["eventSource"]
    if service == SIGN_IN and fields["account_name"]:
        return AUTHENTICATION, LOGON if name == "ConsoleLogin" else OTHER
    if service == ACCOUNTS and name in CHANGES and fields["account_name"]:
        return ACCOUNT_CHANGE, CHANGES[name]
    known = next((activity for verb, activity in VERBS.items() if name.startswith(verb)), None)
    return API_ACTIVITY, known or (READ if raw.get("readOnly") is True else OTHER)


def _fixed(raw: Mapping[str, Any], class_uid: int, activity: int) -> dict[str, Any]:
    fixed: dict[str, Any] = {"cloud.provider": "AWS"}
    if activity == OTHER:
        fixed["activity_name"] = str(raw["eventName"])
    if class_uid == AUTHENTICATION:
        used = str(lookup(raw, "additionalEventData.MFAUsed"))
        fixed |= {"service.name": SIGN_IN} | ({"is_mfa": used == "Yes"} if used in {"Yes", "No"} else {})
    return fixed


def _account(raw: Mapping[str, Any]) -> str:
    """Returns whom a sign-in or a change is about: the account it names, else the one that acted."""
    places = ("requestParameters.userName", "userIdentity.userName", "additionalEventData.UserName", "userIdentity.arn")
    found = (lookup(raw, place) for place in places)
    return next((value for value in found if isinstance(value, str) and value), "")


def _outcome(raw: Mapping[str, Any]) -> dict[str, Any]:
    failed = raw.get("errorCode") or lookup(raw, "responseElements.ConsoleLogin") == "Failure"
    return dict(FAILURE if failed else SUCCESS)


def _resources(value: Any) -> list[dict[str, str]] | None:  # noqa: ANN401 - JSON
    listed = [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
    found = [
        {"uid": item["ARN"]} | ({"type": item["type"]} if isinstance(item.get("type"), str) else {})
        for item in listed
        if isinstance(item.get("ARN"), str)
    ]
    return found or None


def _ms(value: Any) -> int | None:  # noqa: ANN401 - JSON
    try:
        return parse_rfc3339(value) // 1000 if isinstance(value, str) else None
    except InvalidInputError:
        return None

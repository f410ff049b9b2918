"""Suricata's EVE records in OCSF: an alert is a finding of another's sensor, and what packets said is its evidence.

Fields: Suricata User Guide, "EVE JSON Format". Records of other kinds are mapped by the names they share with others.
"""

from collections.abc import Mapping
from typing import Any

from safeconduct.kernel.instants import Instant
from safeconduct.ledger.ocsf import HIGH, INFORMATIONAL, LOW, MEDIUM
from safeconduct.soc.ocsf.forms import DETECTION_FINDING, Form, as_finding, fill, integer
from safeconduct.soc.ocsf.network import UNKNOWN_DIRECTION, split_target
from safeconduct.soc.ocsf.records import lookup, record

PRODUCT = {"name": "Suricata", "vendor_name": "OISF"}
CREATE, BY_RULE, SHA1 = 1, 1, 2
SEVERITIES = {1: HIGH, 2: MEDIUM, 3: LOW}
"""Suricata's priority, 1 the gravest, as OCSF's severity; a rule may have any up to 255."""

VERDICTS = {"allowed": (1, "Allowed"), "blocked": (2, "Blocked")}
_COPY = {
    "finding_info.title": "alert.signature",
    "finding_info.uid": "finding",
    "finding_info.types": "kinds",
    "finding_info.analytic.name": "alert.signature",
    "finding_info.analytic.uid": "rule",
    "finding_info.analytic.version": "revision",
    "finding_info.analytic.category": "alert.category",
    "metadata.correlation_uid": "flow",
    "src_endpoint.ip": "src_ip",
    "src_endpoint.port": "src_port",
    "dst_endpoint.ip": "dest_ip",
    "dst_endpoint.port": "dest_port",
    "connection_info.protocol_name": "protocol",
    "connection_info.uid": "flow",
    "connection_info.community_uid": "community_id",
    "http_request.http_method": "http.http_method",
    "http_request.user_agent": "http.http_user_agent",
    "http_request.referrer": "http.http_refer",
    "http_request.url.hostname": "host",
    "http_request.url.path": "path",
    "http_request.url.query_string": "query",
    "http_request.url.url_string": "url",
    "http_response.code": "http.status",
}
_TLS = {"tls.version": "tls.version", "tls.sni": "tls.sni"}
_CERTIFICATE = {
    "tls.certificate.issuer": "tls.issuerdn",
    "tls.certificate.serial_number": "tls.serial",
    "tls.certificate.subject": "tls.subject",
    "tls.certificate.fingerprints": "fingerprints",
}


def eve(raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
    """Returns the OCSF object of a record."""
    kind = str(raw["event_type"])
    document = _alert(raw, at) if kind == "alert" and isinstance(raw.get("alert"), Mapping) else record(raw, at)
    document["metadata"] |= {"product": dict(PRODUCT), "log_name": kind}
    return document


def _alert(raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
    priority = integer(lookup(raw, "alert.severity"))
    number, verdict = VERDICTS.get(str(lookup(raw, "alert.action")), (0, "Unknown"))
    fixed = {
        "severity_id": SEVERITIES.get(priority or 0, INFORMATIONAL),
        "finding_info.analytic.type_id": BY_RULE,
        "connection_info.direction_id": UNKNOWN_DIRECTION,
        "metadata.profiles": ["security_control"],
        "action_id": number,
        "action": verdict,
        "disposition_id": number,
        "disposition": verdict,
    }
    copied = dict(_COPY)
    if lookup(raw, "tls.version"):
        copied |= _TLS | (_CERTIFICATE if lookup(raw, "tls.issuerdn") and lookup(raw, "tls.serial") else {})
    return as_finding(fill(Form(DETECTION_FINDING, CREATE, copied, fixed), _fields(raw, copied), at, "alert"))


def _fields(raw: Mapping[str, Any], copied: Mapping[str, str]) -> dict[str, Any]:
    found = {path: value for path in copied.values() if isinstance(value := lookup(raw, path), str | int)}
    rule = f"{lookup(raw, 'alert.gid')}:{lookup(raw, 'alert.signature_id')}"
    flow, fingerprint = str(raw.get("flow_id") or ""), lookup(raw, "tls.fingerprint")
    category, revision = lookup(raw, "alert.category"), lookup(raw, "alert.rev")
    asked = str(lookup(raw, "http.hostname") or ""), str(lookup(raw, "http.url") or "")
    target = split_target(*asked) if any(asked) else {}
    return (
        found
        | target
        | {
            "rule": rule,
            "finding": f"{flow}:{rule}" if flow else rule,
            "flow": flow,
            "revision": str(revision) if revision is not None else None,
            "kinds": [category] if isinstance(category, str) and category else None,
            "protocol": str(raw.get("proto") or "").lower(),
            "fingerprints": [{"value": fingerprint, "algorithm_id": SHA1}] if isinstance(fingerprint, str) else None,
        }
    )

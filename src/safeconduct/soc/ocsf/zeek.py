"""Zeek's records in OCSF: by its log, each has a form.

`metadata.correlation_uid` is Zeek's `uid`, which joins what several logs say of one connection. Fields: Zeek script
reference, "Log Files". docs/telemetry.md tells where this differs from the samples of ocsf/examples, and why.
"""

from collections.abc import Callable, Mapping
from typing import Any

from safeconduct.kernel.instants import Instant
from safeconduct.ledger.ocsf import BASE, MEDIUM, OTHER
from safeconduct.soc.ocsf import zeek_services as services
from safeconduct.soc.ocsf import zeek_traffic as traffic
from safeconduct.soc.ocsf.forms import DETECTION_FINDING, HTTP, Form, as_finding, fill
from safeconduct.soc.ocsf.zeek_forms import Meaning, Raw, form
from safeconduct.soc.ocsf.zeek_logs import log_of

PRODUCT = {"name": "Zeek", "vendor_name": "Zeek"}
CREATE = 1


def notice(raw: Raw) -> Meaning:
    """What Zeek's own scripts found worth telling."""
    copied = "finding_info.title=note finding_info.desc=msg finding_info.uid=note message=sub"
    fields = {name: raw.get(name) or raw.get(short) for name, short in (("id.orig_h", "src"), ("id.resp_h", "dst"))}
    return form(DETECTION_FINDING, CREATE, copied, severity_id=MEDIUM), fields


LOGS: Mapping[str, Callable[[Raw], Meaning]] = {
    "conn": traffic.conn,
    "dns": traffic.dns,
    "http": traffic.http,
    "ssl": traffic.ssl,
    "x509": traffic.x509,
    "files": traffic.files,
    "dce_rpc": traffic.dce_rpc,
    "ssh": services.ssh,
    "rdp": services.rdp,
    "smb_files": services.smb_files,
    "smb_mapping": services.smb_mapping,
    "kerberos": services.kerberos,
    "ntlm": services.ntlm,
    "ftp": services.ftp,
    "smtp": services.smtp,
    "dhcp": services.dhcp,
    "ntp": services.ntp,
    "notice": notice,
}


def zeek(raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
    """Returns the OCSF object of a record. What names no end of a connection is a base event."""
    log = log_of(raw)
    meant, fields = LOGS.get(log, traffic.other)(raw)
    document = _placed(fill(meant, {**raw, **fields}, at, log))
    if meant.class_uid == DETECTION_FINDING:
        return as_finding(document)
    if not document.keys() & NEEDED.get(meant.class_uid, ENDS):
        return _placed(fill(Form(BASE, OTHER, {"message": "msg"}, {"activity_name": log}), raw, at, log))
    return document


ENDS = frozenset({"src_endpoint", "dst_endpoint"})
NEEDED: Mapping[int, frozenset[str]] = {HTTP: frozenset({"http_request", "http_response"})}
"""Class -> attributes of which it needs one; where not told here, an end of the connection."""


def _placed(document: dict[str, Any]) -> dict[str, Any]:
    document["metadata"]["product"] = dict(PRODUCT)
    return document

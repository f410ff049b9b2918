"""Alerts of joined SIEMs in OCSF: findings of another's sensor that name whom they concern.

Marks of ours (`@title`, `@severity`) stand beside the SIEM's own fields. Whom an alert concerns is told by the names
that records share (`records.NAMES`) and, for Microsoft's, by its list of evidence (Graph, `alertEvidence`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from safeconduct.kernel.instants import Instant
from safeconduct.soc.ocsf.findings import SEVERITIES
from safeconduct.soc.ocsf.forms import DETECTION_FINDING, IP_ADDRESS, Form, fill
from safeconduct.soc.ocsf.records import NAMES, lookup

CREATE = 1
HOSTNAME, USER_NAME = 1, 4
NAMED: Mapping[str, tuple[int, str]] = {
    "hostname": (HOSTNAME, "Hostname"),
    "src_ip": (IP_ADDRESS, "IP Address"),
    "dst_ip": (IP_ADDRESS, "IP Address"),
    "user": (USER_NAME, "User Name"),
}
"""Common field -> OCSF's type of an observable."""

EVIDENCE: Mapping[str, tuple[int, str]] = {
    "deviceDnsName": (HOSTNAME, "Hostname"),
    "ipAddress": (IP_ADDRESS, "IP Address"),
    "userAccount.userPrincipalName": (USER_NAME, "User Name"),
}
"""Field of Graph's evidence -> OCSF's type of an observable."""

_COPY = {"finding_info.title": "@title", "finding_info.uid": "@alert", "metadata.product.name": "@siem"}


def siem_alert(raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
    """Returns the finding that a record of an alert is."""
    severity = SEVERITIES.get(str(raw.get("@severity")), 0)
    fields = {name: str(raw.get(name) or "") for name in _COPY.values()}
    document = fill(Form(DETECTION_FINDING, CREATE, _COPY, {"severity_id": severity}), fields, at, "alert")
    observed = [
        {"name": name, "type_id": number, "type": kind, "value": value}
        for name, (number, kind), value in dict.fromkeys(_concerned(raw))
    ]
    return document | ({"observables": observed} if observed else {})


def _concerned(raw: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, str], str]]:
    for common, kind in NAMED.items():
        for name in NAMES[common]:
            yield from _named(name, kind, lookup(raw, name))
    evidence = raw.get("evidence")
    for one in evidence if isinstance(evidence, list) else ():
        if isinstance(one, Mapping):
            for name, kind in EVIDENCE.items():
                yield from _named(f"evidence.{name}", kind, lookup(one, name))


def _named(name: str, kind: tuple[int, str], value: object) -> Iterator[tuple[str, tuple[int, str], str]]:
    for text in value if isinstance(value, list) else (value,):
        if isinstance(text, str) and text:
            yield name, kind, text

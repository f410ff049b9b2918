"""Alerts and incidents as OCSF findings, for whoever collects them."""

from collections.abc import Iterable
from typing import Any

from safeconduct.ledger.ocsf import INCIDENT_FINDING, base
from safeconduct.soc.attack import attack_table
from safeconduct.soc.incidents.closing import Closed
from safeconduct.soc.model import Alert, Incident
from safeconduct.soc.ocsf.forms import DETECTION_FINDING
from safeconduct.soc.predicates import Judgment

CREATE, CLOSE, NEW, CLOSED, RULE = 1, 3, 1, 5, 1
VERDICTS = {Judgment.FALSE_POSITIVE: 1, Judgment.TRUE_POSITIVE: 2, Judgment.BENIGN_POSITIVE: 5}
SEVERITIES = {"informational": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
ATTACK_VERSION = "18.1"
UNASSIGNED = {"name": "unassigned"}
"""The schema wants to know whose incident it is; until somebody takes it, nobody's."""


def detection_finding(alert: Alert) -> dict[str, Any]:
    """Returns an alert as a Detection Finding (2004)."""
    evidences = [
        {"data": {"event": match.event, "pointer": match.pointer, "operator": match.operator, "found": match.found}}
        for match in alert.matches
    ]
    return base(DETECTION_FINDING, CREATE, alert.at) | {
        "severity_id": SEVERITIES[alert.level],
        "status_id": NEW,
        "is_alert": True,
        "finding_info": _finding_info(alert),
        "evidences": evidences,
    }


def incident_finding(incident: Incident, closed: Closed | None = None) -> dict[str, Any]:
    """Returns an incident as an Incident Finding (2005), one finding for each alert; as closed, where it is."""
    severity = max((SEVERITIES[alert.level] for alert in incident.alerts), default=0)
    verdict = {"verdict_id": VERDICTS[closed.closed.disposition]} if closed else {}
    return base(INCIDENT_FINDING, CLOSE if closed else CREATE, incident.last_at) | {
        **verdict,
        "severity_id": severity,
        "status_id": CLOSED if closed else NEW,
        "assignee_group": dict(UNASSIGNED),
        "desc": "; ".join(incident.score_reasons),
        "finding_info_list": [_finding_info(alert) for alert in incident.alerts],
        "attacks": attacks(name for alert in incident.alerts for name in alert.techniques),
        "start_time": incident.first_at // 1000,
        "end_time": incident.last_at // 1000,
        "count": len(incident.events),
        "unmapped": {"incident": incident.id, "score": incident.score},
    }


def attacks(techniques: Iterable[str]) -> list[dict[str, Any]]:
    """Returns OCSF attack objects of technique ids that ATT&CK uses."""
    table = attack_table()
    return [
        {
            "version": ATTACK_VERSION,
            "technique": {"uid": name, "name": table.name(name)},
            "tactics": [
                {"uid": table.tactics[t].id, "name": table.tactics[t].name} for t in table.techniques[name].tactics
            ],
        }
        for name in sorted(set(techniques))
        if table.in_use(name)
    ]


def _finding_info(alert: Alert) -> dict[str, Any]:
    return {
        "uid": alert.id,
        "title": alert.title,
        "created_time": alert.at // 1000,
        "analytic": {"type_id": RULE, "uid": alert.rule, "name": alert.title, "version": alert.rule_digest},
        "attacks": attacks(alert.techniques),
        "related_events": [{"uid": event} for event in alert.events],
        "related_events_count": alert.total or len(alert.events),
    }

"""The techniques of an incident as a layer file of ATT&CK Navigator."""

from typing import Any

from safeconduct.soc.attack import AttackTable, attack_version
from safeconduct.soc.detection.coverage import LAYER_VERSION
from safeconduct.soc.predicates import Technique
from safeconduct.soc.reports.model import IncidentReport


def incident_layer(report: IncidentReport, table: AttackTable) -> dict[str, Any]:
    """Returns the layer: the score of a technique is how many verified claims support it."""
    supported = [
        one.claim.predicate.technique
        for one in report.claims
        if one.verified and isinstance(one.claim.predicate, Technique)
    ]
    used = report.summary.techniques
    return {
        "name": report.title,
        "versions": {"attack": attack_version(table.source), "layer": LAYER_VERSION},
        "domain": "enterprise-attack",
        "description": f"{report.sharing.label}; scores are verified claims",
        "techniques": [
            {
                "techniqueID": one.technique,
                "score": supported.count(one.technique),
                "comment": f"{supported.count(one.technique)} verified claims",
                "enabled": True,
            }
            for one in used
        ],
        "gradient": {
            "colors": ["#ffffff", "#8f2f2f"],
            "minValue": 0,
            "maxValue": max((supported.count(one.technique) for one in used), default=1),
        },
        "showTacticRowBackground": False,
        "hideDisabled": False,
    }

"""The techniques of an incident as a layer file of ATT&CK Navigator."""

from collections import Counter
from typing import Any

from safeconduct.soc.attack import AttackTable, attack_version
from safeconduct.soc.detection.coverage import LAYER_VERSION
from safeconduct.soc.predicates import Technique
from safeconduct.soc.reports.model import IncidentReport


def incident_layer(report: IncidentReport, table: AttackTable) -> dict[str, Any]:
    """Returns the layer: the score of a technique is how many verified claims support it."""
    supported = _supported(report)
    scores = {one.technique: supported[one.technique] for one in report.summary.techniques}
    return {
        "name": report.title,
        "versions": {"attack": attack_version(table.source), "layer": LAYER_VERSION},
        "domain": "enterprise-attack",
        "description": f"{report.sharing.label}; scores are verified claims",
        "techniques": [_scored(technique, score) for technique, score in scores.items()],
        "gradient": {
            "colors": ["#ffffff", "#8f2f2f"],
            "minValue": 0,
            "maxValue": max(scores.values(), default=1),
        },
        "showTacticRowBackground": False,
        "hideDisabled": False,
    }


def _supported(report: IncidentReport) -> Counter[str]:
    return Counter(
        one.claim.predicate.technique
        for one in report.claims
        if one.verified and isinstance(one.claim.predicate, Technique)
    )


def _scored(technique: str, score: int) -> dict[str, Any]:
    return {"techniqueID": technique, "score": score, "comment": f"{score} verified claims", "enabled": True}

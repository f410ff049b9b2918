"""Rule 6: a technique is one of the pinned ATT&CK version, in use, and what a cited alert points to."""

import re

from safeconduct.kernel.decisions import Reason
from safeconduct.soc.claims import Claim
from safeconduct.soc.grounding.model import Context, broken
from safeconduct.soc.predicates import Technique

_TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")


def technique_supported(claim: Claim, context: Context) -> Reason | None:
    """Rule 6: the technique is in the pinned ATT&CK version, in use, and tagged by the cited alert on these events."""
    predicate = claim.predicate
    if not isinstance(predicate, Technique):
        return None
    known = context.techniques.get(predicate.technique) if _TECHNIQUE.fullmatch(predicate.technique) else None
    if known is None:
        return broken(6, "technique-unknown", "no such technique in the pinned ATT&CK version")
    if known.revoked or known.deprecated:
        return broken(6, "technique-withdrawn", f"{predicate.technique} is revoked or deprecated")
    if predicate.tactic and predicate.tactic not in known.tactics:
        return broken(6, "tactic-differs", f"{predicate.technique} does not serve the stated tactic")
    alert = next((one for one in context.incident.alerts if one.id == predicate.alert), None)
    if alert is None:
        return broken(6, "alert-unknown", "the cited alert is not of this incident")
    if predicate.technique not in alert.techniques:
        return broken(6, "technique-unsupported", "the cited alert does not point to this technique")
    fired_on = {(match.event, match.pointer) for match in alert.matches}
    if any((piece.event, piece.pointer) not in fired_on for piece in predicate.cited):
        return broken(6, "alert-elsewhere", "a cited field is not one the alert fired on")
    return None

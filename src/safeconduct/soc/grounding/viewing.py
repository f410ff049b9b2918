"""Rule 1 of docs/spec/grounding.md: a claim cites what is of its incident, stored, and was shown to its author."""

from safeconduct.kernel.decisions import Reason
from safeconduct.soc.claims import CITED_MAX, Claim, ClaimKind
from safeconduct.soc.grounding.model import Context, broken
from safeconduct.soc.predicates import Evidence

_UNCITED = frozenset({ClaimKind.VERDICT, ClaimKind.NEGATIVE})
"""Kinds that rest on claims, or on a hunt, and on no field."""


def in_view(claim: Claim, context: Context) -> Reason | None:
    """Rule 1: every cited event exists, is of this incident, and its field was shown to the author."""
    if claim.incident != context.incident.id:
        return broken(1, "other-incident", f"the claim is about incident {claim.incident}")
    evidence = claim.evidence
    if claim.kind not in _UNCITED and not evidence:
        return broken(1, "no-evidence", "the claim cites no field")
    if len(evidence) > CITED_MAX:
        return broken(1, "too-much-evidence", f"at most {CITED_MAX} fields can be cited, got {len(evidence)}")
    if len({(piece.event, piece.pointer) for piece in evidence}) != len(evidence):
        return broken(1, "cited-twice", "the same field is cited twice")
    return next((found for piece in evidence if (found := _out_of_view(piece, context))), None)


def _out_of_view(piece: Evidence, context: Context) -> Reason | None:
    if not context.in_scope(piece.event):
        return broken(1, "event-out-of-scope", "a cited event is neither of this incident nor found by a hunt on it")
    if piece.event not in context.events:
        return broken(1, "event-missing", "a cited event is not stored")
    if not context.shown.covers(piece.event, piece.pointer):
        return broken(1, "not-shown", "a cited field was not shown to the author")
    return None

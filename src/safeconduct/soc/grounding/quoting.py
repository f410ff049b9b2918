"""Rule 2: each quote is the value at its pointer, in the form that is declared; a count is what counting gives."""

from safeconduct.kernel.decisions import Reason
from safeconduct.soc.claims import CITED_MAX, TIME_POINTER, Claim
from safeconduct.soc.grounding.forms import agrees
from safeconduct.soc.grounding.model import Context, broken
from safeconduct.soc.grounding.timing import milliseconds
from safeconduct.soc.model import Event
from safeconduct.soc.predicates import Count, Evidence
from safeconduct.soc.quotes import Scalar, quote_at, same


def as_quoted(claim: Claim, context: Context) -> Reason | None:
    """Rule 2: each quote is the value at its pointer; a count is what counting gives."""
    for piece in claim.evidence:
        stored = quote_at(context.events[piece.event], piece.pointer)
        if stored is None:
            return broken(2, "nothing-at-pointer", f"no value that can be quoted stands at {piece.pointer}")
        if not _agrees(piece, stored):
            return broken(2, "quote-differs", f"the event says something else at {piece.pointer}")
    return _counted(claim.predicate, context) if isinstance(claim.predicate, Count) else None


def _agrees(piece: Evidence, stored: Scalar) -> bool:
    if piece.pointer == TIME_POINTER:
        return milliseconds(piece.quote) == milliseconds(stored) is not None
    return agrees(piece, stored)


def _counted(predicate: Count, context: Context) -> Reason | None:
    if any(piece.pointer != predicate.pointer or not same(piece.quote, predicate.value) for piece in predicate.cited):
        return broken(2, "counts-something-else", "a cited field is not what is counted")
    # Over every event in view, also where only other fields of it were: a reader takes the sentence to be about events.
    seen = (context.events[id_] for id_ in set(context.shown.fields) & set(context.events) if context.in_scope(id_))
    found = sum(_has(event, predicate.pointer, predicate.value) for event in seen)
    if found != predicate.count:
        return broken(2, "wrong-count", f"counting gives {found}, not {predicate.count}")
    if len(predicate.cited) != min(found, CITED_MAX):
        return broken(2, "count-not-cited", f"{min(found, CITED_MAX)} fields must be cited, got {len(predicate.cited)}")
    return None


def _has(event: Event, pointer: str, value: Scalar) -> bool:
    stored = quote_at(event, pointer)
    return stored is not None and same(stored, value)

"""Rule 7: what a person's note names occurs in the cited events, and its words claim no more than the claim does."""

import re
from collections.abc import Iterable

from safeconduct.kernel.decisions import Reason
from safeconduct.soc.claims import Claim
from safeconduct.soc.entities import mentions
from safeconduct.soc.grounding.model import Context, broken
from safeconduct.soc.grounding.observables import ungrounded
from safeconduct.soc.model import EntityKind, Event
from safeconduct.soc.predicates import Absence, Consequence, Word
from safeconduct.soc.quotes import quotes, text_of

NOTE_CHARS_MAX = 2_000
"""Characters of a person's note."""

_CAUSE = re.compile(
    r"\b(?:because|caus(?:ed?|es|ing)|due\s+to|(?:led|leads?|leading)\s+to|result(?:ed|s|ing)?\s+in|trigger(?:ed|s|ing)?)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"\b(?:neither|never|no|nobody|none|nothing|nowhere|without)\b", re.IGNORECASE)


def says_no_more(claim: Claim, context: Context) -> Reason | None:
    """Rule 7: what a note names occurs in the cited events."""
    if not claim.note:
        return None
    if len(claim.note) > NOTE_CHARS_MAX:
        return broken(7, "note-too-long", f"a note has at most {NOTE_CHARS_MAX} characters")
    caused = isinstance(claim.predicate, Consequence) and claim.predicate.word is not Word.FOLLOWED_BY
    if not caused and _CAUSE.search(claim.note):
        return broken(5, "cause-in-note", "the note has a word of cause, and the claim shows none")
    if not isinstance(claim.predicate, Absence) and _NEGATION.search(claim.note):
        return broken(8, "absence-in-note", "the note says that something is not there, and the claim does not")
    cited = [context.events[id_] for id_ in sorted({piece.event for piece in claim.evidence})]
    values = [text_of(value) for event in cited for _, value in quotes(event)]
    extra = ungrounded(claim.note, cited=values, named=_names(context.events.values()))
    if extra:
        return broken(7, "observable-ungrounded", f"no cited event names the {extra[0].kind} {extra[0].value!r}")
    return None


def _names(events: Iterable[Event]) -> frozenset[str]:
    found = (one.entity for event in events for one in mentions(event))
    return frozenset(
        entity.value.partition("@")[0] for entity in found if entity.kind in (EntityKind.USER, EntityKind.HOST)
    )

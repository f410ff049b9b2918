"""Rule 9, clearing: when a verdict may say that an incident is no attack.

A model that read what an attacker wrote may raise an alarm and hardly ever lower one. What it is let to clear says the
path it was asked on (docs/spec/autonomy.md section 4); what it can clear then says this.
"""

from collections.abc import Iterator

from safeconduct.boundary.hints import hints
from safeconduct.boundary.model import Block, Source
from safeconduct.kernel.decisions import Reason
from safeconduct.soc.claims import AuthorKind, Claim
from safeconduct.soc.grounding.model import Context, broken
from safeconduct.soc.predicates import Verdict, evidence_of
from safeconduct.soc.quotes import quotes

NEVER_CLEARED = "critical"
"""The level of rule whose alerts people alone clear."""

INSTRUCTING = "6addd0a9-26f5-4896-a4b9-52e9f0f813d2"
"""The shipped rule on requests whose text gives orders to an analyst or a model."""


def clears(claim: Claim, verdict: Verdict, context: Context) -> Reason | None:
    """Returns why a verdict may not clear the incident, or None: it may. A person's always may, a rule's never."""
    if claim.author.kind is AuthorKind.PERSON:
        return None
    if claim.author.kind is AuthorKind.RULE or not context.shown.clears:
        return broken(9, "may-not-clear", "only a person may clear, and a model whose path lets it")
    if any(alert.level == NEVER_CLEARED for alert in context.incident.alerts):
        return broken(9, "too-grave", "an incident with a critical alert is cleared by a person")
    cited = {piece.event for id_ in verdict.claims for piece in evidence_of(context.verified[id_].predicate)}
    if any(cited.isdisjoint(alert.events) for alert in context.incident.alerts):
        return broken(9, "alert-unaccounted", "the verdict rests on claims about events of each alert")
    if any(alert.rule == INSTRUCTING for alert in context.incident.alerts) or hints(list(_shown_texts(context))):
        return broken(9, "speaks-to-a-model", "an event that was shown holds what reads like words to a model")
    return None


def _shown_texts(context: Context) -> Iterator[Block]:
    for key, pointers in context.shown.fields.items():
        event = context.events.get(key)
        for place, value in quotes(event) if event else ():
            if isinstance(value, str) and (pointers is None or place in pointers):
                yield Block(pointer=f"/{key}{place}", source=Source.DOCUMENT, text=value)

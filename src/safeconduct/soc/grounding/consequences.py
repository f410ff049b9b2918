"""Rule 5: that one event follows from another needs an edge that can be recomputed, and words of cause a strong one."""

from collections.abc import Mapping
from dataclasses import replace

from safeconduct.kernel.decisions import Reason
from safeconduct.kernel.instants import SECOND
from safeconduct.soc.claims import Claim, make_claim
from safeconduct.soc.correlation import WINDOW
from safeconduct.soc.entities import mentions
from safeconduct.soc.grounding.model import Context, broken
from safeconduct.soc.inventory import Inventory
from safeconduct.soc.joining import joiners
from safeconduct.soc.model import EntityKind, Event
from safeconduct.soc.predicates import Consequence, Relation, Tie, Word

CAUSE_UNSUPPORTED = "cause-unsupported"
"""The edge holds, but carries no more than that one event was followed by the other."""

EDGES: Mapping[Word, frozenset[Tie]] = {
    Word.FOLLOWED_BY: frozenset(Tie) - {Tie.HOST},
    Word.LED_TO: frozenset({Tie.PARENT, Tie.PROCESS, Tie.SESSION, Tie.FILE}),
    Word.CAUSED: frozenset({Tie.PARENT}),
}
"""Which edges carry which word. A file leads from one event to another on one host only."""

_BY_PROCESS = frozenset({Tie.PARENT, Tie.PROCESS})


def follows(claim: Claim, context: Context) -> Reason | None:
    """Rule 5: the edge joins the two events as correlation would, and is of a kind that carries the word."""
    predicate = claim.predicate
    if not isinstance(predicate, Consequence):
        return None
    edge = predicate.edge
    left, right = context.events[edge.left.event], context.events[edge.right.event]
    if edge.tie not in _BY_PROCESS:
        if not _joins(edge, left, right, context.inventory):
            return broken(5, "joins-nothing", f"so many events share this {edge.tie.value} that it joins none")
        if right.at - left.at > WINDOW:
            return broken(5, "edge-too-long", f"the events lie more than {WINDOW // SECOND} s apart")
    if edge.tie not in EDGES[predicate.word] or (edge.tie is Tie.FILE and not _carries(predicate, left, right)):
        return broken(5, CAUSE_UNSUPPORTED, f"the same {edge.tie.value} does not carry {predicate.word.value!r}")
    return None


def weaker(claim: Claim) -> Claim | None:
    """Returns the claim without its word of cause, as `followed-by`; None where there is nothing to take away."""
    predicate = claim.predicate
    if not isinstance(predicate, Consequence) or predicate.word is Word.FOLLOWED_BY:
        return None
    less = replace(predicate, word=Word.FOLLOWED_BY)
    return make_claim(claim.incident, claim.author, less, serial=claim.serial)


def _joins(edge: Relation, left: Event, right: Event, inventory: Inventory) -> bool:
    here = {one.entity for one in joiners(left, inventory) if one.pointer == edge.left.pointer}
    there = {one.entity for one in joiners(right, inventory) if one.pointer == edge.right.pointer}
    return bool(here & there)


def _carries(predicate: Consequence, left: Event, right: Event) -> bool:
    return predicate.word is Word.FOLLOWED_BY or bool(_hosts(left) & _hosts(right))


def _hosts(event: Event) -> set[str]:
    return {one.entity.value for one in mentions(event) if one.entity.kind is EntityKind.HOST}

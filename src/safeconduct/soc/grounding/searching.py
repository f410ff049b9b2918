"""Rule 8: that something was not there, or so often, needs a hunt that is run again over telemetry that was there."""

from collections.abc import Iterator
from dataclasses import replace

from safeconduct.kernel.decisions import Reason
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import SECOND, Instant
from safeconduct.soc.claims import Claim
from safeconduct.soc.grounding.model import Context, Search, broken, satisfies
from safeconduct.soc.hunts.model import Comparison, Hunt, Where
from safeconduct.soc.predicates import Absence, Tally

SEARCH_WINDOW_S = 86_400
"""Seconds that the window of such a claim may span. What was absent for longer is said day by day."""

COVERAGE_S = 3_600
"""A source was there if each part of the window, of so many seconds at most, holds an event of it."""

HOST_COLUMN = "host"


def searched(claim: Claim, context: Context) -> Reason | None:
    """Rule 8: the hunt is bounded, was in the author's view, and gives the same now; what it asks could be there."""
    predicate = claim.predicate
    if not isinstance(predicate, Absence | Tally):
        return None
    bad = _bounded(predicate.hunt)
    if bad is not None:
        return bad
    if context.shown.hunts is not None and predicate.hunt not in context.shown.hunts:
        return broken(8, "not-searched", "the author saw no result of this hunt")
    if context.search is None:
        return broken(8, "nothing-to-search", "no telemetry can be searched here")
    try:
        if isinstance(predicate, Absence):
            return _absent(predicate.hunt, context.search)
        return _tallied(predicate, context, context.search)
    except SafeconductError as error:
        return broken(8, "hunt-unanswered", f"the hunt got no answer: {error.code}")


def _bounded(hunt: Hunt) -> Reason | None:
    if hunt.first is None or hunt.last is None or not hunt.sources:
        return broken(8, "unbounded", "such a claim names its window and its sources")
    if hunt.last - hunt.first > SEARCH_WINDOW_S * SECOND:
        return broken(8, "window-too-long", f"the window spans {SEARCH_WINDOW_S} s at most")
    if hunt.group or not hunt.where:
        return broken(8, "no-condition", "such a claim is about events that satisfy conditions, not about groups")
    fields = [where.field for where in hunt.where]
    if len(set(fields)) < len(fields):
        # Two conditions on one field can exclude each other, and then nothing ever satisfies them.
        return broken(8, "condition-twice", "a field is asked about twice")
    return None


def _absent(hunt: Hunt, search: Search) -> Reason | None:
    found = search(hunt).counted
    if found:
        return broken(8, "found-some", f"the hunt finds {found}")
    scope = tuple(where for where in hunt.where if _names_host(where))
    for source in hunt.sources:
        there = replace(hunt, where=scope, sources=(source,))
        if any(not search(replace(there, first=first, last=last)).counted for first, last in _parts(hunt)):
            return broken(8, "source-not-there", f"{source} has no event in a part of the window")
    asked = {*scope, *(Where(where.field, Comparison.EXISTS) for where in hunt.where)}
    if not search(replace(hunt, where=tuple(sorted(asked, key=repr)))).counted:
        return broken(8, "never-there", "no event there has all the fields that the hunt asks about")
    return None


def _names_host(where: Where) -> bool:
    # Telemetry of other hosts says nothing about this one.
    return where.field == HOST_COLUMN and where.operator is Comparison.EQUALS and not where.negated


def _parts(hunt: Hunt) -> Iterator[tuple[Instant, Instant]]:
    first, last = hunt.first or Instant(0), hunt.last or Instant(0)
    count = max(1, -(-(last - first) // (COVERAGE_S * SECOND)))
    edges = [first + (last - first) * part // count for part in range(count + 1)]
    return ((Instant(edges[part]), Instant(edges[part + 1])) for part in range(count))


def _tallied(predicate: Tally, context: Context, search: Search) -> Reason | None:
    if any(not satisfies(predicate.hunt, context.events[piece.event]) for piece in predicate.cited):
        return broken(8, "cites-something-else", "a cited event is none that the hunt finds")
    found = search(predicate.hunt).counted
    return None if found == predicate.count > 0 else broken(8, "wrong-count", f"the hunt finds {found}")

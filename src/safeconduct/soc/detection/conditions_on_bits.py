"""Conditions over sets of rows: which rows they hold of, given the rows of each predicate."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from safeconduct.soc.detection.ir import And, Node, Not, Or, Predicate

Rows: TypeAlias = int
Ask = Callable[[int, Rows], Rows]
"""Returns which of the given rows the predicate of a number holds of."""


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds. `asked` are the parts in the order in which asking them costs least."""

    parts: tuple["Form", ...]
    asked: tuple["Form", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one part holds."""

    parts: tuple["Form", ...]


@dataclass(frozen=True, slots=True)
class No:
    """The part does not hold. `node` says the same."""

    part: "Form"
    node: Not


Form: TypeAlias = int | All | Any | No


def form(node: Node, numbers: Mapping[Predicate, int], slow: Collection[int]) -> Form:
    """Returns a condition over numbers of predicates; what is `slow` to ask is asked last, of the fewest rows."""
    if isinstance(node, Predicate):
        return numbers[node]
    if isinstance(node, Not):
        return No(form(node.part, numbers, slow), node)
    parts = [form(part, numbers, slow) for part in node.parts]
    if isinstance(node, And):
        asked = sorted(parts, key=lambda part: (part in slow, not isinstance(part, int)))
        return All(tuple(parts), tuple(asked))
    return Any(tuple(parts))


def holding(one: Form, rows: Rows, ask: Ask) -> Rows:
    """Returns which of the rows a condition holds of."""
    match one:
        case int():
            return ask(one, rows)
        case All():
            for part in one.asked:
                if not rows:
                    break
                rows = holding(part, rows, ask)
            return rows
        case Any():
            found = 0
            for part in one.parts:
                found |= holding(part, rows, ask)
            return found
        case No():
            return rows & ~holding(one.part, rows, ask)


def narrowed(one: Form, known: Mapping[int, Predicate], may_hold: Callable[[int], bool]) -> Node | None:
    """Returns the condition without the alternatives that can't hold; None if it can't hold itself.

    Of rows for which `may_hold` is right it holds as the whole condition does, by the same evidence. What must not hold
    stays whole, so that a hit is told only if each of its exceptions was looked at.
    """
    match one:
        case int():
            return known[one] if may_hold(one) else None
        case No():
            return one.node
        case All():
            parts = [narrowed(part, known, may_hold) for part in one.parts]
            left = tuple(part for part in parts if part is not None)
            return And(left) if len(left) == len(parts) else None
        case Any():
            parts = [narrowed(part, known, may_hold) for part in one.parts]
            left = tuple(part for part in parts if part is not None)
            return Or(left) if left else None


def witnesses(one: Form, slow: Collection[int]) -> frozenset[int] | None:
    """Returns predicates of which at least one holds wherever the condition does; None if there are none such.

    The fewest of those that are not slow to ask, where the condition leaves a choice.
    """
    match one:
        case int():
            return frozenset((one,))
        case No():
            return None
        case All():
            named = [found for part in one.parts if (found := witnesses(part, slow)) is not None]
            return min(named, key=lambda found: (not found.isdisjoint(slow), len(found)), default=None)
        case Any():
            return _united([witnesses(part, slow) for part in one.parts])


def _united(found: Sequence[frozenset[int] | None]) -> frozenset[int] | None:
    named = [one for one in found if one is not None]
    return frozenset().union(*named) if len(named) == len(found) else None

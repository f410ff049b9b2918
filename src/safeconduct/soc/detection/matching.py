"""Conditions against one event: whether they hold, and by which value at which place.

This is the meaning of a rule. The engine answers the same for many events and many rules at once, and asks here for the
evidence of each hit.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from safeconduct.soc.detection.ir import FIELD_OPERATORS, And, Node, Not, Operator, Or, Predicate
from safeconduct.soc.detection.values import holds, refers, text_of
from safeconduct.soc.detection.views import View
from safeconduct.soc.model import Match

NONE_OF = "not"
"""The operator of a match on a value of which nothing holds that a rule rules out."""

RULED_OUT_SHOWN_MAX = 8
"""Values that a match says were ruled out, the rest as a number: exceptions of public rules run to some forty."""


def matches(node: Node, view: View) -> tuple[Match, ...] | None:
    """Returns what was found if the condition holds, or None if it does not.

    Where it holds by what is ruled out alone, what was found are the values that the fields have instead (`NONE_OF`);
    where the event has none of the fields, that they are not there, as for `null`.
    """
    found = _held(node, view)
    return _instead(node, view) if found == () else found


def _held(node: Node, view: View) -> tuple[Match, ...] | None:
    match node:
        case Predicate():
            return _predicate(node, view)
        case And():
            return _all(node, view)
        case Or():
            return _any(node, view)
        case Not():
            return () if _held(node.part, view) is None else None


def _all(node: And, view: View) -> tuple[Match, ...] | None:
    found: tuple[Match, ...] = ()
    for part in node.parts:
        more = _held(part, view)
        if more is None:
            return None
        found += more
    return found


def _any(node: Or, view: View) -> tuple[Match, ...] | None:
    # Every alternative that holds is reported: each is evidence.
    held = [more for part in node.parts if (more := _held(part, view)) is not None]
    return sum(held, ()) if held else None


def _instead(node: Node, view: View) -> tuple[Match, ...]:
    """Returns the evidence of a condition that holds without a value found: what stands where others were ruled out."""
    found: tuple[Match, ...] = ()
    ruled_out: dict[str, list[Predicate]] = defaultdict(list)
    for one, held in _deciding(node, view, held=True):
        if held:  # under two negations
            found += _predicate(one, view) or ()
        elif one.field:
            ruled_out[one.field].append(one)
    return found or tuple(_none_of(ruled_out, view))


def _none_of(ruled_out: Mapping[str, Sequence[Predicate]], view: View) -> Iterator[Match]:
    """Yields what the fields have, or where none of them has a value, that they have none."""
    has = {name: [pair for pair in view.values(name) if pair[1] is not None] for name in ruled_out}
    if not any(has.values()):
        has = {name: [(_place(view, name), "")] for name in ruled_out}
    for name, values in has.items():
        value = _listed(ruled_out[name])
        for place, text in values:
            yield Match(event=view.event.id, pointer=place, operator=NONE_OF, value=value, found=text_of(text))


def _deciding(node: Node, view: View, *, held: bool) -> Iterator[tuple[Predicate, bool]]:
    """Yields the predicates by which a condition holds, or does not, each with whether it holds itself."""
    match node:
        case Predicate():
            yield node, held
        case Not():
            yield from _deciding(node.part, view, held=not held)
        case And() | Or():
            every = isinstance(node, And) is held  # else one part is enough, and those that are tell why
            for part in node.parts:
                if every or (_held(part, view) is not None) is held:
                    yield from _deciding(part, view, held=held)


def _listed(ruled_out: Sequence[Predicate]) -> str:
    shown = [" ".join(dict.fromkeys((one.operator.value, one.shown))) for one in ruled_out[:RULED_OUT_SHOWN_MAX]]
    left_out = len(ruled_out) - len(shown)
    return ", ".join([*shown, f"{left_out} more"] if left_out else shown)


def _predicate(predicate: Predicate, view: View) -> tuple[Match, ...] | None:
    values = view.values(predicate.field)
    if predicate.operator is Operator.NULL:
        return _null(predicate, view, values)
    if predicate.operator in FIELD_OPERATORS:
        others = [text_of(value).lower() for _, value in view.values(predicate.value) if value not in {None, ""}]
        found = [
            (place, value)
            for place, value in values
            if value is not None and any(refers(predicate, text_of(value).lower(), other) for other in others)
        ]
    else:
        found = [(place, value) for place, value in values if value is not None and holds(predicate, text_of(value))]
    return tuple(_match(predicate, view, place, value) for place, value in found) if found else None


def _null(predicate: Predicate, view: View, values: list[tuple[str, Any]]) -> tuple[Match, ...] | None:
    # Sigma's null also means empty: a logger writes one or the other for the same thing.
    if any(value is not None and value != "" for _, value in values):
        return None
    return (_match(predicate, view, _place(view, predicate.field), ""),)


def _place(view: View, name: str) -> str:
    """Returns where a field stands, or first would."""
    values = view.values(name)
    return values[0][0] if values else view.places(name)[0]


def _match(predicate: Predicate, view: View, place: str, value: Any) -> Match:  # noqa: ANN401 - JSON
    return Match(
        event=view.event.id,
        pointer=place,
        operator=predicate.operator.value,
        value=predicate.shown,
        found=text_of(value),
    )


def field_values(view: View, names: Iterable[str]) -> dict[str, str]:
    """Returns the first value of each field that has one."""
    found = {name: view.values(name) for name in names}
    return {name: text_of(values[0][1]) for name, values in found.items() if values and values[0][1] not in {None, ""}}

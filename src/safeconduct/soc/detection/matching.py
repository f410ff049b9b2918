"""Conditions against one event: whether they hold, and by which value at which place.

This is the meaning of a rule. The engine answers the same for many events and many rules at once, and asks here for the
evidence of each hit.
"""

from collections.abc import Iterable
from typing import Any

from safeconduct.soc.detection.ir import FIELD_OPERATORS, And, Node, Not, Operator, Or, Predicate
from safeconduct.soc.detection.values import holds, refers, text_of
from safeconduct.soc.detection.views import View
from safeconduct.soc.model import Match


def matches(node: Node, view: View) -> tuple[Match, ...] | None:
    """Returns what was found if the condition holds, or None if it does not."""
    match node:
        case Predicate():
            return _predicate(node, view)
        case And():
            return _all(node, view)
        case Or():
            return _any(node, view)
        case Not():
            return () if matches(node.part, view) is None else None


def _all(node: And, view: View) -> tuple[Match, ...] | None:
    found: tuple[Match, ...] = ()
    for part in node.parts:
        more = matches(part, view)
        if more is None:
            return None
        found += more
    return found


def _any(node: Or, view: View) -> tuple[Match, ...] | None:
    # Every alternative that holds is reported: each is evidence.
    held = [more for part in node.parts if (more := matches(part, view)) is not None]
    return sum(held, ()) if held else None


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
    place = values[0][0] if values else view.places(predicate.field)[0]
    return (_match(predicate, view, place, ""),)


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

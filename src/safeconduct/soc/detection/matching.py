"""Conditions against one event. Pure Python; what it answers is what any faster matcher must answer."""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from safeconduct.soc.detection.ir import FIELD_OPERATORS, And, Node, Not, Operator, Or, Predicate
from safeconduct.soc.detection.views import View
from safeconduct.soc.model import Match

PATTERN_CHARS_MAX = 16_384
"""Characters of a value that patterns are tried on. Longer values are an attacker's to choose, and time is ours."""

PATTERNS_MAX = 65_536
"""Compiled patterns kept; more than any rule set we know of has."""


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
    values = view.values(predicate.field) if predicate.field else list(view.all_values())
    if predicate.operator is Operator.NULL:
        return _null(predicate, view, values)
    texts = [(place, value, text_of(value)) for place, value in values if value is not None]
    if predicate.operator in FIELD_OPERATORS:
        others = [text_of(value).lower() for _, value in view.values(predicate.value) if value not in {None, ""}]
        compare = _FIELDS[predicate.operator]
        found = [(place, value) for place, value, text in texts if any(compare(text.lower(), one) for one in others)]
    else:
        holds = _HOLDS[predicate.operator]
        found = [(place, value) for place, value, text in texts if holds(predicate, text)]
    return tuple(_match(predicate, view, place, value) for place, value in found) or None


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


def text_of(value: Any) -> str:  # noqa: ANN401 - JSON
    """Returns a JSON scalar as rules compare it: true and false in lower case, numbers as written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _text(compare: Callable[[str, str], bool]) -> Callable[[Predicate, str], bool]:
    def holds(predicate: Predicate, text: str) -> bool:
        return compare(text if predicate.cased else text.lower(), predicate.value)

    return holds


def _regex(predicate: Predicate, text: str) -> bool:
    return _compiled(predicate.value, predicate.flags).search(text[:PATTERN_CHARS_MAX]) is not None


def _wildcard(predicate: Predicate, text: str) -> bool:
    return _compiled(predicate.value, predicate.flags).fullmatch(text[:PATTERN_CHARS_MAX]) is not None


def _cidr(predicate: Predicate, text: str) -> bool:
    network = _network(predicate.value)
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return address.version == network.version and address in network


def _number(compare: Callable[[Decimal, Decimal], bool]) -> Callable[[Predicate, str], bool]:
    def holds(predicate: Predicate, text: str) -> bool:
        try:
            value = Decimal(text)
        except InvalidOperation:
            return False
        return value.is_finite() and compare(value, Decimal(predicate.value))

    return holds


def _exists(_predicate: Predicate, _text: str) -> bool:
    return True


_FIELDS: dict[Operator, Callable[[str, str], bool]] = {
    Operator.SAME_AS: lambda text, other: text == other,
    Operator.CONTAINS_FIELD: lambda text, other: other in text,
    Operator.STARTS_WITH_FIELD: lambda text, other: text.startswith(other),
    Operator.ENDS_WITH_FIELD: lambda text, other: text.endswith(other),
}
_HOLDS: dict[Operator, Callable[[Predicate, str], bool]] = {
    Operator.EQUALS: _text(lambda text, value: text == value),
    Operator.CONTAINS: _text(lambda text, value: value in text),
    Operator.STARTS_WITH: _text(lambda text, value: text.startswith(value)),
    Operator.ENDS_WITH: _text(lambda text, value: text.endswith(value)),
    Operator.WILDCARD: _wildcard,
    Operator.REGEX: _regex,
    Operator.CIDR: _cidr,
    Operator.EXISTS: _exists,
    Operator.LESS: _number(lambda value, limit: value < limit),
    Operator.LESS_OR_EQUAL: _number(lambda value, limit: value <= limit),
    Operator.GREATER: _number(lambda value, limit: value > limit),
    Operator.GREATER_OR_EQUAL: _number(lambda value, limit: value >= limit),
    Operator.UNEQUAL: _number(lambda value, limit: value != limit),
}


@lru_cache(maxsize=PATTERNS_MAX)
def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile(pattern, flags)


@lru_cache(maxsize=PATTERNS_MAX)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


def field_values(view: View, names: Iterable[str]) -> dict[str, str]:
    """Returns the first value of each field that has one."""
    found = {name: view.values(name) for name in names}
    return {name: text_of(values[0][1]) for name, values in found.items() if values and values[0][1] not in {None, ""}}

"""What each operator means for one value: the meaning that every faster way must keep."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from safeconduct.soc.detection.ir import Operator, Predicate
from safeconduct.soc.detection.networks import address_of, network_of
from safeconduct.soc.detection.patterns import compiled, searchable


def text_of(value: Any) -> str:  # noqa: ANN401 - JSON
    """Returns a JSON scalar as rules compare it: true and false in lower case, numbers as written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def holds(predicate: Predicate, text: str) -> bool:
    """Tells whether a predicate on one value holds of a text. Not for `null` and references to other fields."""
    return _HOLDS[predicate.operator](predicate, text)


def refers(predicate: Predicate, text: str, other: str) -> bool:
    """Tells whether a reference to another field holds of two lower-case texts."""
    return _REFERS[predicate.operator](text, other)


def _text(compare: Callable[[str, str], bool]) -> Callable[[Predicate, str], bool]:
    def compared(predicate: Predicate, text: str) -> bool:
        return compare(text if predicate.cased else text.lower(), predicate.value)

    return compared


def _regex(predicate: Predicate, text: str) -> bool:
    return compiled(predicate.value, predicate.flags).search(searchable(text)) is not None


def _wildcard(predicate: Predicate, text: str) -> bool:
    return compiled(predicate.value, predicate.flags).fullmatch(searchable(text)) is not None


def _cidr(predicate: Predicate, text: str) -> bool:
    network, address = network_of(predicate.value), address_of(text)
    return address is not None and address.version == network.version and address in network


def _number(compare: Callable[[Decimal, Decimal], bool]) -> Callable[[Predicate, str], bool]:
    def compared(predicate: Predicate, text: str) -> bool:
        try:
            value = Decimal(text)
        except InvalidOperation:
            return False
        return value.is_finite() and compare(value, Decimal(predicate.value))

    return compared


def _exists(_predicate: Predicate, _text: str) -> bool:
    return True


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
_REFERS: dict[Operator, Callable[[str, str], bool]] = {
    Operator.SAME_AS: lambda text, other: text == other,
    Operator.CONTAINS_FIELD: lambda text, other: other in text,
    Operator.STARTS_WITH_FIELD: lambda text, other: text.startswith(other),
    Operator.ENDS_WITH_FIELD: lambda text, other: text.endswith(other),
}

"""What of one value makes a rule's predicate hold, as an engine tests it."""

from collections.abc import Callable, Mapping, Sequence
from operator import and_
from typing import Any

from ibis.expr.types import BooleanValue  # type: ignore[import-untyped]

from safeconduct.soc.detection.ir import Operator, Predicate
from safeconduct.soc.hunts.columns import folded

EXACT: Mapping[Operator, Callable[[Any, str], BooleanValue]] = {
    Operator.EQUALS: lambda text, value: text == value,
    Operator.CONTAINS: lambda text, value: text.contains(value),
    Operator.STARTS_WITH: lambda text, value: text.startswith(value),
    Operator.ENDS_WITH: lambda text, value: text.endswith(value),
    Operator.EXISTS: lambda text, _value: text.notnull(),
}

Test = Callable[[Any], BooleanValue]
"""What of one value makes a predicate hold."""


def bounded(one: Predicate) -> Test:
    """Returns what a text must be at most for a predicate to hold of it that no engine says exactly."""
    pieces = literal_pieces(one.value) if one.operator is Operator.WILDCARD else []
    return lambda text: joined(and_, [text.notnull(), *(_holds_piece(text, piece) for piece in pieces)])


def literal_pieces(pattern: str) -> list[str]:
    """Returns the texts that stand in a wildcard's pattern, in lower case: each must be in what it matches."""
    pieces, escaped = [""], False
    for char in pattern:
        if escaped or char not in "\\.*":
            pieces[-1] += char
        elif char != "\\":
            pieces.append("")
        escaped = char == "\\" and not escaped
    return [folded(piece) for piece in pieces if piece and piece.isascii()]


def _holds_piece(text: Any, piece: str) -> BooleanValue:  # noqa: ANN401 - a text of Ibis's
    # Patterns take the long s for an s; no other letter of ASCII is taken for one that lower case leaves as it is.
    return text.contains(piece) | text.contains("\u017f") if "s" in piece else text.contains(piece)


def joined(join: Callable[[BooleanValue, BooleanValue], BooleanValue], parts: Sequence[BooleanValue]) -> BooleanValue:
    """Returns parts as one condition."""
    # Halved and halved again: a rule may name thousands of values, and compilers go down what is nested.
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return join(joined(join, parts[:middle]), joined(join, parts[middle:]))

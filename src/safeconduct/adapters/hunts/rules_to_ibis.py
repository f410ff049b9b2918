"""Sigma rules as Ibis expressions: which events a rule can hold of.

What an engine says exactly as the live matcher does is compiled; what it may say otherwise (patterns, case, numbers,
networks, other fields) is bounded: from above where it must hold, from below under a negation. So an expression never
misses an event, and the matcher has the last word on those it finds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import and_, or_
from typing import Any

import ibis  # type: ignore[import-untyped]
from ibis.expr.types import BooleanValue, Table  # type: ignore[import-untyped]

from safeconduct.adapters.hunts.rule_fields import ANY_RECORD, data_key, header_key, stream_from
from safeconduct.soc.detection.ir import And, Node, Not, Operator, Or, Predicate, RuleIR
from safeconduct.soc.detection.views import names_for
from safeconduct.soc.detection.windows_fields import HEADER, SYSTEM, spellings
from safeconduct.soc.detection.windows_sources import Names
from safeconduct.soc.hunts.columns import folded
from safeconduct.soc.pointers import pointer
from safeconduct.soc.windows import SOURCE

_EXACT: Mapping[Operator, Callable[[Any, str], BooleanValue]] = {
    Operator.EQUALS: lambda text, value: text == value,
    Operator.CONTAINS: lambda text, value: text.contains(value),
    Operator.STARTS_WITH: lambda text, value: text.startswith(value),
    Operator.ENDS_WITH: lambda text, value: text.endswith(value),
    Operator.EXISTS: lambda text, _value: text.notnull(),
}

Test = Callable[[Any], BooleanValue]
"""What of one value makes a predicate hold."""


def candidates(table: Table, rules: Iterable[RuleIR], streams: Sequence[str]) -> BooleanValue:
    """Returns which events of these streams some of the rules can hold of."""
    found = [_of_rule(table, rule, streams) for rule in rules]
    return _any([one for one in found if one is not None])


def _of_rule(table: Table, rule: RuleIR, streams: Sequence[str]) -> BooleanValue | None:
    named: dict[tuple[str, int], tuple[Names, list[str]]] = {}
    for text in streams:
        stream = stream_from(text)
        names = names_for(stream, rule.source)
        if names is not None:
            named.setdefault((stream.source, id(names)), (names, []))[1].append(text)
    parts = [
        table["stream"].isin(texts) & _Compiled(table, source, names).node(rule.condition, most=True)
        for (source, _), (names, texts) in named.items()
    ]
    return _any(parts) if parts else None


@dataclass(frozen=True)
class _Compiled:
    """Conditions on the events of one source whose fields stand at these places."""

    table: Table
    source: str
    names: Names

    def node(self, node: Node, *, most: bool) -> BooleanValue:
        """Returns a condition: at `most` these events, or at least these."""
        match node:
            case Predicate():
                return self._predicate(node, most=most)
            case Not():
                return ~self.node(node.part, most=not most)
            case And():
                return _joined(and_, [self.node(part, most=most) for part in node.parts])
            case Or():
                return self._any_of(node.parts, most=most)

    def _any_of(self, parts: Sequence[Node], *, most: bool) -> BooleanValue:
        # Rules name hundreds of texts of one field: its values are gone through once for all of them.
        together: dict[str, list[Test]] = {}
        found: list[BooleanValue] = []
        for part in parts:
            test = self._test(part, most=most) if isinstance(part, Predicate) else None
            if isinstance(part, Predicate) and test is not None:
                together.setdefault(part.field, []).append(test)
            else:
                found.append(self.node(part, most=most))
        return _joined(or_, [*found, *(self._held(field, tests) for field, tests in together.items())])

    def _predicate(self, one: Predicate, *, most: bool) -> BooleanValue:
        test = self._test(one, most=most)
        if test is not None:
            return self._held(one.field, [test])
        if self._untold(one.field):
            return ibis.literal(most)
        if one.operator is Operator.NULL:
            values = self._values(self._places(one.field))
            return values.filter(lambda text: text.notnull() & (text != "")).length() == 0
        return ibis.literal(value=False)

    def _held(self, field: str, tests: Sequence[Test]) -> BooleanValue:
        values = self._values(self._places(field))
        return values.filter(lambda text: _joined(or_, [test(text) for test in tests])).length() > 0

    def _test(self, one: Predicate, *, most: bool) -> Test | None:
        """Returns what a text must be for a predicate to hold of it, or at most; None where no one text tells."""
        if self._untold(one.field) or one.operator is Operator.NULL:
            return None
        if one.operator in _EXACT and (most or not one.cased):  # with regard to case: at most what holds without
            return lambda text: _EXACT[one.operator](text, folded(one.value))
        return _bounded(one) if most else None

    def _untold(self, field: str) -> bool:
        return not field or any(step.isdigit() for place in self._places(field) for step in place.split("/"))

    def _values(self, places: Sequence[str]) -> Any:  # noqa: ANN401 - an array of Ibis's
        found = ibis.literal([], type="array<string>")
        for place in reversed(places):
            found = self.table["places"].get(place, found)
        return found

    def _places(self, field: str) -> Sequence[str]:
        if field.startswith("ocsf."):
            return self.names.get(field) or (pointer(*field.split(".")),)
        if self.source == SOURCE:
            return self._in_record(field)
        if field in self.names:
            return self.names[field]
        spelled = (pointer("raw", field), pointer("raw", *field.split(".")))
        return (*spelled, ANY_RECORD + field, f"/raw/PATH/*/{field}") if self.source == "audit" else spelled

    def _in_record(self, field: str) -> Sequence[str]:
        if field in HEADER:
            return (header_key(field),)
        own = tuple(map(data_key, spellings(field, self.names)))
        return (*own, header_key(field)) if field in SYSTEM else own


def _bounded(one: Predicate) -> Test:
    pieces = literal_pieces(one.value) if one.operator is Operator.WILDCARD else []
    return lambda text: _joined(and_, [text.notnull(), *(_holds_piece(text, piece) for piece in pieces)])


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


def _any(parts: Sequence[BooleanValue]) -> BooleanValue:
    return _joined(or_, parts) if parts else ibis.literal(value=False)


def _joined(join: Callable[[BooleanValue, BooleanValue], BooleanValue], parts: Sequence[BooleanValue]) -> BooleanValue:
    # Halved and halved again: a rule may name thousands of values, and compilers go down what is nested.
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return join(_joined(join, parts[:middle]), _joined(join, parts[middle:]))

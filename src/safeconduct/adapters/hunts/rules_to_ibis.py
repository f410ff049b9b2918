"""Sigma rules as Ibis expressions: which events a rule can hold of.

What an engine says exactly as the live matcher does is compiled; what it may say otherwise (patterns, case, numbers,
networks, other fields) is bounded: from above where it must hold, from below under a negation. So an expression never
misses an event, and the matcher has the last word on those it finds.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import and_, or_
from typing import Any

import ibis  # type: ignore[import-untyped]
from ibis.expr.types import BooleanValue, Table  # type: ignore[import-untyped]

from safeconduct.adapters.hunts.predicate_tests import EXACT, Test, bounded, joined
from safeconduct.adapters.hunts.rule_fields import ANY_RECORD, data_key, header_key, stream_from
from safeconduct.soc.detection.ir import And, LogSource, Node, Not, Operator, Or, Predicate, RuleIR
from safeconduct.soc.detection.views import names_for
from safeconduct.soc.detection.windows_fields import HEADER, SYSTEM, spellings
from safeconduct.soc.detection.windows_sources import Names
from safeconduct.soc.hunts.columns import folded
from safeconduct.soc.pointers import pointer
from safeconduct.soc.windows import SOURCE


@dataclass(frozen=True, eq=False)
class Suited:
    """A rule, and streams of one source whose events it is for and whose fields stand at the same places."""

    rule: RuleIR
    source: str
    names: Names
    streams: tuple[str, ...]


def suited(rules: Iterable[RuleIR], streams: Sequence[str]) -> list[Suited]:
    """Returns the rules with those of these streams that they are for; rules that are for none are left out.

    Rules of one log source stand together: a query of some of them looks at few streams, and at few fields.
    """
    sources: dict[LogSource, list[RuleIR]] = {}
    for rule in rules:
        sources.setdefault(rule.source, []).append(rule)
    return [
        Suited(rule, of, names, tuple(texts))
        for source, those in sources.items()
        for of, names, texts in _alike(source, streams)
        for rule in those
    ]


def _alike(source: LogSource, streams: Sequence[str]) -> list[tuple[str, Names, list[str]]]:
    found: dict[tuple[str, int], tuple[str, Names, list[str]]] = {}
    for text in streams:
        stream = stream_from(text)
        names = names_for(stream, source)
        if names is not None:
            found.setdefault((stream.source, id(names)), (stream.source, names, []))[2].append(text)
    return list(found.values())


def conditions(window: Table, rules: Sequence[Suited]) -> tuple[Table, list[BooleanValue]]:
    """Returns the events of the rules' streams, by `key`, and of each rule which of them it can hold of.

    What stands at a place is looked up once for all rules that name it.
    """
    wanted = sorted({text for one in rules for text in one.streams})
    those = window.filter(window["stream"].isin(wanted))
    places = list(dict.fromkeys(place for one in rules for place in _Compiled(those, one.source, one.names).named(one)))
    columns = {at: f"at_{number}" for number, at in enumerate(places)}
    bound = those.select("key", "stream", **{name: _looked_up(those, at) for at, name in columns.items()})
    found = [_Compiled(bound, one.source, one.names, columns).node(one.rule.condition, most=True) for one in rules]
    return bound, [bound["stream"].isin(one.streams) & held for one, held in zip(rules, found, strict=True)]


def candidates(window: Table, rules: Sequence[Suited]) -> Table:
    """Returns the `key` of each event of a window that some of the rules can hold of."""
    bound, found = conditions(window, rules)
    return bound.filter(joined(or_, found)).select("key")


def _looked_up(table: Table, places: Sequence[str]) -> Any:  # noqa: ANN401 - an array of Ibis's
    found = ibis.literal([], type="array<string>")
    for place in reversed(places):
        found = table["places"].get(place, found)
    return found


def _predicates(node: Node) -> Iterator[Predicate]:
    match node:
        case Predicate():
            yield node
        case Not():
            yield from _predicates(node.part)
        case And() | Or():
            for part in node.parts:
                yield from _predicates(part)


@dataclass(frozen=True)
class _Compiled:
    """Conditions on the events of one source whose fields stand at these places: in these columns of the table."""

    table: Table
    source: str
    names: Names
    columns: Mapping[tuple[str, ...], str] = field(default_factory=dict)

    def named(self, one: Suited) -> Iterator[tuple[str, ...]]:
        """Yields the places that a rule asks for."""
        for predicate in _predicates(one.rule.condition):
            if not self._untold(predicate.field):
                yield self._places(predicate.field)

    def node(self, node: Node, *, most: bool) -> BooleanValue:
        """Returns a condition: at `most` these events, or at least these."""
        match node:
            case Predicate():
                return self._predicate(node, most=most)
            case Not():
                return ~self.node(node.part, most=not most)
            case And():
                return joined(and_, [self.node(part, most=most) for part in node.parts])
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
        return joined(or_, [*found, *(self._held(field, tests) for field, tests in together.items())])

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
        return values.filter(lambda text: joined(or_, [test(text) for test in tests])).length() > 0

    def _test(self, one: Predicate, *, most: bool) -> Test | None:
        """Returns what a text must be for a predicate to hold of it, or at most; None where no one text tells."""
        if self._untold(one.field) or one.operator is Operator.NULL:
            return None
        if one.operator in EXACT and (most or not one.cased):  # with regard to case: at most what holds without
            return lambda text: EXACT[one.operator](text, folded(one.value))
        return bounded(one) if most else None

    def _untold(self, field: str) -> bool:
        return not field or any(step.isdigit() for place in self._places(field) for step in place.split("/"))

    def _values(self, places: tuple[str, ...]) -> Any:  # noqa: ANN401 - an array of Ibis's
        return self.table[self.columns[places]]

    def _places(self, field: str) -> tuple[str, ...]:
        if field.startswith("ocsf."):
            return tuple(self.names.get(field) or (pointer(*field.split(".")),))
        if self.source == SOURCE:
            return self._in_record(field)
        if field in self.names:
            return tuple(self.names[field])
        spelled = (pointer("raw", field), pointer("raw", *field.split(".")))
        return (*spelled, ANY_RECORD + field, f"/raw/PATH/*/{field}") if self.source == "audit" else spelled

    def _in_record(self, field: str) -> tuple[str, ...]:
        if field in HEADER:
            return (header_key(field),)
        own = tuple(map(data_key, spellings(field, self.names)))
        return (*own, header_key(field)) if field in SYSTEM else own

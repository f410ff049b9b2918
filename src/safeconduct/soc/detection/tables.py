"""All predicates of a set of rules, numbered, and by field: which of them hold of a value, asked once per value."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

from safeconduct.soc.detection import scanning
from safeconduct.soc.detection.ir import FIELD_OPERATORS, Node, Not, Operator, Predicate, RuleIR
from safeconduct.soc.detection.networks import Networks
from safeconduct.soc.detection.scanning import (
    ANCHORS,
    Everything,
    Literals,
    LiteralScanner,
    OnePass,
    OnePassOfAscii,
    OnePassOfLiterals,
    Scanner,
)
from safeconduct.soc.detection.values import holds

PATTERNS = frozenset((Operator.WILDCARD, Operator.REGEX))
PER_ROW = frozenset((*FIELD_OPERATORS, Operator.NULL, Operator.EXISTS))
"""Operators that no value answers by itself."""

BETWEEN = "\0"
"""Stands between values where words are looked for in many at once; no keyword that holds it is looked for so."""

TOGETHER = 64
"""Records in which words are looked for at once. If any is there that is asked for, each is looked at."""

REMEMBERED = 4_096
"""Values of a field whose answers are remembered; beyond it all are forgotten. Names and paths come again and again."""

REMEMBERED_LENGTH = 256
"""Characters of the longest value whose answer is remembered. Scripts and messages seldom come twice."""

Column: TypeAlias = str | None
"""What predicates are asked of: a field, any value of the record (`""`), or many values as one text (None).

The last is for keywords that are plain words, hundreds of them in public sets: one look at many records answers all.
"""


def predicates(node: Node) -> Iterator[Predicate]:
    """Yields every predicate of a condition."""
    if isinstance(node, Predicate):
        yield node
    else:
        for part in (node.part,) if isinstance(node, Not) else node.parts:
            yield from predicates(part)


def numbered(rules: Iterable[RuleIR]) -> dict[Predicate, int]:
    """Returns a number for each different predicate, in the order in which the rules name them."""
    found = dict.fromkeys(predicate for rule in rules for predicate in predicates(rule.condition))
    return {predicate: number for number, predicate in enumerate(found)}


@dataclass(frozen=True)
class FieldTable:
    """The predicates of one field that a value answers.

    `literals` tells of a lower-case text exactly which of its own hold; `patterns` tells of a text which of its own may
    hold, and each of those, as each of `others`, is tried. `barren` are values that satisfy none of them: most do.
    """

    equal: Mapping[str, tuple[int, ...]]
    networks: Networks
    literals: LiteralScanner
    patterns: Scanner
    others: tuple[int, ...]
    known: Mapping[int, Predicate]
    barren: set[str] = field(default_factory=set)
    _bearing: dict[str, Sequence[int]] = field(default_factory=dict)

    def holding(self, text: str) -> list[int]:
        """Returns the numbers of the predicates that hold of a value."""
        low = text.lower()
        found = [*self.equal.get(low, ()), *self.literals.scan(low), *self.networks.holding(text)]
        tried = (*self.patterns.scan(text), *self.others)
        return [*found, *(number for number in tried if holds(self.known[number], text))] if tried else found

    def answered(self, text: str) -> Sequence[int]:
        """As `holding`, from memory where the value came before."""
        found = self._bearing.get(text)
        if found is None:
            found = self.holding(text)
            if len(text) <= REMEMBERED_LENGTH:
                self._remember(text, found)
        return found

    def _remember(self, text: str, found: Sequence[int]) -> None:
        if len(self.barren) + len(self._bearing) >= REMEMBERED:
            self.barren.clear()
            self._bearing.clear()
        if found:
            self._bearing[text] = found
        else:
            self.barren.add(text)

    def worded(self, records: Iterable[tuple[int, str]], asked: frozenset[int]) -> Iterator[tuple[int, Sequence[int]]]:
        """Yields the rows of texts that hold literals asked for, maybe others, with the numbers of all they hold."""
        waiting = iter(records)
        while some := list(islice(waiting, TOGETHER)):
            if not asked.isdisjoint(self.literals.occurring(BETWEEN.join([text for _, text in some]))):
                yield from ((row, self.literals.scan(text.lower())) for row, text in some)


@dataclass(frozen=True)
class Databases:
    """What was compiled for one field: Hyperscan's databases, and the patterns it has no form for."""

    literals: Any = None
    patterns: Any = None
    always: tuple[int, ...] = ()


def column_of(one: Predicate) -> Column:
    """Returns what a predicate is asked of."""
    plain = one.operator is Operator.CONTAINS and not one.cased and one.value and BETWEEN not in one.value
    return None if plain and not one.field else one.field


def by_column(numbers: Mapping[Predicate, int]) -> dict[Column, dict[int, Predicate]]:
    """Returns the predicates that a value answers by itself, by what they are asked of."""
    found: dict[Column, dict[int, Predicate]] = defaultdict(dict)
    for predicate, number in numbers.items():
        if predicate.operator not in PER_ROW:
            found[column_of(predicate)][number] = predicate
    return found


def compile_field(known: Mapping[int, Predicate]) -> Databases:
    """Returns what Hyperscan makes of a field's predicates. Takes seconds for the largest public sets."""
    patterns, always = scanning.compile_patterns(_of(known, PATTERNS))
    return Databases(scanning.compile_literals(_literals(known)), patterns, always)


def field_table(known: Mapping[int, Predicate], made: Databases) -> FieldTable:
    """Returns the table of a field."""
    literals, loose, networks = _literals(known), _of(known, PATTERNS), _of(known, (Operator.CIDR,))
    equal = _equal(known)
    alike = {number for numbers in equal.values() for number in numbers}
    apart = alike | networks.keys() | literals.keys() | loose.keys()
    return FieldTable(
        equal=equal,
        networks=Networks(networks),
        literals=Literals(literals) if made.literals is None else OnePassOfLiterals(made.literals, literals.values()),
        patterns=Everything(loose)
        if made.patterns is None
        else OnePassOfAscii(OnePass(made.patterns), loose, made.always),
        others=tuple(known.keys() - apart),
        known=known,
    )


def _literals(known: Mapping[int, Predicate]) -> dict[int, Predicate]:
    return {number: one for number, one in _of(known, ANCHORS).items() if not one.cased and one.value}


def _equal(known: Mapping[int, Predicate]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for number, one in known.items():
        if one.operator is Operator.EQUALS and not one.cased:
            found[one.value] = (*found.get(one.value, ()), number)
    return found


def _of(known: Mapping[int, Predicate], operators: Iterable[Operator]) -> dict[int, Predicate]:
    wanted = frozenset(operators)
    return {number: one for number, one in known.items() if one.operator in wanted}

"""All rules over many events at once.

Events are laid out by field, every different value is asked once which predicates hold of it, and a rule is `&` and
`|` over sets of rows. What that finds is asked of `matching` for its evidence, so a hit is never more than a rule says.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from safeconduct.soc.detection.asking import Asked
from safeconduct.soc.detection.bitmaps import bits_of, rows_of
from safeconduct.soc.detection.conditions_on_bits import Form, form, holding, narrowed, witnesses
from safeconduct.soc.detection.ir import FIELD_OPERATORS, LogSource, Operator, Predicate, RuleIR
from safeconduct.soc.detection.matching import matches
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.detection.planning import Plans
from safeconduct.soc.detection.sheets import Sheet
from safeconduct.soc.detection.tables import (
    PER_ROW,
    Column,
    Databases,
    by_column,
    column_of,
    compile_field,
    field_table,
    numbered,
    predicates,
)
from safeconduct.soc.detection.views import View, stream_of
from safeconduct.soc.model import Event, Match
from safeconduct.soc.windows import SOURCE, glance

BATCH_EVENTS = 8_192
"""Events laid out at once. Twice as many save a tenth of the time and take twice the memory."""

ENGINES_MAX = 2
"""Engines kept. One over all public rules takes about 100 MB; an installation runs one set, or two while it changes."""


@dataclass(frozen=True, slots=True)
class Found:
    """A rule held of an event: the event as the rule sees it, and the evidence."""

    rule: RuleIR
    view: View
    matches: tuple[Match, ...]


class Engine:
    """Rules, compiled."""

    def __init__(self, rules: Sequence[RuleIR], databases: Mapping[Column, Databases] | None = None) -> None:
        """`databases` are those of `compiled(rules)`, kept from an earlier time; without them they are made now."""
        self.rules = tuple(rules)
        numbers = numbered(self.rules)
        self._known = {number: predicate for predicate, number in numbers.items()}
        made = compiled(self.rules) if databases is None else databases
        self._tables = {name: field_table(known, made[name]) for name, known in by_column(numbers).items()}
        self._words = self._tables.pop(None, None)
        self._slow = frozenset(
            number
            for number, one in self._known.items()
            if one.operator in FIELD_OPERATORS or (not one.field and one.operator in PER_ROW)
        )
        self._presence = {n: one for n, one in self._known.items() if one.field and one.operator in _PRESENCE}
        asked = {one.field for one in self._presence.values()}
        self._barren = {name: table.barren for name, table in self._tables.items() if name and name not in asked}
        self._prepare(numbers)

    def _prepare(self, numbers: Mapping[Predicate, int]) -> None:
        self._forms: list[Form] = [form(rule.condition, numbers, self._slow) for rule in self.rules]
        self._always: list[int] = []
        self._witnessed: dict[int, list[int]] = defaultdict(list)
        columns: dict[LogSource, set[Column]] = defaultdict(set)
        words: dict[LogSource, set[int]] = defaultdict(set)
        self._plans = Plans(columns, words)
        for index, rule in enumerate(self.rules):
            for one in predicates(rule.condition):
                columns[rule.source].add(column_of(one))
                if column_of(one) is None:
                    words[rule.source].add(numbers[one])
            named = witnesses(self._forms[index], self._slow | self._presence.keys())
            if named is None or not named.isdisjoint(self._slow):
                self._always.append(index)
            for number in named or ():
                self._witnessed[number].append(index)

    def hits(self, events: Iterable[Event]) -> Iterator[Found]:
        """Yields every rule that holds of an event, with the evidence; events of a batch in no stated order."""
        waiting = iter(events)
        while batch := list(islice(waiting, BATCH_EVENTS)):
            for sheet in self._laid_out(batch):
                yield from self._found(sheet, batch)

    def _laid_out(self, batch: Sequence[Event]) -> Iterable[Sheet]:
        sheets: dict[int, Sheet] = {}
        for row, event in enumerate(batch):
            glanced = glance(event.raw) if event.source == SOURCE else None
            for of in self._plans.of(stream_of(event, glanced)):
                sheet = sheets.get(id(of.names))
                if sheet is None:
                    sheet = sheets[id(of.names)] = Sheet(of.names, len(batch), self._barren)
                sheet.take(row, event, glanced, of)
        return sheets.values()

    def _found(self, sheet: Sheet, batch: Sequence[Event]) -> Iterator[Found]:
        asked = Asked(self._known, self._slow, self._rows(sheet), batch, sheet)
        covered = sheet.covered()
        candidates = {index for number in asked.rows for index in self._witnessed.get(number, ())}
        for index in sorted(candidates.union(self._always)):
            rule = self.rules[index]
            rows = holding(self._forms[index], covered.get(rule.source, 0), asked.ask)
            if rows:
                yield from self._evident(rule, self._forms[index], rows, asked)

    def _evident(self, rule: RuleIR, condition: Form, rows: int, asked: Asked) -> Iterator[Found]:
        # A rule lists hundreds of values, of which the rows have one or two: the others are not tried on each row.
        narrow = narrowed(condition, self._known, lambda one: one in self._slow or bool(asked.rows.get(one, 0) & rows))
        for row in rows_of(rows):
            view = asked.view(row)
            evidence = None if narrow is None else matches(narrow, view)
            if evidence is not None:
                yield Found(rule, view, evidence)

    def _rows(self, sheet: Sheet) -> dict[int, int]:
        """Returns the set of rows of every predicate that holds somewhere and is not slow."""
        held: dict[int, int] = defaultdict(int)
        for name, column in sheet.columns.items():
            table = self._tables.get(name)
            for text, rows in column.items() if table else ():
                numbers = table.answered(text) if table else ()
                if numbers:
                    bits = bits_of(rows, sheet.size)
                    for number in numbers:
                        held[number] |= bits
        for asked, records in sheet.words.items() if self._words else ():
            for row, numbers in self._words.worded(records, asked) if self._words else ():
                for number in numbers:
                    held[number] |= 1 << row
        return held | {number: bits for number in self._presence if (bits := self._present(number, sheet))}

    def _present(self, number: int, sheet: Sheet) -> int:
        one = self._presence[number]
        if one.operator is Operator.EXISTS:
            return sheet.filled(one.field, empty=True)
        return ((1 << sheet.size) - 1) & ~sheet.filled(one.field, empty=False)


_PRESENCE = frozenset((Operator.NULL, Operator.EXISTS))


def compiled(rules: Iterable[RuleIR]) -> dict[Column, Databases]:
    """Returns what Hyperscan makes of the rules, by column: what takes time, and is worth keeping."""
    return {name: compile_field(known) for name, known in by_column(numbered(rules)).items()}


def engine_of(rules: RuleSet) -> Engine:
    """Returns the engine of a set of rules, made once."""
    return _engine(_Ready(tuple(rules.events), rules.databases))


@dataclass(frozen=True)
class _Ready:
    events: tuple[RuleIR, ...]
    databases: Mapping[Column, Databases] | None = field(compare=False)


@lru_cache(maxsize=ENGINES_MAX)
def _engine(ready: _Ready) -> Engine:
    return Engine(ready.events, ready.databases)

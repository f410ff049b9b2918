"""A sheet while rules ask about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from safeconduct.soc.detection.bitmaps import bits_of, rows_of
from safeconduct.soc.detection.ir import Predicate
from safeconduct.soc.detection.matching import matches
from safeconduct.soc.detection.sheets import Sheet
from safeconduct.soc.detection.views import View
from safeconduct.soc.model import Event


@dataclass
class Asked:
    """A sheet with the rows that are known of its predicates; those that are slow to ask are asked row by row."""

    known: Mapping[int, Predicate]
    slow: frozenset[int]
    rows: Mapping[int, int]
    batch: Sequence[Event]
    sheet: Sheet
    _views: dict[int, View] = field(default_factory=dict)

    def ask(self, number: int, rows: int) -> int:
        """As `conditions_on_bits.Ask`."""
        if number not in self.slow:
            return self.rows.get(number, 0) & rows
        one = self.known[number]
        return bits_of((row for row in rows_of(rows) if matches(one, self.view(row)) is not None), self.sheet.size)

    def view(self, row: int) -> View:
        """Returns the event of a row as rules see it."""
        if row not in self._views:
            self._views[row] = View(self.batch[row], self.sheet.names)
        return self._views[row]

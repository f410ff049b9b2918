"""Which alerts stand together: those that edges join, and above that what people decided.

Pure. What a person put apart is not joined again, not even over further alerts; what a person put together stays so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from safeconduct.soc.model import Alert, Edge


class Change(StrEnum):
    """What a person does to the incidents that were found."""

    MERGE = "merge"
    SPLIT = "split"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A person's word on alerts, by their ids: all of `alerts` stand together, or they stand apart from `rest`."""

    change: Change
    alerts: frozenset[str]
    rest: frozenset[str] = frozenset()

    def divides(self, alerts: frozenset[str]) -> bool:
        """Tells whether this keeps some of the alerts from others of them."""
        return self.change is Change.SPLIT and bool(alerts & self.alerts) and bool(alerts & self.rest)


def in_force(rulings: Sequence[Ruling]) -> list[Ruling]:
    """Returns the rulings, oldest first, without those that a later one reverses: the last word counts."""
    kept: list[Ruling] = []
    for ruling in rulings:
        kept = [one for one in kept if not (ruling.change is Change.MERGE and one.divides(ruling.alerts))]
        kept.append(ruling)
    return kept


@dataclass
class _Groups:
    """Alerts joined so far. `sides` are the splits a group has a part in, each with the side it is on."""

    leader: dict[str, str]
    sides: dict[str, frozenset[tuple[int, bool]]] = field(default_factory=dict)

    def head(self, key: str) -> str:
        while self.leader[key] != key:
            self.leader[key] = self.leader[self.leader[key]]
            key = self.leader[key]
        return key

    def join(self, one: str, other: str) -> None:
        low, high = sorted((self.head(one), self.head(other)))
        here, there = self.sides.get(low, frozenset()), self.sides.get(high, frozenset())
        if low != high and not any((split, not side) in there for split, side in here):
            self.leader[high] = low
            self.sides[low] = here | there

    def part(self, number: int, ruling: Ruling) -> None:
        for side, alerts in ((True, ruling.alerts), (False, ruling.rest)):
            for key in alerts & self.leader.keys():
                self.sides[key] = self.sides.get(key, frozenset()) | {(number, side)}


def grouped(
    alerts: Sequence[Alert], edges: Sequence[Edge], rulings: Sequence[Ruling] = ()
) -> list[tuple[list[Alert], list[Edge]]]:
    """Returns the alerts that stand together, directly or over others, each group with the edges within it.

    `alerts` and `edges` are in an order of their own, so that the same ones give the same groups. Linear in both.
    """
    groups, ruled = _Groups({alert.id: alert.id for alert in alerts}), in_force(rulings)
    for number, ruling in enumerate(ruled):
        if ruling.change is Change.SPLIT:
            groups.part(number, ruling)
    for ruling in ruled:
        if ruling.change is Change.MERGE:
            _chain(groups, sorted(ruling.alerts & groups.leader.keys()))
    for edge in edges:
        groups.join(*edge.alerts)
    found: dict[str, tuple[list[Alert], list[Edge]]] = {}
    for alert in alerts:
        found.setdefault(groups.head(alert.id), ([], []))[0].append(alert)
    for edge in edges:
        heads = {groups.head(key) for key in edge.alerts}
        if len(heads) == 1:
            found[heads.pop()][1].append(edge)
    return list(found.values())


def _chain(groups: _Groups, keys: Iterable[str]) -> None:
    first = ""
    for key in keys:
        first = first or key
        groups.join(first, key)

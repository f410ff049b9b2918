"""Which alerts could stand together: whoever looks at one again looks at all of these again, and at no others."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from safeconduct.kernel.instants import Instant
from safeconduct.soc.correlation import WINDOW
from safeconduct.soc.grouping import Change, Ruling, in_force
from safeconduct.soc.model import Entity

Trace = tuple[Entity, Instant]
"""An entity that joins, and when an event of the alert names it."""


class Neighbors:
    """Alerts by what joins them: an entity within the window, or a person who put them together."""

    def __init__(self, rulings: Sequence[Ruling] = ()) -> None:
        self._traces: dict[str, tuple[Trace, ...]] = {}
        self._at: dict[Entity, list[tuple[Instant, str]]] = defaultdict(list)
        merged = [one.alerts for one in in_force(rulings) if one.change is Change.MERGE]
        self._merged = {key: [group for group in merged if key in group] for key in frozenset().union(*merged)}

    def put(self, alert: str, traces: Iterable[Trace]) -> None:
        """Takes an alert in, with where it may be joined."""
        self._traces[alert] = found = tuple(dict.fromkeys(traces))
        for entity, at in found:
            insort(self._at[entity], (at, alert))

    def drop(self, alert: str) -> None:
        """Lets go of an alert."""
        for entity, at in self._traces.pop(alert, ()):
            listed = self._at[entity]
            del listed[bisect_left(listed, (at, alert))]
            if not listed:
                del self._at[entity]

    def reached(self, alerts: Iterable[str]) -> set[str]:
        """Returns those of the alerts that are here, with all that they reach over any number of others. Linear."""
        waiting = [key for key in alerts if key in self._traces]
        found, looked = set(waiting), _Looked()
        while waiting:
            near = self._near(waiting.pop(), looked) - found
            found |= near
            waiting += near
        return found

    def _near(self, alert: str, looked: "_Looked") -> set[str]:
        found = {key for group in self._merged.get(alert, ()) for key in group if key in self._traces}
        for entity, at in self._traces[alert]:
            if not looked.at(entity, at):
                run = self._run(self._at[entity], at)
                looked.spans[entity].append((run[0][0], run[-1][0]))
                found.update(key for _, key in run)
        return found

    @staticmethod
    def _run(listed: Sequence[tuple[Instant, str]], at: Instant) -> Sequence[tuple[Instant, str]]:
        """Returns the alerts about an instant of which no two neighbors are further apart than the window."""
        first = last = bisect_left(listed, (at, ""))
        while first and listed[first][0] - listed[first - 1][0] <= WINDOW:
            first -= 1
        while last + 1 < len(listed) and listed[last + 1][0] - listed[last][0] <= WINDOW:
            last += 1
        return listed[first : last + 1]


@dataclass
class _Looked:
    """Where a search has been: of each entity the stretches it has seen whole."""

    spans: dict[Entity, list[tuple[Instant, Instant]]] = field(default_factory=lambda: defaultdict(list))

    def at(self, entity: Entity, at: Instant) -> bool:
        return any(first <= at <= last for first, last in self.spans[entity])

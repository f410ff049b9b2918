"""A correlation over hits that keep coming, in any order: after each batch it has found what one whole count would.

Hits further apart than the timespan have nothing to do with each other, so that only the stretch around what changed is
counted again. The cost of a batch is that of the stretches it touches, whatever came before.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from safeconduct.kernel.instants import Instant, seconds
from safeconduct.soc.detection.correlations import Absent, Correlation, leaves
from safeconduct.soc.detection.counting import Place, findings, group_of, place_in
from safeconduct.soc.detection.measuring import Hit

Span = tuple[Instant, Instant]
"""The first and the last instant of a stretch."""


@dataclass
class _Group:
    """Hits that share values, in order, and what was found in them."""

    places: list[Place] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    found: list[Hit] = field(default_factory=list)

    def put(self, place: Place, hit: Hit) -> None:
        at = bisect_right(self.places, place)
        self.places.insert(at, place)
        self.hits.insert(at, hit)

    def drop(self, place: Place) -> None:
        at = bisect_left(self.places, place)
        del self.places[at]
        del self.hits[at]

    def within(self, span: Span) -> Sequence[Hit]:
        return self.hits[self._first(span[0]) : self._first(Instant(span[1] + 1))]

    def since(self, at: Instant) -> list[Instant]:
        return [place[0] for place in self.places[self._first(at) :]]

    def around(self, at: Instant, gap: int) -> Span:
        """Returns the stretch about an instant in which no two neighbors are further apart than the gap."""
        first = last = at
        before, behind = self._first(at), self._first(at)
        while before and self.places[before - 1][0] >= first - gap:
            before -= 1
            first = self.places[before][0]
        while behind < len(self.places) and self.places[behind][0] <= last + gap:
            last = self.places[behind][0]
            behind += 1
        return first, last

    def _first(self, at: Instant) -> int:
        return bisect_left(self.places, (at, -1, ()))


class Moving:
    """One correlation as hits come and go."""

    def __init__(self, rule: Correlation) -> None:
        self._rule = rule
        self._place = place_in(rule)
        self._gap = seconds(rule.seconds)
        self._waits = rule.whole or (
            rule.expression is not None and any(isinstance(leaf, Absent) for leaf in leaves(rule.expression))
        )
        self._groups: dict[tuple[str, ...], _Group] = {}
        self._open: set[tuple[str, ...]] = set()
        self._until = Instant(0)

    def __len__(self) -> int:
        """How many hits it keeps."""
        return sum(len(group.hits) for group in self._groups.values())

    def take(self, came: Iterable[Hit], gone: Iterable[Hit], until: Instant) -> tuple[list[Hit], list[Hit]]:
        """Takes hits in and lets others go, all taken in before; returns the findings that are new, and those no more.

        `until` is how far the telemetry goes now.
        """
        touched: dict[tuple[str, ...], set[Instant]] = {}
        for hit, put in (*((hit, False) for hit in gone), *((hit, True) for hit in came)):
            key = group_of(self._rule, hit)
            if key is None:
                continue
            group = self._groups.setdefault(key, _Group())
            if put:
                group.put(self._place(hit), hit)
            else:
                group.drop(self._place(hit))
            touched.setdefault(key, set()).add(hit.at)
        self._reach(until, touched)
        found, lost = list[Hit](), list[Hit]()
        for key, times in touched.items():
            self._again(key, times, found, lost)
        return found, lost

    def _reach(self, until: Instant, touched: dict[tuple[str, ...], set[Instant]]) -> None:
        """Adds what only the end of the telemetry decides, and keeps in mind what it has not decided yet."""
        if self._waits and until > self._until:
            for key in self._open:
                touched.setdefault(key, set()).update(self._groups[key].since(Instant(self._until - self._gap)))
        self._until = max(until, self._until)

    def _again(self, key: tuple[str, ...], times: set[Instant], found: list[Hit], lost: list[Hit]) -> None:
        group = self._groups[key]
        for span in _joined(self._stretch(group, at) for at in times):
            former = [one for one in group.found if span[0] <= one.at <= span[1]]
            now = list(findings(self._rule, key, group.within(span), self._until))
            kept = {_known(one) for one in former} & {_known(one) for one in now}
            found += [one for one in now if _known(one) not in kept]
            lost += [one for one in former if _known(one) not in kept]
            group.found = [one for one in group.found if not span[0] <= one.at <= span[1]] + now
        still = bool(group.hits) and group.places[-1][0] + self._gap > self._until
        self._open.add(key) if self._waits and still else self._open.discard(key)

    def _stretch(self, group: _Group, at: Instant) -> Span:
        if self._rule.whole:
            first = at // self._gap * self._gap
            return Instant(first), Instant(first + self._gap - 1)
        return group.around(at, self._gap)


def _known(finding: Hit) -> tuple[Instant, tuple[str, ...]]:
    return finding.at, finding.events


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Yields spans that overlap as one, in order."""
    kept: Span | None = None
    for span in sorted(set(spans)):
        if kept is None or span[0] > kept[1]:
            if kept is not None:
                yield kept
            kept = span
        else:
            kept = kept[0], max(kept[1], span[1])
    if kept is not None:
        yield kept

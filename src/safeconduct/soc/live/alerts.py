"""The alerts of rules over events that keep coming: after each batch just those of one whole run over all so far."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from safeconduct.kernel.instants import Instant
from safeconduct.soc.detecting import alert_of, event_hits
from safeconduct.soc.detection.ir import Head
from safeconduct.soc.detection.measuring import Hit
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.detection.moving import Moving
from safeconduct.soc.live.keeping import Found
from safeconduct.soc.model import Alert, Event
from safeconduct.soc.unusual import Unusual


@dataclass(frozen=True, slots=True)
class Changed:
    """What a batch did: the alerts that are new, and those that are no more. What a count goes on with is both."""

    came: tuple[Alert, ...] = ()
    gone: tuple[Alert, ...] = ()


class LiveAlerts:
    """What rules have found so far."""

    def __init__(self, rules: RuleSet, unusual: Unusual | None = None) -> None:
        """Begins with no event. `unusual` is what watches for anomalies, where they are told too."""
        self._rules = rules
        self._unusual = unusual
        self._unusual_found = 0
        self._heads = {head.id: head for head in rules.heads()}
        self._wanted = {key for key, head in self._heads.items() if head.alerts}
        self._wanted.update(key for one in rules.correlations for key in one.rules)
        self._moving = [Moving(one) for one in rules.correlations]
        self._times = Counter[str]()
        self._until = Instant(0)

    @property
    def kept(self) -> int:
        """How many hits and alerts are kept for what may still come."""
        return len(self._times) + self._unusual_found + sum(map(len, self._moving))

    def look(self, events: Sequence[Event]) -> Found:
        """Returns what of the rules is found in events by themselves, as far as it is told or counted."""
        hits = {rule: found for rule, found in event_hits(events, self._rules).items() if rule in self._wanted}
        return Found(hits=hits, until=max((event.at for event in events), default=Instant(0)))

    def take(self, found: Found, events: Sequence[Event] = ()) -> Changed:
        """Takes in what was found in events, none of which it had before, in any order.

        The events themselves are looked at for anomalies, which are told by what came before them.
        """
        self._until = max(self._until, found.until)
        came = defaultdict[str, list[Hit]](list, {rule: list(hits) for rule, hits in found.hits.items()})
        gone: dict[str, list[Hit]] = defaultdict(list)
        for rule, moving in zip(self._rules.correlations, self._moving, strict=True):
            counted = dict.fromkeys(rule.rules)
            more = moving.take(_of(came, counted), _of(gone, counted), self._until)
            came[rule.head.id], gone[rule.head.id] = more
        changed = self._changed(came, gone)
        unusual = tuple(self._unusual.alerts(events)) if self._unusual is not None else ()
        self._unusual_found += len(unusual)
        return Changed(came=changed.came + unusual, gone=changed.gone)

    def _changed(self, came: Mapping[str, Sequence[Hit]], gone: Mapping[str, Sequence[Hit]]) -> Changed:
        # Two groups may have found the same events: such an alert is gone when both are.
        before = set(self._times)
        lost, new = (dict(_alerts(self._heads, hits)) for hits in (gone, came))
        self._times.subtract(_ids(self._heads, gone))
        self._times.update(_ids(self._heads, came))
        self._times = +self._times
        return Changed(
            came=tuple(alert for key, alert in new.items() if key not in before),
            gone=tuple(alert for key, alert in lost.items() if key not in self._times),
        )


def _of(hits: Mapping[str, Sequence[Hit]], rules: Iterable[str]) -> list[Hit]:
    return [hit for rule in rules for hit in hits.get(rule, ())]


def _alerts(heads: Mapping[str, Head], hits: Mapping[str, Sequence[Hit]]) -> Iterable[tuple[str, Alert]]:
    for rule, found in hits.items():
        if heads[rule].alerts:
            yield from ((alert.id, alert) for alert in (alert_of(heads[rule], hit) for hit in found))


def _ids(heads: Mapping[str, Head], hits: Mapping[str, Sequence[Hit]]) -> Iterable[str]:
    return (key for key, _ in _alerts(heads, hits))

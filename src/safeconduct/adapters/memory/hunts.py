"""Hunts answered by reading the event index from end to end: exact, and slow where there are many events."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from time import monotonic

from safeconduct.kernel.instants import seconds
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.parsing import load
from safeconduct.soc.hunts.answering import answered
from safeconduct.soc.hunts.model import Budget, Hunt, HuntResult, RuleHunt, RuleHuntResult, over_budget
from safeconduct.soc.model import Event
from safeconduct.soc.ports import EventStore


@dataclass(frozen=True, slots=True)
class ReadingHunts:
    """`HuntRunner` over `EventStore.between`. `clock` gives seconds, monotonic."""

    events: EventStore
    clock: Callable[[], float] = monotonic

    def run(self, hunt: Hunt, budget: Budget) -> HuntResult:
        began = self.clock()
        found = answered(hunt, self._within(hunt, budget, began + budget.seconds))
        return replace(found, took=seconds(self.clock() - began))

    def detect(self, hunt: RuleHunt, budget: Budget) -> RuleHuntResult:
        began, rules, sources = self.clock(), load(hunt.files, hunt.filled), Counter[str]()
        window = Hunt(first=hunt.first, last=hunt.last)

        def seen() -> Iterator[Event]:
            for event in self._within(window, budget, began + budget.seconds):
                sources[event.source] += 1
                yield event

        alerts = detect(seen(), rules)
        return RuleHuntResult(
            alerts=alerts,
            looked_at=sources.total(),
            scanned=sources.total(),
            sources=dict(sorted(sources.items())),
            took=seconds(self.clock() - began),
        )

    def _within(self, hunt: Hunt, budget: Budget, until: float) -> Iterator[Event]:
        for scanned, event in enumerate(self.events.between(hunt.first, hunt.last, hunt.sources), start=1):
            if scanned > budget.scanned or self.clock() > until:
                raise over_budget(budget)
            yield event

"""Rules over segments: an engine finds the events that they can hold of, and the matcher judges these."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from safeconduct.adapters.hunts import questions
from safeconduct.adapters.hunts.engines import Engine, MemoryShortError, rows_of
from safeconduct.adapters.hunts.rows import from_sort_key
from safeconduct.adapters.hunts.rules_to_ibis import Suited, suited
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Duration
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.parsing import load
from safeconduct.soc.hunts.model import Budget, Hunt, RuleHunt, RuleHuntResult, over_budget
from safeconduct.soc.model import Event
from safeconduct.soc.ports import EventStore

SUSPECTS_MAX = 200_000
"""Events read for rules in one hunt: what the matcher looks at in some seconds."""


MOST = SUSPECTS_MAX + 1
"""Keys that one query answers: where it answers so many there are too many."""

RULES_AT_ONCE = 64
"""Rules in one query. Each query reads the places of all events, which takes as long as the conditions of some fifty
rules do; and for each place that it names an engine holds the values of some thousand events."""

EVENTS_AT_ONCE = 1_000
"""Events read at a time for rules: some megabytes."""


def detected(engine: Engine, events: EventStore, hunt: RuleHunt, budget: Budget) -> RuleHuntResult:
    """Returns the alerts of rules: an engine finds the events that they can hold of, and `detect` judges these.

    Raises:
        RuleError: a rule can't be used.
        LimitedError: `hunt-over-budget`, also where rules can hold of more events than SUSPECTS_MAX.
    """
    rules = load(hunt.files, hunt.filled)
    window = Hunt(first=hunt.first, last=hunt.last)
    seen = rows_of(engine, questions.streams(window))
    if sum(row[2] for row in seen) > budget.scanned:
        raise over_budget(budget)
    fitting, asked = suited(rules.events, [row[1] for row in seen]), list[str]()
    keys = {row[3] for row in seen}  # the last of each stream tells correlations how far the telemetry goes
    for start in range(0, len(fitting), RULES_AT_ONCE):
        keys.update(_suspects(engine, window, fitting[start : start + RULES_AT_ONCE], asked))
        if len(keys) > SUSPECTS_MAX:
            raise over_budget(budget)
    found = _Read(events, [from_sort_key(key)[1] for key in sorted(keys)])
    sources = Counter[str]()
    for source, _, count, _ in seen:
        sources[source] += count
    return RuleHuntResult(
        alerts=detect(found, rules),
        looked_at=found.count,
        scanned=sources.total(),
        sources=dict(sorted(sources.items())),
        took=Duration(0),
        query=";\n\n".join(asked),
    )


def _suspects(engine: Engine, window: Hunt, rules: Sequence[Suited], asked: list[str]) -> set[str]:
    """Returns the sort keys that rules can hold of, asked in halves where memory is short. Notes what was `asked`."""
    question = questions.sql(questions.suspects(window, rules, MOST), engine.dialect)
    try:
        found = {key for (key,) in engine.rows(question)}
    except MemoryShortError:
        if len(rules) == 1:
            raise
        half = len(rules) // 2
        return _suspects(engine, window, rules[:half], asked) | _suspects(engine, window, rules[half:], asked)
    asked.append(question)
    return found


@dataclass
class _Read:
    """Events by their ids, read a page at a time; `count` is how many there were."""

    events: EventStore
    wanted: Sequence[EventId]
    count: int = 0

    def __iter__(self) -> Iterator[Event]:
        for start in range(0, len(self.wanted), EVENTS_AT_ONCE):
            page = self.events.many(self.wanted[start : start + EVENTS_AT_ONCE])
            self.count += len(page)
            yield from page.values()

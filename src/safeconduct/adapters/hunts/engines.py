"""Engines that answer expressions over segments."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from ibis.expr.types import Table  # type: ignore[import-untyped]

from safeconduct.adapters.hunts import questions
from safeconduct.adapters.hunts.rows import from_sort_key
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Duration
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.ir import RuleIR
from safeconduct.soc.detection.parsing import load
from safeconduct.soc.hunts.model import (
    Budget,
    Hunt,
    HuntResult,
    Order,
    Reach,
    Row,
    RuleHunt,
    RuleHuntResult,
    over_budget,
)
from safeconduct.soc.ports import EventStore

Rows = Sequence[tuple[Any, ...]]


class Engine(Protocol):
    """Answers expressions over the table `events`, read from Parquet files. `dialect` is Ibis's name of its SQL."""

    dialect: str

    def read(self, segments: Sequence[Path]) -> None:
        """Takes these files as the table from now on."""
        ...

    def rows(self, table: Table) -> Rows:
        """Returns an expression's rows, in its order.

        Raises:
            MemoryShortError: it takes more memory than the engine has; the next one may not.
        """
        ...

    def close(self) -> None:
        """Gives back what it holds."""
        ...


def answer(engine: Engine, hunt: Hunt, budget: Budget, reach: Reach) -> HuntResult:
    """Returns what a hunt found in segments of that reach; whoever asked knows how long it took.

    Raises:
        LimitedError: it would look at more events than its budget has (`hunt-over-budget`).
    """
    if hunt.since is not None:
        hunt = replace(hunt, since=replace(reach, number=hunt.since.floor(reach.generation)))
    sources = {row[0]: row[1] for row in engine.rows(questions.scanned(hunt))}
    if sum(sources.values()) > budget.scanned:
        raise over_budget(budget)
    counted, rows, events = _grouped(engine, hunt) if hunt.group else _found(engine, hunt)
    return HuntResult(
        rows=rows,
        events=events,
        counted=counted,
        scanned=sum(sources.values()),
        sources=dict(sorted(sources.items())),
        took=Duration(0),
        query=questions.sql(questions.question(hunt), engine.dialect),
        reach=reach,
    )


# One more than the limit is asked for: where less than that comes it is all there is, and nothing is scanned again.


def _grouped(engine: Engine, hunt: Hunt) -> tuple[int, tuple[Row, ...], tuple[EventId, ...]]:
    rows = engine.rows(questions.grouped(hunt, hunt.limit + 1))
    count = _counted(engine, hunt) if len(rows) > hunt.limit else sum(row[len(hunt.group)] for row in rows)
    return count, tuple(map(_row, rows[: hunt.limit])), ()


def _found(engine: Engine, hunt: Hunt) -> tuple[int, tuple[Row, ...], tuple[EventId, ...]]:
    keys = [key for (key,) in engine.rows(questions.some(hunt, hunt.limit + 1))]
    count = len(keys)
    if count > hunt.limit:
        keys, count = [key for (key,) in engine.rows(questions.found(hunt))], _counted(engine, hunt)
    ordered = sorted(keys, reverse=hunt.order is Order.NEWEST)
    return count, (), tuple(from_sort_key(key)[1] for key in ordered)


def _counted(engine: Engine, hunt: Hunt) -> int:
    ((count,),) = engine.rows(questions.counted(hunt))
    return int(count)


SUSPECTS_MAX = 200_000
"""Events read for rules in one hunt: what the matcher looks at in some seconds."""


MOST = SUSPECTS_MAX + 1
"""Keys that one query answers: where it answers so many there are too many."""

RULES_AT_ONCE = 8
"""Rules in one query: for each place that it names an engine holds the values of some thousand events, and a Windows
event has hundreds. Twenty-five took more than its memory."""


class MemoryShortError(UnavailableError):
    """A query takes more memory than an engine has: a part of it may not."""

    def __init__(self, said: str) -> None:
        super().__init__(f"the engine has no memory for it: {said}", code="hunts-unavailable")


def detected(engine: Engine, events: EventStore, hunt: RuleHunt, budget: Budget) -> RuleHuntResult:
    """Returns the alerts of rules: an engine finds the events that they can hold of, and `detect` judges these.

    Raises:
        RuleError: a rule can't be used.
        LimitedError: `hunt-over-budget`, also where rules can hold of more events than SUSPECTS_MAX.
    """
    rules = load(hunt.files, hunt.filled)
    window = Hunt(first=hunt.first, last=hunt.last)
    seen = engine.rows(questions.streams(window))
    if sum(row[2] for row in seen) > budget.scanned:
        raise over_budget(budget)
    parts = [rules.events[start : start + RULES_AT_ONCE] for start in range(0, len(rules.events), RULES_AT_ONCE)]
    streams, asked = [row[1] for row in seen], list[Table]()
    keys = {row[3] for row in seen}  # the last of each stream tells correlations how far the telemetry goes
    for part in parts:
        keys.update(_suspects(engine, lambda those: questions.suspects(window, those, streams, MOST), part, asked))
        if len(keys) > SUSPECTS_MAX:
            raise over_budget(budget)
    found = events.many([from_sort_key(key)[1] for key in sorted(keys)])
    sources = Counter[str]()
    for source, _, count, _ in seen:
        sources[source] += count
    return RuleHuntResult(
        alerts=detect(found.values(), rules),
        looked_at=len(found),
        scanned=sources.total(),
        sources=dict(sorted(sources.items())),
        took=Duration(0),
        query=";\n\n".join(questions.sql(one, engine.dialect) for one in asked),
    )


def _suspects(
    engine: Engine, ask: Callable[[Sequence[RuleIR]], Table], rules: Sequence[RuleIR], asked: list[Table]
) -> set[str]:
    """Returns the sort keys that rules can hold of, asked in halves where memory is short. Notes what was `asked`."""
    question = ask(rules)
    try:
        found = {key for (key,) in engine.rows(question)}
    except MemoryShortError:
        if len(rules) == 1:
            raise
        half = len(rules) // 2
        return _suspects(engine, ask, rules[:half], asked) | _suspects(engine, ask, rules[half:], asked)
    asked.append(question)
    return found


def _row(row: tuple[Any, ...]) -> Row:
    *values, events, least, greatest = row
    (first, first_id), (last, last_id) = from_sort_key(least), from_sort_key(greatest)
    return Row(
        values=tuple(None if value is None else str(value) for value in values),
        count=events,
        first=first,
        last=last,
        events=tuple(dict.fromkeys((first_id, last_id))),
    )

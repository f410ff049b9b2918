"""Engines that answer expressions over segments."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from ibis.expr.types import Table  # type: ignore[import-untyped]

from safeconduct.adapters.hunts.questions import found, grouped, overview
from safeconduct.adapters.hunts.rows import from_sort_key
from safeconduct.kernel.instants import Duration
from safeconduct.soc.hunts.model import Budget, Hunt, HuntResult, Row, over_budget

Rows = Sequence[tuple[Any, ...]]


class Engine(Protocol):
    """Answers expressions over the table `events`, read from Parquet files."""

    def read(self, segments: Sequence[Path]) -> None:
        """Takes these files as the table from now on."""
        ...

    def rows(self, table: Table) -> Rows:
        """Returns an expression's rows, in its order."""
        ...


def answer(engine: Engine, hunt: Hunt, budget: Budget) -> HuntResult:
    """Returns what a hunt found; whoever asked knows how long it took.

    Raises:
        LimitedError: it would look at more events than its budget has (`hunt-over-budget`).
    """
    seen = engine.rows(overview(hunt))
    scanned, counted = sum(row[1] for row in seen), sum(row[2] for row in seen)
    if scanned > budget.scanned:
        raise over_budget(budget)
    return HuntResult(
        rows=tuple(map(_row, engine.rows(grouped(hunt)))) if hunt.group and counted else (),
        events=tuple(from_sort_key(key)[1] for (key,) in engine.rows(found(hunt)))
        if counted and not hunt.group
        else (),
        counted=counted,
        scanned=scanned,
        sources=dict(sorted((row[0], row[1]) for row in seen)),
        took=Duration(0),
    )


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

"""Engines that answer expressions over segments."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from ibis.expr.types import Table  # type: ignore[import-untyped]

from safeconduct.adapters.hunts import questions
from safeconduct.adapters.hunts.rows import from_sort_key
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Duration
from safeconduct.soc.hunts.model import (
    Budget,
    Hunt,
    HuntResult,
    Order,
    Reach,
    Row,
    over_budget,
)

Rows = Sequence[tuple[Any, ...]]


class Engine(Protocol):
    """Answers queries of the table `events`, read from Parquet files. `dialect` is Ibis's name of its SQL."""

    dialect: str

    def read(self, segments: Sequence[Path]) -> None:
        """Takes these files as the table from now on."""
        ...

    def rows(self, query: str) -> Rows:
        """Returns the rows of a query in its SQL, in its order.

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
    sources = {row[0]: row[1] for row in rows_of(engine, questions.scanned(hunt))}
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
    rows = rows_of(engine, questions.grouped(hunt, hunt.limit + 1))
    count = _counted(engine, hunt) if len(rows) > hunt.limit else sum(row[len(hunt.group)] for row in rows)
    return count, tuple(map(_row, rows[: hunt.limit])), ()


def _found(engine: Engine, hunt: Hunt) -> tuple[int, tuple[Row, ...], tuple[EventId, ...]]:
    keys = [key for (key,) in rows_of(engine, questions.some(hunt, hunt.limit + 1))]
    count = len(keys)
    if count > hunt.limit:
        keys, count = [key for (key,) in rows_of(engine, questions.found(hunt))], _counted(engine, hunt)
    ordered = sorted(keys, reverse=hunt.order is Order.NEWEST)
    return count, (), tuple(from_sort_key(key)[1] for key in ordered)


def rows_of(engine: Engine, asked: Table) -> Rows:
    """Returns an expression's rows, in its order."""
    return engine.rows(questions.sql(asked, engine.dialect))


def _counted(engine: Engine, hunt: Hunt) -> int:
    ((count,),) = rows_of(engine, questions.counted(hunt))
    return int(count)


class MemoryShortError(UnavailableError):
    """A query takes more memory than an engine has: a part of it may not."""

    def __init__(self, said: str) -> None:
        super().__init__(f"the engine has no memory for it: {said}", code="hunts-unavailable")


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

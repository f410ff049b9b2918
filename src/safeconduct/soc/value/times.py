"""How long incidents took: from the alert, and from when they were opened, to triage, review and closing."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from safeconduct.kernel.instants import DAY, SECOND, Duration, Instant
from safeconduct.kernel.shares import quantile
from safeconduct.soc.value.model import Course

BACKFILL: Duration = DAY
"""How long before an incident was opened its first alert may lie. What is older was brought in as history, and says
nothing about how fast anybody is."""


class Start(StrEnum):
    """What a clock starts with."""

    ALERT = "alert"
    OPENED = "opened"


class Finish(StrEnum):
    """What a clock ends with."""

    TRIAGE = "triage"
    REVIEW = "review"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How long it took, in whole seconds, over the `n` incidents that got so far; None where there are none.

    `waiting` have not got there: with them the times would be longer. `left_out` are history, or have a clock that
    runs backwards.
    """

    start: Start
    finish: Finish
    n: int
    median_s: int | None
    p90_s: int | None
    waiting: int
    left_out: int


def spreads(courses: Iterable[Course]) -> tuple[Spread, ...]:
    """Returns every clock's spread over the courses."""
    known = list(courses)
    return tuple(_spread(known, start, finish) for start in Start for finish in Finish)


def _spread(courses: list[Course], start: Start, finish: Finish) -> Spread:
    used = [one for one in courses if start is Start.OPENED or 0 <= one.opened_at - one.alert_at <= BACKFILL]
    taken = [(ended - _begun(one, start)) for one in used if (ended := _ended(one, finish)) is not None]
    sound = sorted(one // SECOND for one in taken if one >= 0)
    return Spread(
        start=start,
        finish=finish,
        n=len(sound),
        median_s=quantile(sound, 50),
        p90_s=quantile(sound, 90),
        waiting=len(used) - len(taken),
        left_out=len(courses) - len(used) + len(taken) - len(sound),
    )


def _begun(course: Course, start: Start) -> Instant:
    return course.alert_at if start is Start.ALERT else course.opened_at


def _ended(course: Course, finish: Finish) -> Instant | None:
    match finish:
        case Finish.TRIAGE:
            return course.triaged_at
        case Finish.REVIEW:
            return course.reviewed_at
        case Finish.CLOSE:
            return course.closed_at

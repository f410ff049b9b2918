"""The report on value: all figures over the incidents of a stretch of time, and risk beside return, by path."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from safeconduct.access.unit_costs import UnitCosts
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import PathId
from safeconduct.kernel.instants import DAY, Duration, Instant, rfc3339
from safeconduct.soc.value.asks import Asks, Load, load
from safeconduct.soc.value.costs import Costs, costs
from safeconduct.soc.value.effect import Effect, effect, unchecked_effect
from safeconduct.soc.value.mistakes import FalseNegatives, FalsePositives, false_negatives, false_positives
from safeconduct.soc.value.model import Course, answers_of
from safeconduct.soc.value.rows import Row, rows
from safeconduct.soc.value.steps import Steps, steps
from safeconduct.soc.value.times import Spread, spreads

STRETCH_MAX = Duration(366 * DAY)
"""The longest stretch of time of one report: a year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The incidents opened from `since` on and before `until`, and what became of them up to now.

    Raises:
        InvalidInputError: `window-invalid`: it is empty, or over STRETCH_MAX.
    """

    since: Instant
    until: Instant
    path: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.until - self.since <= STRETCH_MAX:
            raise InvalidInputError(
                f"expected a stretch of time of up to {STRETCH_MAX // DAY} days "
                f"that begins before it ends, got {rfc3339(self.since)} to {rfc3339(self.until)}",
                code="window-invalid",
            )

    def holds(self, at: Instant) -> bool:
        """Tells whether an instant lies in it."""
        return self.since <= at < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One path's return and risk, side by side, over the incidents that it answered about.

    Return: what its verdicts got right and the rules did not, events that no alert held. Risk: what they got wrong and
    the rules did not, claims that did not hold, attacks it closed as none at most, and what it cost.
    """

    path: PathId
    incidents: int
    answers: int
    effect: Effect
    steps: Steps
    claims: int
    rejected: int
    false_negatives: FalseNegatives
    model_micro_usd: int
    unmetered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueReport:
    """All of it. `declared` are the unit costs it counts with."""

    stretch: Stretch
    declared: UnitCosts
    open: int
    times: tuple[Spread, ...]
    costs: Costs
    false_positives: FalsePositives
    false_negatives: FalseNegatives
    effect: Effect
    unchecked: Effect
    steps: Steps
    asks: Load
    balances: tuple[Balance, ...]
    rows: tuple[Row, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What stands above the figures."""
        return (self.asks.warning,) if self.asks.warning else ()


def report(courses: Iterable[Course], asks: Asks, declared: UnitCosts, stretch: Stretch) -> ValueReport:
    """Returns the report over the courses in the stretch, where a path is named those that it answered about."""
    known = [narrowed for one in courses if stretch.holds(one.opened_at) and (narrowed := _on(one, stretch.path))]
    paths = sorted({answer.path for one in known for answer in one.answers})
    return ValueReport(
        stretch=stretch,
        declared=declared,
        open=sum(one.closed is None for one in known),
        times=spreads(known),
        costs=costs(known, declared),
        false_positives=false_positives(known, declared),
        false_negatives=false_negatives(known, declared, stretch.path),
        effect=effect(known),
        unchecked=unchecked_effect(known),
        steps=steps(known),
        asks=load(asks, declared, stretch.since, stretch.until),
        balances=tuple(_balance(path, known, declared) for path in paths),
        rows=rows(known),
    )


def _on(course: Course, path: str) -> Course | None:
    """Returns a course with what one path had to do with it; None if it had nothing to do with it."""
    if not path:
        return course
    answers = tuple(one for one in course.answers if one.path == path)
    return replace(course, answers=answers) if answers else None


def _balance(path: PathId, courses: Iterable[Course], declared: UnitCosts) -> Balance:
    own = [narrowed for one in courses if (narrowed := _on(one, path))]
    answers = answers_of(own)
    spent = costs(own, declared)
    return Balance(
        path=path,
        incidents=len(own),
        answers=len(answers),
        effect=effect(own),
        steps=steps(own),
        claims=sum(one.claims for one in answers),
        rejected=sum(one.claims - one.verified for one in answers),
        false_negatives=false_negatives(own, declared, path),
        model_micro_usd=spent.model_micro_usd,
        unmetered=spent.unmetered,
    )

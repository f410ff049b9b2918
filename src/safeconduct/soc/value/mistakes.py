"""What errors cost: incidents that were none, and attacks that were closed as none."""

from collections.abc import Iterable
from dataclasses import dataclass

from safeconduct.access.unit_costs import UnitCosts
from safeconduct.kernel.shares import wilson
from safeconduct.soc.autonomy.look_events import Look, LookOutcome
from safeconduct.soc.incidents.closing import Closed
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.value.model import Course


@dataclass(frozen=True, slots=True, kw_only=True)
class FalsePositives:
    """Incidents that people found to be none, of those they judged. Their cost is None where the program says none."""

    counted: int
    benign: int
    of: int
    micro_usd: int | None

    @property
    def share(self) -> tuple[float, float]:
        """Where the share lies of incidents that are none, in 95 of 100 cases."""
        return wilson(self.counted, self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseNegatives:
    """Attacks that were closed as none.

    `reopened` were closed so and are known as attacks since. Of `closed_by_model` closings as none, people looked at
    `looked` again and found `missed` attacks; how many there may be among all of them is `least` to `most`, by that
    share's interval. Money in micro-USD, None where the program states no cost.
    """

    reopened: int
    closed_by_model: int
    looked: int
    missed: int
    unit_micro_usd: int | None

    @property
    def least(self) -> float:
        """How many attacks a model closed as none, at least, in 95 of 100 cases."""
        return max(float(self.missed), self.closed_by_model * wilson(self.missed, self.looked)[0])

    @property
    def most(self) -> float:
        """How many attacks a model closed as none, at most, in 95 of 100 cases."""
        return self.closed_by_model * wilson(self.missed, self.looked)[1]

    @property
    def micro_usd(self) -> tuple[int, int] | None:
        """What these cost, at least and at most."""
        unit = self.unit_micro_usd
        return None if unit is None else (round(self.least * unit), round(self.most * unit))


def false_positives(courses: Iterable[Course], declared: UnitCosts) -> FalsePositives:
    """Returns what people found to be none."""
    found = [one.found for one in courses if one.found is not None]
    counted, unit = found.count(Judgment.FALSE_POSITIVE), declared.false_positive_micro_usd
    return FalsePositives(
        counted=counted,
        benign=found.count(Judgment.BENIGN_POSITIVE),
        of=len(found),
        micro_usd=None if unit is None else counted * unit,
    )


def false_negatives(courses: Iterable[Course], declared: UnitCosts, path: str = "") -> FalseNegatives:
    """Returns what was closed as none and is an attack, as far as anybody looked; of one path's closings, or of all."""
    known = [(course, _as_none(course, path)) for course in courses]
    closings = {one.entry: one for _, closed in known for one in closed}
    looks = [one for course, _ in known for one in course.looks if one.done and one.due.closing in closings]
    return FalseNegatives(
        reopened=sum(_came_back(course, closed) for course, closed in known),
        closed_by_model=sum(one.by_model for one in closings.values()),
        looked=len(looks),
        missed=sum(map(_missed, looks)),
        unit_micro_usd=declared.false_negative_micro_usd,
    )


def _as_none(course: Course, path: str) -> list[Closed]:
    return [
        one
        for one in course.closings
        if one.closed.disposition is not Judgment.TRUE_POSITIVE and path in ("", one.closed.path)
    ]


def _missed(look: Look) -> bool:
    done = look.done
    overturned = done is not None and done.outcome is LookOutcome.OVERTURNED
    return overturned and done is not None and done.disposition is Judgment.TRUE_POSITIVE


def _came_back(course: Course, closed: list[Closed]) -> bool:
    """Tells whether a closing as none was ended, and people say now that it is an attack."""
    return course.found is Judgment.TRUE_POSITIVE and not all(one.stands for one in closed)

"""What incidents cost: models as they were metered, people by the minutes that the program declares.

A sum is complete only if every part of it is known; else it is told as the least that it can be, and what is missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from safeconduct.access.unit_costs import UnitCosts, Work
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.value.model import Course, answers_of

_MINUTES_OF_AN_HOUR = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What some incidents cost. Money is in micro-USD.

    `unmetered` counts answers of which nobody can say what they cost. `pieces` counts what people did; of the kinds
    in `undeclared` the program does not say what they take. `priced` tells whether it says what an hour costs.
    """

    incidents: int
    true_positives: int
    answers: int
    unmetered: int
    model_micro_usd: int
    pieces: Mapping[Work, int]
    minutes: int
    undeclared: tuple[Work, ...]
    priced: bool
    people_micro_usd: int

    @property
    def people_known(self) -> bool:
        """Whether nothing is missing from what people cost."""
        return not self.undeclared and (self.priced or not self.minutes)

    @property
    def complete(self) -> bool:
        """Whether nothing is missing from the sums."""
        return self.people_known and not self.unmetered

    @property
    def micro_usd(self) -> int:
        """What is known of all that it cost: the least."""
        return self.model_micro_usd + self.people_micro_usd

    @property
    def per_incident(self) -> int | None:
        """The same by incident, rounded down; None for none."""
        return self.micro_usd // self.incidents if self.incidents else None

    @property
    def per_true_positive(self) -> int | None:
        """All of it, by incident that people found to be an attack; None for none."""
        return self.micro_usd // self.true_positives if self.true_positives else None


def costs(courses: Iterable[Course], declared: UnitCosts) -> Costs:
    """Returns what the courses cost."""
    known = list(courses)
    answers = answers_of(known)
    spent = [one.micro_usd for one in answers if one.micro_usd is not None]
    pieces = _pieces(known)
    minutes = sum(count * declared.minutes.get(work, 0) for work, count in pieces.items())
    return Costs(
        incidents=len(known),
        true_positives=sum(one.found is Judgment.TRUE_POSITIVE for one in known),
        answers=len(answers),
        unmetered=len(answers) - len(spent),
        model_micro_usd=sum(spent),
        pieces=pieces,
        minutes=minutes,
        undeclared=tuple(work for work, count in pieces.items() if count and work not in declared.minutes),
        priced=declared.hour_micro_usd is not None,
        people_micro_usd=minutes * (declared.hour_micro_usd or 0) // _MINUTES_OF_AN_HOUR,
    )


def _pieces(courses: Sequence[Course]) -> dict[Work, int]:
    return {
        Work.TRIAGE: sum(one.triaged_at is not None for one in courses),
        Work.REVIEW: sum(one.decision is not None for one in answers_of(courses)),
        Work.CLOSE: sum(not closing.by_model for one in courses for closing in one.closings),
        Work.LOOK: sum(look.done is not None for one in courses for look in one.looks),
        Work.VOTE: sum(one.votes for one in courses),
    }

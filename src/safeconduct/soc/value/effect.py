"""What a model changed: the same incidents by the rules alone, by rules and model, and as people found them to be.

Rules alone say that each incident they open is an attack. With a model it is what its last verified verdict before the
closing says, or the rules' word where it gave none.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from safeconduct.kernel.shares import mcnemar, wilson
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.value.model import Answer, Course


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Two ways of judging the same incidents, attack or none, held against what people found.

    `n` are those that people judged, `spoke` those of them on which the model gave a verdict.
    """

    n: int
    spoke: int
    both_right: int
    only_rules: int
    only_model: int
    neither: int

    @property
    def rules_share(self) -> tuple[float, float]:
        """Where the share lies that the rules alone judge right, in 95 of 100 cases."""
        return wilson(self.both_right + self.only_rules, self.n)

    @property
    def model_share(self) -> tuple[float, float]:
        """Where the share lies that rules and model together judge right, in 95 of 100 cases."""
        return wilson(self.both_right + self.only_model, self.n)

    @property
    def by_chance(self) -> float:
        """How likely so uneven a difference, or a greater one, would be if the model changed nothing."""
        return mcnemar(self.only_rules, self.only_model)


def effect(courses: Iterable[Course]) -> Effect:
    """Returns what verified verdicts changed."""
    return _effect(courses, lambda one: one.judgment)


def unchecked_effect(courses: Iterable[Course]) -> Effect:
    """Returns what verdicts would have changed if those that the check rejected had counted, too."""
    return _effect(courses, lambda one: one.said)


def _effect(courses: Iterable[Course], verdict: Callable[[Answer], Judgment | None]) -> Effect:
    judged = [one for one in courses if one.found is not None]
    verdicts = [_last(one, verdict) for one in judged]
    attacks = [one.found is Judgment.TRUE_POSITIVE for one in judged]
    pairs = [
        (attack, (verdict in (None, Judgment.TRUE_POSITIVE)) is attack)
        for attack, verdict in zip(attacks, verdicts, strict=True)
    ]
    return Effect(
        n=len(judged),
        spoke=sum(one is not None for one in verdicts),
        both_right=pairs.count((True, True)),
        only_rules=pairs.count((True, False)),
        only_model=pairs.count((False, True)),
        neither=pairs.count((False, False)),
    )


def _last(course: Course, verdict: Callable[[Answer], Judgment | None]) -> Judgment | None:
    until = course.closed_at
    given = [one for one in course.answers if verdict(one) is not None and (until is None or one.at <= until)]
    return verdict(max(given, key=lambda one: (one.at, one.call))) if given else None

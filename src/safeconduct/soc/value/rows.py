"""What models answered, by path, model, version of the prompt, and week."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from safeconduct.kernel.ids import PathId
from safeconduct.kernel.instants import SECOND, Instant
from safeconduct.soc.autonomy.review_events import Decision
from safeconduct.soc.value.effect import Effect, effect
from safeconduct.soc.value.model import Answer, Course, answers_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one model answered on one path to one version of a prompt, about incidents that were opened in one week.

    The week is ISO 8601's, from Monday in UTC. `beyond` counts events that verified claims cite and no alert holds.
    """

    path: PathId
    model: str
    prompt: str
    week: str
    incidents: int
    answers: int
    claims: int
    verified: int
    accepted: int
    corrected: int
    rejected: int
    effect: Effect
    beyond: int
    model_micro_usd: int
    unmetered: int


def rows(courses: Iterable[Course]) -> tuple[Row, ...]:
    """Returns the rows, by week, path, model and prompt."""
    grouped: dict[tuple[str, str, str, str], list[Course]] = defaultdict(list)
    for course in courses:
        parts: dict[tuple[str, str, str], list[Answer]] = defaultdict(list)
        for one in course.answers:
            parts[one.path, one.model, one.prompt].append(one)
        for key, answers in parts.items():
            grouped[_week(course.opened_at), *key].append(replace(course, answers=tuple(answers)))
    return tuple(_row(*key, of) for key, of in sorted(grouped.items()))


def _row(week: str, path: str, model: str, prompt: str, courses: Sequence[Course]) -> Row:
    given = answers_of(courses)
    decided = [one.decision for one in given]
    return Row(
        path=PathId(path),
        model=model,
        prompt=prompt,
        week=week,
        incidents=len(courses),
        answers=len(given),
        claims=sum(one.claims for one in given),
        verified=sum(one.verified for one in given),
        accepted=decided.count(Decision.ACCEPTED),
        corrected=decided.count(Decision.CORRECTED),
        rejected=decided.count(Decision.REJECTED),
        effect=effect(courses),
        beyond=len(frozenset[str]().union(*(one.beyond for one in given))),
        model_micro_usd=sum(one.micro_usd or 0 for one in given),
        unmetered=sum(one.micro_usd is None for one in given),
    )


def _week(at: Instant) -> str:
    year, week, _ = datetime.fromtimestamp(at // SECOND, UTC).isocalendar()
    return f"{year}-W{week:02d}"

"""What judgments of one kind say of each incident: it counts once, by the worst that was said of it.

An incident that grew, or that people regrouped, is the same one: its findings go on under the name it has now.
"""

from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from safeconduct.kernel.ids import IncidentId, PrincipalId


class _OfIncident(Protocol):
    @property
    def incident(self) -> IncidentId: ...


T = TypeVar("T", bound=_OfIncident)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """People judged so many answers about an incident, or closings of it, good and bad; `by` are these people."""

    incident: IncidentId
    good: int
    bad: int
    by: tuple[PrincipalId, ...]

    @property
    def holds(self) -> bool:
        """True while every judgment was good: asking until an answer pleases makes nothing good."""
        return not self.bad


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Of the answer about an incident that held least: `verified` of `claims`, at least one. `answers` were checked."""

    incident: IncidentId
    answers: int
    verified: int
    claims: int


def with_judged(known: tuple[Judged, ...], one: Judged) -> tuple[Judged, ...]:
    """Returns the findings with one more. What makes an incident bad moves it to the end, as the latest."""
    former, others = _taken(known, one.incident)
    if former is None:
        return (*known, one)
    by = tuple(dict.fromkeys((*former.by, *one.by)))
    both = Judged(incident=one.incident, good=former.good + one.good, bad=former.bad + one.bad, by=by)
    return (*others, both) if one.bad else _in_place(known, both)


def with_checked(known: tuple[Checked, ...], one: Checked) -> tuple[Checked, ...]:
    """Returns the findings with one more. An answer that held less than those before moves its incident to the end."""
    former, others = _taken(known, one.incident)
    if former is None:
        return (*known, one)
    answers = former.answers + one.answers
    if one.verified * former.claims < former.verified * one.claims:
        return (*others, replace(one, answers=answers))
    return _in_place(known, replace(former, answers=answers))


def _taken(known: tuple[T, ...], incident: IncidentId) -> tuple[T | None, tuple[T, ...]]:
    former = next((one for one in known if one.incident == incident), None)
    return former, tuple(one for one in known if one is not former)


def _in_place(known: tuple[T, ...], one: T) -> tuple[T, ...]:
    return tuple(one if other.incident == one.incident else other for other in known)

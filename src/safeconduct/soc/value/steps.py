"""Attack steps that a model found and rules did not: events that its verified claims cite and no alert holds.

A technique is verified only where an alert points to it (docs/spec/grounding.md, rule 6). So a model brings no
technique of its own; it can bring an event that no rule fired on, and a technique that the rules' claims left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from safeconduct.soc.value.model import Course


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Over some incidents: events beyond every alert that a model's verified claims cite, and in how many incidents.

    Of techniques: pairs of incident and technique, by whose verified claims.
    """

    events: int
    incidents: int
    techniques_by_both: int
    techniques_by_rules: int
    techniques_by_model: int


def steps(courses: Iterable[Course]) -> Steps:
    """Returns what the models' verified claims brought beyond the rules'."""
    known = list(courses)
    beyond = [frozenset[str]().union(*(one.beyond for one in course.answers)) for course in known]
    said = [frozenset[str]().union(*(one.techniques for one in course.answers)) for course in known]
    ruled = [one.techniques for one in known]
    return Steps(
        events=len(frozenset[str]().union(*beyond)),
        incidents=sum(map(bool, beyond)),
        techniques_by_both=sum(len(a & b) for a, b in zip(ruled, said, strict=True)),
        techniques_by_rules=sum(len(a - b) for a, b in zip(ruled, said, strict=True)),
        techniques_by_model=sum(len(b - a) for a, b in zip(ruled, said, strict=True)),
    )

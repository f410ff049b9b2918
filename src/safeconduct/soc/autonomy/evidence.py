"""What speaks for a path's model and against it, and which level that carries. Numbers alone; nothing is read here.

docs/spec/autonomy.md, section 3. What counts is incidents, each once for each kind of judgment, however many answers
about it were judged. Of everything the last WINDOW count: a model that was good for a year and is no longer is found
out as fast as a new one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from safeconduct.kernel.ids import IncidentId
from safeconduct.kernel.shares import wilson
from safeconduct.soc.autonomy.findings import Checked, Judged, with_checked, with_judged
from safeconduct.soc.autonomy.model import Autonomy

WINDOW = 50
"""Incidents that count of each kind of judgment, the latest: as many as the highest level asks for."""

JUDGED_MIN = 5
"""Incidents below which no share is judged: one person's bad day is not the model's."""

CLAIMS_MIN = 20
"""Claims below which the verified share is not judged: about two answers."""

CONFIRMED_MIN = 0.9
"""The share of second looks that must confirm a model's closings: at most one in ten may be wrong."""


class Loss(StrEnum):
    """Why a level was lost without anybody's act."""

    REVIEWS = "reviews"
    CLAIMS = "claims"
    LOOKS = "looks"
    MISSED = "missed"
    OVERDUE = "look-overdue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of how many."""

    found: int
    of: int

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval: where the share lies in 95 of 100 cases."""
        return wilson(self.found, self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What came in since the level last changed, by incident: of reviews, of second looks, of checked claims."""

    by_review: tuple[Judged, ...] = ()
    by_look: tuple[Judged, ...] = ()
    by_claims: tuple[Checked, ...] = ()

    def renamed(self, name: Callable[[IncidentId], IncidentId]) -> "Evidence":
        """Returns it with each incident under the name it has now; what became one incident is one."""
        found = Evidence()
        for review in self.by_review:
            found = found.reviewed(replace(review, incident=name(review.incident)))
        for look in self.by_look:
            found = found.looked(replace(look, incident=name(look.incident)))
        for answer in self.by_claims:
            found = found.answered(replace(answer, incident=name(answer.incident)))
        return found

    def reviewed(self, one: Judged) -> "Evidence":
        """Returns it with what reviews say of an incident."""
        return replace(self, by_review=with_judged(self.by_review, one)[-WINDOW:])

    def looked(self, one: Judged) -> "Evidence":
        """Returns it with what second looks say of an incident."""
        return replace(self, by_look=with_judged(self.by_look, one)[-WINDOW:])

    def answered(self, one: Checked) -> "Evidence":
        """Returns it with what became of the claims of an answer about an incident."""
        return replace(self, by_claims=with_checked(self.by_claims, one)[-WINDOW:])

    @property
    def accepted(self) -> Share:
        """Incidents of which people accepted every answer that they reviewed, of those with one reviewed."""
        return _holding(self.by_review)

    @property
    def answers(self) -> Share:
        """Answers that people accepted, of those they reviewed, about these incidents."""
        return _of_all(self.by_review)

    @property
    def confirmed(self) -> Share:
        """Incidents of which second looks confirmed every closing that they looked at."""
        return _holding(self.by_look)

    @property
    def looks(self) -> Share:
        """Closings that second looks confirmed, of those looked at, of these incidents."""
        return _of_all(self.by_look)

    @property
    def verified(self) -> Share:
        """Claims that the checker verified, of those made: of each incident in the answer that held least."""
        return Share(found=sum(one.verified for one in self.by_claims), of=sum(one.claims for one in self.by_claims))

    @property
    def grounded(self) -> Share:
        """How much of their claims was verified, summed over incidents and rounded down, of so many incidents.

        Shares between 0 and 1 scatter no wider than yes and no do: Wilson's interval of this errs on the wide side.
        """
        return Share(
            found=int(sum(Fraction(one.verified, one.claims) for one in self.by_claims)), of=len(self.by_claims)
        )


def _holding(judged: tuple[Judged, ...]) -> Share:
    return Share(found=sum(one.holds for one in judged), of=len(judged))


def _of_all(judged: tuple[Judged, ...]) -> Share:
    return Share(found=sum(one.good for one in judged), of=sum(one.good + one.bad for one in judged))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What a level takes: incidents reviewed, the least share accepted, the least share of claims verified."""

    reviewed: int
    accepted: float
    verified: float


BARS: Mapping[Autonomy, Bar] = {
    Autonomy.ADVISE: Bar(reviewed=0, accepted=0.0, verified=0.0),
    Autonomy.TRIAGE: Bar(reviewed=10, accepted=0.5, verified=0.0),
    Autonomy.HUNT: Bar(reviewed=20, accepted=0.7, verified=0.2),
    Autonomy.ACT: Bar(reviewed=50, accepted=0.85, verified=0.7),
}
"""By level. A share must be above its bar in 95 of 100 cases to earn the level, and below it in as many to lose it."""


def too_few(level: Autonomy, evidence: Evidence) -> str:
    """Returns how many incidents a level wants reviewed and how many there are; empty where these are enough."""
    wanted, accepted = BARS[level].reviewed, evidence.accepted
    if accepted.of >= wanted:
        return ""
    return f"{accepted.of} of {wanted} distinct incidents reviewed, by {evidence.answers.of} answers"


def lacking(level: Autonomy, evidence: Evidence) -> Iterator[str]:
    """Yields what the evidence lacks for a level, in words; nothing where it carries the level."""
    bar, accepted, verified, grounded = BARS[level], evidence.accepted, evidence.verified, evidence.grounded
    if few := too_few(level, evidence):
        yield few
    if accepted.interval[0] < bar.accepted:
        yield f"the share of incidents accepted is at least {accepted.interval[0]:.3f}, expected {bar.accepted}"
    if bar.verified and verified.of < CLAIMS_MIN:
        yield f"{verified.of} of {CLAIMS_MIN} claims checked"
    if bar.verified and grounded.of < JUDGED_MIN:
        yield f"claims about {grounded.of} of {JUDGED_MIN} incidents checked"
    surely = min(verified.interval[0], grounded.interval[0])
    if surely < bar.verified:
        yield f"the share of claims verified is at least {surely:.3f}, expected {bar.verified}"


def lost(level: Autonomy, evidence: Evidence) -> Loss | None:
    """Returns why the evidence takes a level away, or None: it does not."""
    bar = BARS[level]
    if _below(evidence.accepted, JUDGED_MIN, bar.accepted):
        return Loss.REVIEWS
    if _below(evidence.verified, CLAIMS_MIN, bar.verified):
        return Loss.CLAIMS
    if level is Autonomy.ACT and _below(evidence.confirmed, JUDGED_MIN, CONFIRMED_MIN):
        return Loss.LOOKS
    return None


def _below(share: Share, least: int, bar: float) -> bool:
    return share.of >= least and share.interval[1] < bar

"""What speaks for a path's model and against it, and which level that carries. Numbers alone; nothing is read here.

docs/spec/autonomy.md, section 3. Of everything the last WINDOW count: a model that was good for a year and is no
longer is found out as fast as a new one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from safeconduct.kernel.shares import wilson
from safeconduct.soc.autonomy.model import Autonomy

WINDOW = 50
"""Reviews, second looks and answers that count, the latest: as many as the highest level asks for."""

JUDGED_MIN = 5
"""Reviews or second looks below which no share is judged: one person's bad day is not the model's."""

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
    """What came in since the level last changed: True for an answer accepted, a closing confirmed.

    `claims` has how many claims of each answer were verified, and how many there were.
    """

    reviews: tuple[bool, ...] = ()
    looks: tuple[bool, ...] = ()
    claims: tuple[tuple[int, int], ...] = ()

    def reviewed(self, *, accepted: bool) -> "Evidence":
        """Returns it with one more review."""
        return replace(self, reviews=(*self.reviews, accepted)[-WINDOW:])

    def looked(self, *, confirmed: bool) -> "Evidence":
        """Returns it with one more second look."""
        return replace(self, looks=(*self.looks, confirmed)[-WINDOW:])

    def answered(self, verified: int, claims: int) -> "Evidence":
        """Returns it with one more answer."""
        return replace(self, claims=(*self.claims, (verified, claims))[-WINDOW:])

    @property
    def accepted(self) -> Share:
        """Answers that people accepted, of those they reviewed."""
        return Share(found=sum(self.reviews), of=len(self.reviews))

    @property
    def confirmed(self) -> Share:
        """Closings that second looks confirmed, of those looked at."""
        return Share(found=sum(self.looks), of=len(self.looks))

    @property
    def verified(self) -> Share:
        """Claims that the checker verified, of those made."""
        return Share(found=sum(one for one, _ in self.claims), of=sum(of for _, of in self.claims))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What a level takes: answers reviewed, the least share accepted, the least share of claims verified."""

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


def lacking(level: Autonomy, evidence: Evidence) -> Iterator[str]:
    """Yields what the evidence lacks for a level, in words; nothing where it carries the level."""
    bar, accepted, verified = BARS[level], evidence.accepted, evidence.verified
    if accepted.of < bar.reviewed:
        yield f"{accepted.of} of {bar.reviewed} answers reviewed"
    if accepted.interval[0] < bar.accepted:
        yield f"the share accepted is at least {accepted.interval[0]:.3f}, expected {bar.accepted}"
    if bar.verified and verified.of < CLAIMS_MIN:
        yield f"{verified.of} of {CLAIMS_MIN} claims checked"
    if verified.interval[0] < bar.verified:
        yield f"the share of claims verified is at least {verified.interval[0]:.3f}, expected {bar.verified}"


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

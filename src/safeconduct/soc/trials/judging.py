"""What a trial shows, and whether that is enough to promote: pure functions of its pairs.

docs/spec/trials.md, section 3.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from safeconduct.kernel.shares import difference_at_least, mcnemar, wilson
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.prompts.model import PromptKind
from safeconduct.soc.trials.model import Answer, Case, Pair

MARGIN = 0.10
"""How much worse a share may be and still count as not worse."""

PAIRS_MIN = 25
"""Pairs that a promotion takes: with fewer the lower bound stays below -MARGIN even where both always agree."""

SIDE_MIN = 5
"""Incidents of each side, attacks and others, that a promotion of what judges takes: or always yes would pass."""

UNEVEN = 0.05
"""How unlikely pairs that got worse have to be, were both alike, for it to count against the new version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one version brought in all pairs."""

    claims: int
    verified: int
    unreadable: int
    failed: int
    right: int
    tokens: int
    micro_usd: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rightness:
    """Of incidents of one side, attacks or others: how many each version judged rightly."""

    cases: int
    candidate: int
    baseline: int

    @property
    def lost(self) -> float:
        """By how much the candidate's share is lower."""
        return round((self.baseline - self.candidate) / self.cases, 9) if self.cases else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two versions, pair by pair, and their verdicts on attacks and on others apart.

    `only_*` got a verdict right that the other got wrong, `lower` bounds the difference. `better` and `worse` count the
    incidents of which the candidate had the larger or the smaller share of its claims verified; `uneven` says how
    likely that is, were both alike.
    """

    pairs: int
    candidate: Side
    baseline: Side
    attacks: Rightness
    others: Rightness
    only_candidate: int
    only_baseline: int
    verdicts_uneven: float
    lower: float
    better: int
    worse: int
    uneven: float


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why a trial is not enough: a stable code, and what was expected and what is."""

    code: str
    text: str


def compare(pairs: Sequence[tuple[Case, Pair]]) -> Comparison:
    """Returns what a trial's pairs show. A pair that failed counts as if the baseline alone had been right."""
    right = [_right(case, pair) for case, pair in pairs]
    attack = [case.disposition is Judgment.TRUE_POSITIVE for case, _ in pairs]
    only = (right.count((True, False)), right.count((False, True)))
    shares = [(_share(pair.candidate), _share(pair.baseline)) for _, pair in pairs]
    better, worse = (sum(one > other for one, other in shares), sum(one < other for one, other in shares))
    return Comparison(
        pairs=len(pairs),
        candidate=_side([pair.candidate for _, pair in pairs], (one for one, _ in right)),
        baseline=_side([pair.baseline for _, pair in pairs], (one for _, one in right)),
        attacks=_rightness(one for one, of_it in zip(right, attack, strict=True) if of_it),
        others=_rightness(one for one, of_it in zip(right, attack, strict=True) if not of_it),
        only_candidate=only[0],
        only_baseline=only[1],
        verdicts_uneven=mcnemar(*only),
        lower=difference_at_least(*only, len(pairs)),
        better=better,
        worse=worse,
        uneven=mcnemar(better, worse),
    )


def shortfalls(kind: PromptKind, found: Comparison, *, planned: int) -> tuple[Shortfall, ...]:
    """Returns what speaks against a promotion; nothing where the candidate is shown to be not worse."""
    short = []
    if found.pairs < planned:
        short.append(Shortfall("trial-unfinished", f"{found.pairs} of {planned} pairs are over"))
    if found.pairs < PAIRS_MIN:
        short.append(Shortfall("trial-too-small", f"{found.pairs} pairs; it takes {PAIRS_MIN}"))
    if not found.candidate.verified:
        short.append(Shortfall("nothing-shown", "no claim that it brought holds: two of no use are alike"))
    if kind is PromptKind.TRIAGE:
        short.extend(_verdicts_short(found))
    lost = round(_verified(found.baseline) - _verified(found.candidate), 9)
    if lost > MARGIN or (found.worse > found.better and found.uneven < UNEVEN):
        text = f"claims hold less often: of {found.worse} incidents, more often of {found.better}; {-lost:+.3f} of all"
        short.append(Shortfall("claims-worse", text))
    return tuple(short)


def _verdicts_short(found: Comparison) -> Iterator[Shortfall]:
    if min(found.attacks.cases, found.others.cases) < SIDE_MIN:
        text = f"{found.attacks.cases} attacks and {found.others.cases} others; it takes {SIDE_MIN} of each"
        yield Shortfall("trial-one-sided", text)
    if found.lower < -MARGIN:
        text = f"the share of right verdicts may be {-found.lower:.3f} lower; {MARGIN:.2f} is the margin"
        yield Shortfall("verdicts-worse", text)
    elif max(found.attacks.lost, found.others.lost) > MARGIN:
        text = f"right verdicts: {-found.attacks.lost:+.3f} of attacks, {-found.others.lost:+.3f} of others"
        yield Shortfall("verdicts-worse", text)


def right_between(side: Side, pairs: int) -> tuple[float, float]:
    """Returns where the share of right verdicts lies, in 95 of 100 cases (Wilson)."""
    return wilson(side.right, pairs)


def _right(case: Case, pair: Pair) -> tuple[bool, bool]:
    if pair.failed:
        return False, True
    wanted = case.disposition
    return pair.candidate.judgment is wanted, pair.baseline.judgment is wanted


def _rightness(right: Iterable[tuple[bool, bool]]) -> Rightness:
    of_both = list(right)
    candidate, baseline = (sum(one[side] for one in of_both) for side in (0, 1))
    return Rightness(cases=len(of_both), candidate=candidate, baseline=baseline)


def _share(answer: Answer) -> float:
    # What can't be read as a claim is one that does not hold; an answer that holds nothing is no good one.
    said = answer.claims + answer.unreadable
    return answer.verified / said if said else 0.0


def _verified(side: Side) -> float:
    said = side.claims + side.unreadable
    return side.verified / said if said else 0.0


def _side(answers: Sequence[Answer], right: Iterable[bool]) -> Side:
    spent = [one.micro_usd for one in answers if one.micro_usd is not None]
    return Side(
        claims=sum(one.claims for one in answers),
        verified=sum(one.verified for one in answers),
        unreadable=sum(one.unreadable for one in answers),
        failed=sum(bool(one.failed) for one in answers),
        right=sum(right),
        tokens=sum(one.tokens for one in answers),
        micro_usd=sum(spent) if len(spent) == len(answers) else None,
    )

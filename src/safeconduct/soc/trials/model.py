"""A trial: two versions of a prompt, asked about the same incidents that people closed, pair by pair.

docs/spec/trials.md, section 2. States as a table: a pair waits, is asked, and is over; what failed waits again.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from safeconduct.kernel.ids import EntryId, IncidentId, PathId, PrincipalId
from safeconduct.kernel.instants import MINUTE, Duration, Instant
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.prompts.model import PromptKind

CASES_MAX = 200
"""Incidents of one trial: what is learned of more is worth less than their calls cost."""

TOKENS_MAX = 10_000_000
"""Tokens that a trial may be given: 200 incidents, hunts of both versions, wide questions are half of that."""

ATTEMPTS_MAX = 3
"""Times that a pair is asked before what failed of it counts as wrong: a model that never answers is no good one."""

LEASE = Duration(15 * MINUTE)
"""How long a pair that was begun and not recorded is another process's: longer than its calls may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An incident that a person closed, and as what."""

    incident: IncidentId
    disposition: Judgment


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPlan:
    """What a trial compares, on which incidents, for how many tokens at most.

    It goes through one version of a path, which `path_digest` names.
    """

    kind: PromptKind
    candidate: str
    baseline: str
    path: PathId
    path_digest: str
    principal: PrincipalId
    model: str
    tokens_max: int
    cases: tuple[Case, ...]
    owner: str = HOUSE_OWNED


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one version brought about one incident, in numbers. `failed` is why no model answered, else empty.

    `judgment` is the verdict as it was said, whatever the check made of it; `calls` are the governed calls.
    """

    calls: tuple[str, ...] = ()
    claims: int = 0
    verified: int = 0
    unreadable: int = 0
    judgment: Judgment | None = None
    tokens: int = 0
    micro_usd: int | None = None
    failed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The answers of both versions about one incident."""

    candidate: Answer
    baseline: Answer

    @property
    def failed(self) -> bool:
        """Whether one of them is missing."""
        return bool(self.candidate.failed or self.baseline.failed)

    @property
    def tokens(self) -> int:
        """What both took."""
        return self.candidate.tokens + self.baseline.tokens


class PairState(StrEnum):
    """How far a pair is."""

    WAITING = "waiting"
    ASKED = "asked"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRecord:
    """A pair as it stands: `attempts` counts how often it was begun, `spent` the tokens that all of these took.

    `reserved` is what the one that is being asked may take at most. Of one that was lost it stays spent.
    """

    attempts: int
    begun_at: Instant
    spent: int
    reserved: int
    pair: Pair | None = None

    def state(self, now: Instant) -> PairState:
        """Returns how far it is: what was begun long ago and never recorded waits again, and so does what failed."""
        if self.pair is None:
            return PairState.ASKED if now < self.begun_at + LEASE else PairState.WAITING
        return PairState.WAITING if self.pair.failed and self.attempts < ATTEMPTS_MAX else PairState.OVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial as it stands, by the entry that opened it. `pairs` are those begun, by incident."""

    id: EntryId
    plan: TrialPlan
    by: PrincipalId
    at: Instant
    pairs: dict[IncidentId, PairRecord] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """What it took so far, and what is being asked may take."""
        return sum(one.spent + one.reserved for one in self.pairs.values())

    def state(self, incident: IncidentId, now: Instant) -> PairState:
        """Returns how far the pair about an incident is."""
        record = self.pairs.get(incident)
        return record.state(now) if record else PairState.WAITING

    def over(self, now: Instant) -> tuple[tuple[Case, Pair], ...]:
        """Returns the pairs that are over, in the plan's order."""
        found = ((case, self.pairs.get(case.incident)) for case in self.plan.cases)
        return tuple((case, one.pair) for case, one in found if one and one.pair and one.state(now) is PairState.OVER)

    def complete(self, now: Instant) -> bool:
        """Whether every pair is over."""
        return len(self.over(now)) == len(self.plan.cases)

"""Grants by request: what is asked for, how far a program lets it go, and the one table of what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import msgspec

from safeconduct.access.budgets import Budget
from safeconduct.access.grant_conditions import conditions_document
from safeconduct.access.model.grants import Conditions, Grant, GrantOrigin
from safeconduct.access.model.parties import Role
from safeconduct.access.model.windows import Window
from safeconduct.kernel.canonical import canonical, digest
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.ids import ApprovalId, EntryId, GrantId, OrganizationId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant, rfc3339

MINUTES_MAX = 60
"""Minutes that glass is broken for: time to stop what burns, and to ask for a grant as everybody does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass:
    """A template of the program: what one organization may open alone, by how many of its people with a role."""

    id: str
    organization: OrganizationId
    role: Role
    count: int
    path: PathId
    scope: str
    tier: int
    minutes: int
    review_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantsPolicy:
    """How long grants may last, in hours by tier, and the templates of break-glass. What is not named can't be had."""

    lifetimes: Mapping[str, int] = field(default_factory=dict)
    break_glass: tuple[BreakGlass, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantDraft:
    """Exactly what would be granted. What is voted on and issued is this and nothing else.

    `path_digest` pins the version of the path, and with it models and targets. `replaces` names the grant that this
    one follows, `template` that of the program by which glass is broken; empty where there is none.
    """

    principal: PrincipalId
    path: PathId
    path_digest: str
    purpose: str
    scope: str
    tier: int
    elevated: bool
    window: Window
    budget: Budget | None
    conditions: Conditions
    reason: str
    origin: GrantOrigin = GrantOrigin.REQUEST
    replaces: str = ""
    template: str = ""

    def document(self) -> dict[str, Any]:
        """Returns the draft as it is shown, hashed and voted on."""
        shown: dict[str, Any] = msgspec.to_builtins(self)
        window = {"from": rfc3339(self.window.opens_at), "until": rfc3339(self.window.closes_at)}
        return shown | {"window": window, "conditions": conditions_document(self.conditions)}

    @property
    def text(self) -> str:
        """The one form of the draft: canonical JSON."""
        return canonical(self.document()).decode()

    @property
    def digest(self) -> str:
        """SHA-256 of `text`: the content of the proposal that is voted on."""
        return digest(self.document())


class GrantState(StrEnum):
    """Where a grant by request stands."""

    ASKED = "asked"  # the votes are open
    DENIED = "denied"  # one voted against it
    LAPSED = "lapsed"  # nobody decided in time
    WITHDRAWN = "withdrawn"  # who asked for it took it back
    WAITING = "waiting"  # approved, and above the principal's own tier: it waits for the partner's cosignature
    IN_FORCE = "in-force"
    ENDED = "ended"  # its window closed
    REVOKED = "revoked"


class GrantStep(StrEnum):
    """What can happen to it."""

    DENY = "deny"
    LAPSE = "lapse"
    WITHDRAW = "withdraw"
    ISSUE = "issue"
    HOLD_BACK = "hold-back"  # approved, but nothing counts before the partner cosigned
    END = "end"
    REVOKE = "revoke"


TRANSITIONS: Mapping[tuple[GrantState, GrantStep], GrantState] = {
    (GrantState.ASKED, GrantStep.DENY): GrantState.DENIED,
    (GrantState.ASKED, GrantStep.LAPSE): GrantState.LAPSED,
    (GrantState.ASKED, GrantStep.WITHDRAW): GrantState.WITHDRAWN,
    (GrantState.ASKED, GrantStep.ISSUE): GrantState.IN_FORCE,
    (GrantState.ASKED, GrantStep.HOLD_BACK): GrantState.WAITING,
    (GrantState.WAITING, GrantStep.ISSUE): GrantState.IN_FORCE,
    (GrantState.WAITING, GrantStep.END): GrantState.ENDED,
    (GrantState.WAITING, GrantStep.REVOKE): GrantState.REVOKED,
    (GrantState.IN_FORCE, GrantStep.END): GrantState.ENDED,
    (GrantState.IN_FORCE, GrantStep.REVOKE): GrantState.REVOKED,
}
"""Every step there is. What is not in here is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantCase:
    """A request for a grant and all that became of it, kept for ever. `id` is the request's entry and the grant's id.

    `decide_by` is when asking is over. `entries` are all that changed it, oldest first, beside those of its approval;
    `approval` is None where one person sufficed.
    """

    id: EntryId
    at: Instant
    by: PrincipalId
    draft: GrantDraft
    approval: ApprovalId | None
    decide_by: Instant
    state: GrantState = GrantState.ASKED
    entries: tuple[EntryId, ...] = ()
    ended_at: Instant | None = None
    why: str = ""

    def step(self, step: GrantStep, entry: EntryId) -> "GrantCase":
        """Returns the case after a step.

        Raises:
            ConflictError: `grant-STATE`: its state does not allow it.
        """
        state = TRANSITIONS.get((self.state, step))
        if state is None:
            raise ConflictError(f"grant {self.id} is {self.state}: it can't {step}", code=f"grant-{self.state}")
        return replace(self, state=state, entries=(*self.entries, entry))

    def grant(self) -> Grant:
        """Returns the grant that the draft describes."""
        draft = self.draft
        return Grant(
            id=GrantId(self.id),
            principal=draft.principal,
            path=draft.path,
            purpose=draft.purpose,
            scope=draft.scope,
            window=draft.window,
            budget=draft.budget,
            origin=draft.origin,
            tier=draft.tier,
            elevated=draft.elevated,
            conditions=draft.conditions,
            request=self.id,
        )


class Finding(StrEnum):
    """What a party says of a break-glass after it."""

    JUSTIFIED = "justified"
    UNJUSTIFIED = "unjustified"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewVote:
    """One party's word."""

    organization: OrganizationId
    voter: PrincipalId
    finding: Finding
    reason: str
    entry: EntryId


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a break-glass owes both parties: a vote of each, by `due_at`. `id` is the grant's.

    `parties` have a vote each; `recused` had a hand in the opening, and vote for nobody. `notice` is the entry by which
    the other party is told.
    """

    id: GrantId
    template: str
    organization: OrganizationId
    parties: tuple[OrganizationId, ...]
    recused: tuple[PrincipalId, ...]
    due_at: Instant
    notice: EntryId
    votes: tuple[ReviewVote, ...] = ()

    @property
    def missing(self) -> tuple[OrganizationId, ...]:
        """The parties that have not voted."""
        return tuple(one for one in self.parties if one not in {vote.organization for vote in self.votes})

    @property
    def finding(self) -> Finding | None:
        """What the parties found: justified if all of them say so; None until all have voted."""
        if self.missing:
            return None
        said = {vote.finding for vote in self.votes}
        return Finding.JUSTIFIED if said == {Finding.JUSTIFIED} else Finding.UNJUSTIFIED

    def overdue(self, now: Instant) -> bool:
        """Tells whether votes are missing that were due."""
        return bool(self.missing) and now >= self.due_at

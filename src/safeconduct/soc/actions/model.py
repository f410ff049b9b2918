"""Response actions: their states in one table, and what they promise before they are done."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from safeconduct.kernel.canonical import JSONValue, canonical, digest
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.ids import ActionId, ApprovalId, ClaimId, IncidentId, Origin, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.actions.kinds import KINDS


class ActionState(StrEnum):
    """Where an action stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXECUTING = "executing"
    DONE = "done"
    VERIFIED = "verified"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDO_FAILED = "undo-failed"
    ROLLED_BACK = "rolled-back"
    EXPIRED = "expired"


class Step(StrEnum):
    """What can happen to it."""

    APPROVE = "approve"  # the last vote needed, or a playbook
    REJECT = "reject"
    EXECUTE = "execute"  # the approval is used, the limits hold
    COMPLETE = "complete"  # it took effect at one point at least, so far as they say
    VERIFY = "verify"  # it was seen from outside, at every point
    FAIL = "fail"  # it was not seen, or not everywhere; or it could not be undone
    UNDO = "undo"  # its points are told to undo it
    ROLL_BACK = "roll-back"
    EXPIRE = "expire"  # time ran out: of the approval, or of the action


TRANSITIONS: Mapping[tuple[ActionState, Step], ActionState] = {
    (ActionState.PROPOSED, Step.APPROVE): ActionState.APPROVED,
    (ActionState.PROPOSED, Step.REJECT): ActionState.REJECTED,
    (ActionState.PROPOSED, Step.EXPIRE): ActionState.EXPIRED,
    (ActionState.APPROVED, Step.EXECUTE): ActionState.EXECUTING,
    (ActionState.APPROVED, Step.EXPIRE): ActionState.EXPIRED,
    (ActionState.EXECUTING, Step.COMPLETE): ActionState.DONE,
    (ActionState.EXECUTING, Step.FAIL): ActionState.FAILED,
    (ActionState.DONE, Step.VERIFY): ActionState.VERIFIED,
    (ActionState.DONE, Step.FAIL): ActionState.FAILED,
    (ActionState.DONE, Step.UNDO): ActionState.UNDOING,
    (ActionState.DONE, Step.ROLL_BACK): ActionState.ROLLED_BACK,
    (ActionState.DONE, Step.EXPIRE): ActionState.EXPIRED,
    (ActionState.VERIFIED, Step.UNDO): ActionState.UNDOING,
    (ActionState.VERIFIED, Step.ROLL_BACK): ActionState.ROLLED_BACK,
    (ActionState.VERIFIED, Step.EXPIRE): ActionState.EXPIRED,
    # What our probe could not see may still have taken effect: the way back stays open.
    (ActionState.FAILED, Step.UNDO): ActionState.UNDOING,
    (ActionState.FAILED, Step.ROLL_BACK): ActionState.ROLLED_BACK,
    (ActionState.FAILED, Step.EXPIRE): ActionState.EXPIRED,
    (ActionState.UNDOING, Step.ROLL_BACK): ActionState.ROLLED_BACK,
    (ActionState.UNDOING, Step.EXPIRE): ActionState.EXPIRED,
    (ActionState.UNDOING, Step.FAIL): ActionState.UNDO_FAILED,
    (ActionState.UNDO_FAILED, Step.UNDO): ActionState.UNDOING,
}
"""Every step there is. What is not in here is refused."""

OPEN = frozenset({ActionState.PROPOSED, ActionState.APPROVED, ActionState.EXECUTING})
"""Proposed and not done yet: a second proposal for the same target waits for these."""

HELD = frozenset(
    {ActionState.DONE, ActionState.VERIFIED, ActionState.FAILED, ActionState.UNDOING, ActionState.UNDO_FAILED}
)
"""It may be in effect somewhere."""

ENDED = frozenset({ActionState.REJECTED, ActionState.ROLLED_BACK, ActionState.EXPIRED})
"""Nothing more can happen to it."""


class Why(StrEnum):
    """Why an action is undone."""

    BY_HAND = "by-hand"
    EXPIRED = "expired"
    UNSEEN = "unseen"  # it was looked for at every point, and is at none


class Presence(StrEnum):
    """What a look at a point expects."""

    PRESENT = "present"
    ABSENT = "absent"


class PointState(StrEnum):
    """How far an action is at one point."""

    READY = "ready"  # how it stood before is noted; nothing was changed
    REFUSED = "refused"  # the point said no, or is not there: nothing was changed
    DONE = "done"  # the point says that it took effect
    UNKNOWN = "unknown"  # the point gave no answer that counts: it may have taken effect
    SEEN = "seen"
    UNSEEN = "unseen"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class PointReport:
    """What became of an action at one point. `before` is how it stood there; `detail` a stable code."""

    point: str
    state: PointState
    detail: str = ""
    before: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inverse:
    """What undoes the action, on our own list or at its points, and what that does not bring back."""

    kind: str
    list: str
    target: str
    lost: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Precondition:
    """How our own list stood when the action was proposed or done. Points say themselves how they stand."""

    listed: bool = False
    active: int = 0
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How the effect is seen from outside: the list or each point, asked anew, has the target or not."""

    list: str
    target: str
    expect: Presence


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One response. `proposed_by` may not approve it; `expires_at` is the approval's until it runs, then its own.

    `points` are where it takes effect, empty for our own list; `reports` what became of it there, by point.
    `approval` is empty where a `playbook` allowed it. `why` is why it is undone, once it is.
    """

    id: ActionId
    origin: Origin
    kind: str
    target: str
    incident: IncidentId
    claims: tuple[ClaimId, ...]
    proposed_by: PrincipalId
    proposed_at: Instant
    approval: ApprovalId
    expires_s: int
    expires_at: Instant
    precondition: Precondition
    state: ActionState = ActionState.PROPOSED
    states: tuple[ActionState, ...] = (ActionState.PROPOSED,)
    absence: ActionState | None = None
    points: tuple[str, ...] = ()
    reports: tuple[PointReport, ...] = ()
    playbook: str = ""
    why: Why | None = None

    @property
    def text(self) -> str:
        """Exactly what is voted on; its SHA-256 is `content_of` the same."""
        return canonical(_voted_on(self)).decode()

    @property
    def inverse(self) -> Inverse:
        """What undoes it."""
        return inverse_of(self.kind, self.target)

    @property
    def reached(self) -> tuple[PointReport, ...]:
        """The points that it may have taken effect at."""
        return tuple(one for one in self.reports if one.state is not PointState.REFUSED)

    def step(self, step: Step) -> "Action":
        """Returns the action after a step.

        Raises:
            ConflictError: the state does not allow it.
        """
        state = TRANSITIONS.get((self.state, step))
        if state is None:
            raise ConflictError(
                f"action {self.id} is {self.state}: it can't {step}",
                code=f"action-{self.state}",
                remedy="safeconduct action list shows where each action stands",
            )
        return replace(self, state=state, states=(*self.states, state))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is put to the vote, before it is an action."""

    kind: str
    target: str
    incident: IncidentId
    claims: tuple[ClaimId, ...]
    expires_s: int
    points: tuple[str, ...]


def inverse_of(kind: str, target: str) -> Inverse:
    """Returns what undoes an action of a kind."""
    row = KINDS[kind]
    return Inverse(kind=row.undone_by, list=kind if row.own else "", target=target, lost=row.lost)


def content_of(wanted: Wanted | Action) -> str:
    """Returns the digest of exactly what is put to the vote."""
    return digest(_voted_on(wanted))


def _voted_on(wanted: Wanted | Action) -> dict[str, JSONValue]:
    found: dict[str, JSONValue] = {
        "kind": wanted.kind,
        "target": wanted.target,
        "incident": wanted.incident,
        "claims": sorted(wanted.claims),
        "expires_s": wanted.expires_s,
    }
    return found | ({"points": list(wanted.points)} if wanted.points else {})

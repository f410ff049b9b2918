"""Response actions, and what they promise before they are done."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from safeconduct.kernel.canonical import JSONValue, canonical, digest
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.ids import ActionId, ApprovalId, ClaimId, IncidentId, Origin, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.actions.kinds import KINDS
from safeconduct.soc.actions.states import TRANSITIONS, ActionState, Step


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

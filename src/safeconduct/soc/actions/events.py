"""The entries of response actions. Every change of an action is one of these."""

from dataclasses import dataclass

from safeconduct.kernel.entries import Retention
from safeconduct.kernel.ids import ActionId, ApprovalId, ClaimId, EntryId, IncidentId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.events import EventType
from safeconduct.soc.actions.model import Inverse, PointReport, Precondition, Presence, Probe, Why
from safeconduct.soc.actions.states import ActionState

NOTHING_ORDERED = EntryId("")
"""Stands for the effect of what ended without one: a change of our own list."""

NO_END = Instant(0)
"""Stands for the end of what was carried out before there were points: its `Done` says it."""

ITSELF = PrincipalId("")
"""Stands for who undid an action that ended by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A person proposes a response on verified claims. `content` is what the approval is over, empty by a playbook."""

    kind: str
    target: str
    incident: IncidentId
    claims: tuple[ClaimId, ...]
    by: PrincipalId
    approval: ApprovalId
    content: str
    expires_s: int
    decide_by: Instant
    precondition: Precondition
    inverse: Inverse
    probe: Probe
    points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The vote on an action ended: for it, or against."""

    action: ActionId
    approval: ApprovalId


@dataclass(frozen=True, slots=True, kw_only=True)
class Preauthorized:
    """The program's playbook stands for the vote. `technique` is what an alert showed, `clause` where it is stated."""

    action: ActionId
    technique: str
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Executing:
    """The approval is used and the limits hold: the action is carried out now, at points until `until` at most."""

    action: ActionId
    by: PrincipalId
    precondition: Precondition
    until: Instant = NO_END


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What its points said to the effect that the entry `effect` ordered."""

    action: ActionId
    effect: EntryId
    points: tuple[PointReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The target is on the list, or held at a point at least, until `until`."""

    action: ActionId
    until: Instant
    effect: EntryId = NOTHING_ORDERED
    points: tuple[PointReport, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """The list, or each point, was asked anew for the entry `effect`. `detail` is a stable code, such as an error's."""

    action: ActionId
    effect: EntryId
    expect: Presence
    detail: str
    points: tuple[PointReport, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """Its points are told to undo it; then it is `ends`. `by` is empty where it ends by itself."""

    action: ActionId
    by: PrincipalId
    why: Why
    ends: ActionState


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """It is undone: off the list, or at every point as before. `by` is empty where it ended by itself."""

    action: ActionId
    by: PrincipalId
    why: Why = Why.BY_HAND
    effect: EntryId = NOTHING_ORDERED
    points: tuple[PointReport, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """Time ran out, of the proposal or of the action, which is undone."""

    action: ActionId
    effect: EntryId = NOTHING_ORDERED
    points: tuple[PointReport, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTokenIssued:
    """A holder got a token for a list; a former one of theirs ends."""

    list: str
    holder: str
    hash: str


_OPERATIONS = Retention.OPERATIONS
PROPOSED = EventType("soc.action.proposed/1", Proposed, _OPERATIONS)
APPROVED = EventType("soc.action.approved/1", Decided, _OPERATIONS)
REJECTED = EventType("soc.action.rejected/1", Decided, _OPERATIONS)
PREAUTHORIZED = EventType("soc.action.preauthorized/1", Preauthorized, _OPERATIONS)
EXECUTING = EventType("soc.action.executing/1", Executing, _OPERATIONS)
PREPARED = EventType("soc.action.prepared/1", Reported, _OPERATIONS)
NOT_DONE = EventType("soc.action.not-done/1", Reported, _OPERATIONS)
DONE = EventType("soc.action.done/1", Done, _OPERATIONS)
VERIFIED = EventType("soc.action.verified/1", Probed, _OPERATIONS)
FAILED = EventType("soc.action.failed/1", Probed, _OPERATIONS)
SUPERSEDED = EventType("soc.action.probe-superseded/1", Probed, _OPERATIONS)
UNDOING = EventType("soc.action.undoing/1", Undoing, _OPERATIONS)
UNDO_FAILED = EventType("soc.action.undo-failed/1", Reported, _OPERATIONS)
ROLLED_BACK = EventType("soc.action.rolled-back/1", RolledBack, _OPERATIONS)
EXPIRED = EventType("soc.action.expired/1", Expired, _OPERATIONS)
LIST_TOKEN_ISSUED = EventType("soc.list.token-issued/1", ListTokenIssued)

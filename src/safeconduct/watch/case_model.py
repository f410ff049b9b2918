"""A case: a review that a signal opened, the steps taken in it, and what a person decided. One state table."""

from dataclasses import dataclass
from enum import StrEnum

from safeconduct.access.escalation import Act, SignalKind
from safeconduct.access.model.stops import Selector
from safeconduct.kernel.ids import EntryId, PrincipalId
from safeconduct.kernel.instants import Duration, Instant
from safeconduct.kernel.ports import Collection

CASE_TIMER = "watch.case.due"
"""The kind of timer whose firing calls `cases.pass_due` with the timer's key."""


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A step that began: what was done, as entry or with why not, and who has to decide by when."""

    entry: EntryId
    action: Act
    owner: PrincipalId
    at: Instant
    due_at: Instant
    by: PrincipalId
    done: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Appealed:
    """Somebody of the organization that is concerned holds against a case."""

    entry: EntryId
    by: PrincipalId
    reason: str
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person decided, and why. `lifted` are the restrictions that ended with it."""

    entry: EntryId
    by: PrincipalId
    reason: str
    at: Instant
    lifted: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case as it stands. `selector` is what a step restricts, None where nothing of the program is known to it."""

    id: EntryId
    at: Instant
    signal: SignalKind
    subject: str
    selector: Selector | None
    principal: str
    organization: str
    path: str
    window: Duration
    threshold: int
    count: int
    evidence: tuple[EntryId, ...]
    text: str
    state: CaseState = CaseState.OPEN
    steps: tuple[Taken, ...] = ()
    appeal: Appealed | None = None
    decision: Decision | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """The last case of a signal about a subject, and the last entry that it rests on."""

    case: EntryId
    through: EntryId


@dataclass(frozen=True, slots=True)
class Known:
    """Which case a signal opened."""

    case: EntryId


CASES = Collection("watch-cases", Case)  # at the id of the entry that opened it
CASE_KEYS = Collection("watch-case-keys", Known)  # at the signal's key: one case for a signal, subject and window
USED = Collection("watch-used", Used)  # at `signal/subject`

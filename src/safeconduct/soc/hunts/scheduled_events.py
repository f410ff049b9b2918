"""What is recorded of scheduled hunts: who has one asked how often, each time it was due, and what came of it."""

from dataclasses import dataclass, field
from enum import StrEnum

from safeconduct.kernel.entries import Retention
from safeconduct.kernel.ids import EntryId, EventId, OrganizationId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection
from safeconduct.ledger.events import EventType
from safeconduct.soc.hunts.model import Reach
from safeconduct.soc.ingesting import HOUSE_OWNED, owned_key

HUNT_TIMER = "soc.hunt.due"
"""The kind of timer that makes a scheduled hunt due; its key is the schedule's."""

RUN_HUNT = "hunt-run"
"""The kind of effect by which a hunt that is due is asked."""


class Outcome(StrEnum):
    """What became of a run."""

    ANSWERED = "answered"
    OVER_BUDGET = "over-budget"
    STOPPED = "stopped"  # a freeze, a restriction or a right that is gone
    FAILED = "failed"  # the engine, or the hunt's text on disk


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntScheduled:
    """A saved hunt is asked by itself from now on. `told` are whose people hear of what it finds."""

    name: str
    every_s: int
    seconds: int
    by: PrincipalId
    told: OrganizationId
    owner: str = HOUSE_OWNED


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntUnscheduled:
    """A saved hunt is asked by itself no more. `removed` says that its runs are listed no more, either."""

    name: str
    owner: str = HOUSE_OWNED
    removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntDue:
    """A scheduled hunt is to be asked: the text of that digest, of what arrived since that reach.

    `skipped` due times before this one passed while the former run was unanswered, or nothing ran.
    """

    name: str
    due_at: Instant
    skipped: int
    digest: str
    since: Reach
    owner: str = HOUSE_OWNED


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntAnswered:
    """What came of a run: `counted` of `scanned` new events satisfy the hunt, and `events` are some of them.

    `code` says why there is no answer. `reach` is what the next run begins at.
    """

    due: EntryId
    outcome: Outcome
    code: str = ""
    counted: int = 0
    scanned: int = 0
    events: tuple[EventId, ...] = ()
    reach: Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A scheduled hunt, due at `due_at` unless `running`, the entry that made it due last, is unanswered.

    `digest` and `reach` are what was asked last and how far, `last` what became of it.
    """

    scheduled: HuntScheduled
    due_at: Instant
    running: str = ""
    skipped: int = 0
    digest: str = ""
    reach: Reach = field(default_factory=Reach)
    last: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntRun:
    """One run, and what came of it, if anything did by now."""

    id: EntryId
    due: HuntDue
    answered: HuntAnswered | None = None
    at: Instant | None = None


SCHEDULED = EventType("soc.hunt.scheduled/1", HuntScheduled)
UNSCHEDULED = EventType("soc.hunt.unscheduled/1", HuntUnscheduled)
DUE = EventType("soc.hunt.due/1", HuntDue, Retention.OPERATIONS)
ANSWERED = EventType("soc.hunt.answered/1", HuntAnswered, Retention.OPERATIONS)
SCHEDULES = Collection("hunt_schedules", Schedule)  # at the owner and the name, as are its timers
RUNS = Collection("hunt_runs", HuntRun)  # at the schedule's key and when it was due
OPEN_RUNS = Collection("hunt_runs_open", HuntDue)  # at the entry that made it due, until it is answered


def run_key(due: HuntDue) -> str:
    """Returns where a run stands: a hunt's runs in the order of their times."""
    return f"{owned_key(due.owner, due.name)}/{due.due_at:020d}"

"""Hunts that are asked by themselves: the use cases. Each validates and appends; what raises has changed nothing."""

from dataclasses import dataclass

from safeconduct.kernel.effects import Timer
from safeconduct.kernel.errors import AbsentError, InvalidInputError
from safeconduct.kernel.ids import EntryId, EventId
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.hunts.model import Reach
from safeconduct.soc.hunts.saved_events import HuntSaved, remove_hunt, saved_hunt
from safeconduct.soc.hunts.scheduled_events import (
    ANSWERED,
    DUE,
    OPEN_RUNS,
    RUNS,
    SCHEDULED,
    SCHEDULES,
    UNSCHEDULED,
    HuntAnswered,
    HuntDue,
    HuntRun,
    HuntScheduled,
    HuntUnscheduled,
    Outcome,
    Schedule,
)
from safeconduct.soc.hunts.stopping import stopped_by
from safeconduct.soc.ingesting import owned_key
from safeconduct.soc.owners import detects_for, origin_of

EVERY_MIN = 60
"""Seconds between two runs at least: telemetry comes in batches, and each run is two entries."""

EVERY_MAX = 31 * 86_400
"""Seconds between two runs at most: what is asked more rarely is asked by a person."""

SECONDS_MAX = 300
"""Seconds a hunt may be given: longer ones keep the hunting process from everybody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often a saved hunt is asked, and the seconds each run may take.

    Raises:
        InvalidInputError: one of them is out of bounds (`hunt-invalid`).
    """

    every_s: int
    seconds: int

    def __post_init__(self) -> None:
        if not EVERY_MIN <= self.every_s <= EVERY_MAX or not 1 <= self.seconds <= SECONDS_MAX:
            raise InvalidInputError(
                f"a hunt is asked every {EVERY_MIN} to {EVERY_MAX} seconds and may take 1 to {SECONDS_MAX}; got every"
                f" {self.every_s} and {self.seconds}",
                code="hunt-invalid",
                remedy="safeconduct hunt schedule NAME --every 15m",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of asking. `reach` is None where there is no answer."""

    outcome: Outcome
    code: str = ""
    counted: int = 0
    scanned: int = 0
    events: tuple[EventId, ...] = ()
    reach: Reach | None = None


def schedules(records: Records, owner: str) -> tuple[Schedule, ...]:
    """Returns an owner's scheduled hunts, by name."""
    return tuple(one for _, one in records.scan(SCHEDULES, owned_key(owner)))


def runs(records: Records, owner: str, name: str = "") -> tuple[HuntRun, ...]:
    """Returns the runs of an owner's hunt, or of all of its hunts, the latest first."""
    prefix = owned_key(owner, f"{name}/" if name else "")
    found = (one for _, one in records.scan(RUNS, prefix))
    return tuple(sorted(found, key=lambda one: (one.due.due_at, one.id), reverse=True))


def schedule_hunt(
    tx: Transaction, signed: SignedAct, name: str, plan: Plan, *, operation: str, content: str, owner: str
) -> HuntScheduled:
    """Records that a saved hunt is asked by itself, the first time at once, and returns it.

    Raises:
        UnauthenticatedError, RefusedError: as `owners.detects_for`.
        AbsentError: no hunt of that name is saved.
    """
    signer = detects_for(tx, signed, operation=operation, content=content, owner=owner)
    saved_hunt(tx, owner, name)
    event = HuntScheduled(
        name=name, every_s=plan.every_s, seconds=plan.seconds, by=signer.id, told=signer.organization, owner=owner
    )
    tx.append(origin_of(tx), SCHEDULED.draft(event, subject="hunts", act=signed.envelope()))
    return event


def unschedule_hunt(
    tx: Transaction, signed: SignedAct, name: str, *, operation: str, content: str, owner: str
) -> HuntScheduled:
    """Records that a hunt is asked by itself no more, and returns how it was. A run under way ends without an answer.

    Raises:
        UnauthenticatedError, RefusedError: as `owners.detects_for`.
        AbsentError: it is not scheduled (`hunt-not-scheduled`).
    """
    detects_for(tx, signed, operation=operation, content=content, owner=owner)
    former = tx.get(SCHEDULES, owned_key(owner, name))
    if former is None:
        raise AbsentError(
            f"no hunt is scheduled as {name[:64]!r}", code="hunt-not-scheduled", remedy="safeconduct hunt runs"
        )
    event = HuntUnscheduled(name=name, owner=owner)
    tx.append(origin_of(tx), UNSCHEDULED.draft(event, subject="hunts", act=signed.envelope()))
    return former.scheduled


def forget_hunt(
    tx: Transaction, signed: SignedAct, name: str, *, operation: str, content: str, owner: str
) -> HuntSaved:
    """Removes a saved hunt with its schedule and the list of its runs. Raises as `saved_events.remove_hunt`."""
    former = remove_hunt(tx, signed, name, operation=operation, content=content, owner=owner)
    if tx.get(SCHEDULES, owned_key(owner, name)) or runs(tx, owner, name):
        event = HuntUnscheduled(name=name, owner=owner, removed=True)
        tx.append(origin_of(tx), UNSCHEDULED.draft(event, subject="hunts"))
    return former


def take_due(tx: Transaction, timer: Timer) -> EntryId:
    """Records that a scheduled hunt is to be asked now; its timer calls this.

    Raises:
        RefusedError: no agreement is in force to log it under: it waits until one is.
        AbsentError: it is saved no more.
    """
    owner, _, name = timer.key.rpartition("/")
    schedule, saved = tx.get(SCHEDULES, timer.key), saved_hunt(tx, owner, name)
    if schedule is None:
        raise AbsentError(f"no hunt is scheduled as {name[:64]!r}", code="hunt-not-scheduled")
    asked_before = saved.digest == schedule.digest
    event = HuntDue(
        name=name,
        due_at=timer.due_at,
        skipped=schedule.skipped,
        digest=saved.digest,
        since=schedule.reach if asked_before else Reach(),
        owner=owner,
    )
    return tx.append(origin_of(tx), DUE.draft(event, subject="hunts")).id


def settle_run(tx: Transaction, due_id: EntryId, found: Found) -> Outcome | None:
    """Records what came of a run, once; None where it ended before. What was stopped meanwhile has no answer."""
    due = tx.get(OPEN_RUNS, due_id)
    if due is None:
        return None
    stopped = stopped_by(tx, due)
    if stopped:
        found = Found(outcome=Outcome.STOPPED, code=stopped)
    event = HuntAnswered(
        due=due_id,
        outcome=found.outcome,
        code=found.code,
        counted=found.counted,
        scanned=found.scanned,
        events=found.events,
        reach=found.reach or due.since,
    )
    tx.append(origin_of(tx), ANSWERED.draft(event, subject="hunts"))
    return found.outcome

"""How each entry of a scheduled hunt changes the state.

While a run is unanswered no other of the same hunt is due, so that each looks at what arrived since the one before.
"""

from collections.abc import Mapping
from dataclasses import replace

from safeconduct.access.acts import record_act
from safeconduct.kernel.effects import Timer, clear_timer, finish_effect, order_effect, set_timer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.kernel.notices import Notice, NoticeLine, order_notice
from safeconduct.kernel.ports import Projection, State
from safeconduct.soc.hunts.scheduled_events import (
    ANSWERED,
    DUE,
    HUNT_TIMER,
    OPEN_RUNS,
    RUN_HUNT,
    RUNS,
    SCHEDULED,
    SCHEDULES,
    UNSCHEDULED,
    HuntAnswered,
    HuntDue,
    HuntRun,
    Outcome,
    Schedule,
    run_key,
)
from safeconduct.soc.ingesting import owned_key

HUNT_NOTICE = "hunt"
"""The kind of notice by which people are told what a scheduled hunt found."""

RUNS_KEPT = 100
"""Runs of one hunt that are listed. The log has all."""


def _scheduled(state: State, entry: Entry) -> None:
    event = SCHEDULED.read(entry)
    key = owned_key(event.owner, event.name)
    former = state.get(SCHEDULES, key)
    fresh = Schedule(scheduled=event, due_at=entry.at)
    if former is not None:  # what was looked at stays looked at
        _end(state, key, former)
        fresh = replace(fresh, digest=former.digest, reach=former.reach)
    state.put(SCHEDULES, key, fresh)
    set_timer(state, _timer(key, fresh))
    record_act(state, entry)


def _unscheduled(state: State, entry: Entry) -> None:
    event = UNSCHEDULED.read(entry)
    key = owned_key(event.owner, event.name)
    former = state.get(SCHEDULES, key)
    if former is not None:
        _end(state, key, former)
        state.delete(SCHEDULES, key)
    if event.removed:
        for at, _ in list(state.scan(RUNS, f"{key}/")):
            state.delete(RUNS, at)
    record_act(state, entry)


def _due(state: State, entry: Entry) -> None:
    event = DUE.read(entry)
    key = owned_key(event.owner, event.name)
    schedule = _schedule(state, key, entry)
    clear_timer(state, _timer(key, schedule))
    state.put(SCHEDULES, key, replace(schedule, running=entry.id))
    state.put(RUNS, run_key(event), HuntRun(id=entry.id, due=event))
    state.insert(OPEN_RUNS, entry.id, event)
    order_effect(state, entry, RUN_HUNT)


def _answered(state: State, entry: Entry) -> None:
    event = ANSWERED.read(entry)
    due = state.get(OPEN_RUNS, event.due)
    if due is None:
        raise UnavailableError(f"entry {entry.id} answers a hunt that was not due", code="log-damaged")
    key = owned_key(due.owner, due.name)
    schedule = _schedule(state, key, entry)
    finish_effect(state, event.due, RUN_HUNT)
    state.delete(OPEN_RUNS, event.due)
    state.put(RUNS, run_key(due), HuntRun(id=event.due, due=due, answered=event, at=entry.at))
    _tell(state, entry, schedule, event)
    now = _next(schedule, due, event, entry.at)
    state.put(SCHEDULES, key, now)
    set_timer(state, _timer(key, now))
    for at, _ in list(state.scan(RUNS, f"{key}/"))[:-RUNS_KEPT]:
        state.delete(RUNS, at)


def _next(schedule: Schedule, due: HuntDue, event: HuntAnswered, now: Instant) -> Schedule:
    every = seconds(schedule.scheduled.every_s)
    passed = max(0, now - schedule.due_at) // every
    due_at = Instant(schedule.due_at + (passed + 1) * every)
    moved = replace(schedule, due_at=due_at, skipped=passed, running="", last=event.outcome)
    return replace(moved, digest=due.digest, reach=event.reach)


def _tell(state: State, entry: Entry, schedule: Schedule, event: HuntAnswered) -> None:
    """Has people told of what was found, and of the first run that ended without an answer."""
    fails = event.outcome is not Outcome.ANSWERED and schedule.last in {None, Outcome.ANSWERED}
    if not event.counted and not fails:
        return
    named, found = schedule.scheduled, f"{event.counted} new events"
    text = f"found {found}" if event.counted else f"has no answer: {event.code}"
    look = f"safeconduct hunt runs {named.name}" + (f" --owner {named.owner}" if named.owner else "")
    line = NoticeLine(
        kind=HUNT_NOTICE, name=named.name, at=entry.at, owner=f"organization:{named.told}", text=text, look=look
    )
    subject = f"the scheduled hunt {named.name} {text}"
    order_notice(state, entry, Notice(kind=HUNT_NOTICE, to=named.told, at=entry.at, subject=subject, lines=(line,)))


def _end(state: State, key: str, schedule: Schedule) -> None:
    clear_timer(state, _timer(key, schedule))
    open_run = state.get(OPEN_RUNS, schedule.running) if schedule.running else None
    if open_run is not None:
        finish_effect(state, schedule.running, RUN_HUNT)
        state.delete(OPEN_RUNS, schedule.running)
        state.delete(RUNS, run_key(open_run))


def _timer(key: str, schedule: Schedule) -> Timer:
    return Timer(kind=HUNT_TIMER, key=key, due_at=schedule.due_at)


def _schedule(state: State, key: str, entry: Entry) -> Schedule:
    found = state.get(SCHEDULES, key)
    if found is None:
        raise UnavailableError(f"entry {entry.id} is of a hunt that is not scheduled", code="log-damaged")
    return found


PROJECTIONS: Mapping[str, Projection] = {
    SCHEDULED.name: _scheduled,
    UNSCHEDULED.name: _unscheduled,
    DUE.name: _due,
    ANSWERED.name: _answered,
}

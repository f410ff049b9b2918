"""The entries of retention, and the timer that each sets for the next."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.kernel.effects import Timer, clear_timer, set_timer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType

RETENTION_TIMER = "retention.look"
"""The kind of timer whose firing calls `retention.look`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """That so many keys, whose time is over, stay because of a hold."""

    hold: EntryId
    keys: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionLooked:
    """Which keys' time is over was looked at, and ordered what could be. `next_at` is None where nothing is limited."""

    origin: Origin
    ordered: tuple[EntryId, ...]
    postponed: tuple[Postponed, ...]
    next_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionState:
    """When a log is looked at next, and what holds keep in it beyond its time."""

    due_at: Instant
    postponed: tuple[Postponed, ...] = ()


RETENTIONS = Collection("retentions", RetentionState)  # at the log's origin

LOOKED = EventType("access.retention.looked/1", RetentionLooked)


def begin_retention(state: State, now: Instant) -> None:
    """Has the agreement's log looked at, from now on, if a class of it is limited in days."""
    agreement = kept.agreement_in_force(state)
    if agreement is None or not agreement.retention:
        return
    first, *_later = kept.joint_logs(state)  # whose timer is for those that went on for it, too
    if state.get(RETENTIONS, first) is None:
        _look_at(state, first, RetentionState(due_at=now))


def _looked(state: State, entry: Entry) -> None:
    event = LOOKED.read(entry)
    former = state.get(RETENTIONS, event.origin)
    if former is not None:
        clear_timer(state, _timer(event.origin, former))
    if event.next_at is None:
        state.delete(RETENTIONS, event.origin)
    else:
        _look_at(state, event.origin, RetentionState(due_at=event.next_at, postponed=event.postponed))


def _look_at(state: State, origin: Origin, next_: RetentionState) -> None:
    state.put(RETENTIONS, origin, next_)
    set_timer(state, _timer(origin, next_))


def _timer(origin: Origin, one: RetentionState) -> Timer:
    return Timer(kind=RETENTION_TIMER, key=origin, due_at=one.due_at)


PROJECTIONS: Mapping[str, Projection] = {LOOKED.name: _looked}

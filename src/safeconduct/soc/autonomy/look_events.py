"""Second looks in the log: which closings of models people look at again, and what they find. The reason is sealed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from safeconduct.access.acts import record_act
from safeconduct.kernel.effects import Timer, clear_timer, set_timer
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.ids import EntryId, IncidentId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType
from safeconduct.soc.predicates import Judgment

LOOK_TIMER = "look.overdue"
"""The kind of timer whose firing calls `looking.pass_due` with the timer's key."""


class LookOutcome(StrEnum):
    """Whether a person found what the model had said."""

    CONFIRMED = "confirmed"
    OVERTURNED = "overturned"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookDue:
    """A model's closing was drawn: a person looks at the incident again until `due_at`.

    `percent` of the path's closings were to be drawn then; the draw follows from it and from `closing`, the entry.
    """

    incident: IncidentId
    closing: EntryId
    path: PathId
    percent: int
    due_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class LookDone:
    """A person looked again, and this is what the incident is."""

    incident: IncidentId
    closing: EntryId
    outcome: LookOutcome
    disposition: Judgment
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class LookOverdue:
    """Nobody looked in time. The look is still owed."""

    incident: IncidentId
    closing: EntryId
    path: PathId


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A second look: owed, or done by the entry `entry`."""

    due: LookDue
    at: Instant
    overdue: bool = False
    done: LookDone | None = None
    done_at: Instant | None = None
    entry: str = ""


LOOK_DUE = EventType("soc.look.due/1", LookDue, Retention.OPERATIONS)
LOOK_DONE = EventType("soc.look.done/1", LookDone, Retention.OPERATIONS)
LOOK_OVERDUE = EventType("soc.look.overdue/1", LookOverdue, Retention.OPERATIONS)
LOOKS = Collection("second_looks", Look)  # at the entry that closed


def _due(state: State, entry: Entry) -> None:
    event = LOOK_DUE.read(entry)
    state.put(LOOKS, event.closing, Look(due=event, at=entry.at))
    set_timer(state, _timer(event))


def _done(state: State, entry: Entry) -> None:
    event = LOOK_DONE.read(entry)
    look = state.get(LOOKS, event.closing)
    if look is not None:
        clear_timer(state, _timer(look.due))
        state.put(LOOKS, event.closing, replace(look, done=event, done_at=entry.at, entry=entry.id))
    record_act(state, entry)


def _overdue(state: State, entry: Entry) -> None:
    event = LOOK_OVERDUE.read(entry)
    look = state.get(LOOKS, event.closing)
    if look is not None:
        clear_timer(state, _timer(look.due))
        state.put(LOOKS, event.closing, replace(look, overdue=True))


def ended(state: State, closing: EntryId) -> None:
    """Ends a second look that nobody owes any more: the incident was opened again before it."""
    look = state.get(LOOKS, closing)
    if look is not None:
        clear_timer(state, _timer(look.due))


def _timer(due: LookDue) -> Timer:
    return Timer(kind=LOOK_TIMER, key=due.closing, due_at=due.due_at)


PROJECTIONS: Mapping[str, Projection] = {LOOK_DUE.name: _due, LOOK_DONE.name: _done, LOOK_OVERDUE.name: _overdue}

"""What control state keeps of response actions, and the work outside that is ordered for them (R2).

What takes effect at points goes three steps, each ordered by the entry of the former: prepare (note how it stands),
carry out, look. A process that dies between two of them finds the next one waiting in the outbox.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from safeconduct.kernel.effects import Timer, clear_timer, order_effect, set_timer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import ActionId
from safeconduct.kernel.instants import MINUTE, Duration, Instant
from safeconduct.kernel.ports import Collection, State
from safeconduct.soc.actions.edl import ADDRESSES, LISTS, ListedAddress, ListState
from safeconduct.soc.actions.model import Action, PointReport, Presence
from safeconduct.soc.actions.states import ENDED

PREPARE = "response.prepare"
"""The kind of effect that notes how each point stands and ends in `outcomes.record_prepared`."""

CARRY_OUT = "response.carry-out"
"""The kind of effect that tells each point what to do and ends in `outcomes.record_carried_out`."""

VERIFY = "response.verify"
"""The kind of effect that fetches our list, or looks at each point anew, and ends in `outcomes.record_look`."""

UNDO = "response.undo"
"""The kind of effect that tells each point to undo it and ends in `outcomes.record_undone`."""

EXPIRY_TIMER = "action.expire"
"""The kind of timer whose firing calls `ending.expire` with the timer's key."""

UNDO_AGAIN = Duration(15 * MINUTE)
"""How long until an undo that failed is tried again: long enough that each try may stand in the log, and no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """That an action was executed, kept for an hour: the rates are counted from these. `asked`: a vote allowed it."""

    action: ActionId
    at: Instant
    asked: bool = True


ACTIONS = Collection("actions", Action)
TARGETS = Collection("action-targets", Action)  # open and held actions, at `kind/target`
RUNS = Collection("action-runs", Run)  # at `kind/instant/action`


def timer_of(action: Action) -> Timer:
    """Returns the timer that ends the action, or the proposal."""
    return Timer(kind=EXPIRY_TIMER, key=action.id, due_at=action.expires_at)


def put_on_list(state: State, entry: Entry, action: Action) -> None:
    """Puts the target on our own list, until the action ends."""
    listed = ListedAddress(
        list=action.kind, address=action.target, action=action.id, listed_at=entry.at, until=action.expires_at
    )
    state.insert(ADDRESSES, f"{action.kind}/{action.target}", listed)
    _changed(state, action.kind, entry)


def take_off_list(state: State, entry: Entry, action: Action) -> None:
    """Takes the target off our own list."""
    state.delete(ADDRESSES, f"{action.kind}/{action.target}")
    _changed(state, action.kind, entry)


def order_look(state: State, entry: Entry, action: Action, expect: Presence) -> None:
    """Orders a look at our list, or at every point that was reached."""
    if action.points:
        order_at_points(state, entry, VERIFY, action, action.reached, expect=expect)
        return
    body = {"action": action.id, "list": action.kind, "target": action.target, "expect": expect.value}
    order_effect(state, entry, VERIFY, body)


def order_at_points(
    state: State,
    entry: Entry,
    kind: str,
    action: Action,
    points: Sequence[PointReport],
    *,
    expect: Presence = Presence.PRESENT,
) -> None:
    """Orders work at points, with all that it needs to be done without the control state."""
    body = {
        "action": action.id,
        "kind": action.kind,
        "target": action.target,
        "incident": action.incident,
        "until": action.expires_at,
        "expect": expect.value,
        "points": msgspec.to_builtins(list(points)),
    }
    order_effect(state, entry, kind, body)


def keep_until(state: State, action: Action, until: Instant) -> Action:
    """Keeps the action with a new end, and sets its timer."""
    clear_timer(state, timer_of(action))
    action = replace(action, expires_at=until)
    keep(state, action)
    set_timer(state, timer_of(action))
    return action


def reported(state: State, action_id: ActionId, reports: Sequence[PointReport]) -> Action:
    """Returns the action with what its points said; one that was not asked is as it was, and how it stood stays."""
    action = present(state, action_id)
    known = {one.point: one for one in action.reports}
    for one in reports:
        before = known[one.point].before if one.point in known else one.before
        known[one.point] = replace(one, before=before)
    return replace(action, reports=tuple(known.values()))


def _changed(state: State, name: str, entry: Entry) -> None:
    former = state.get(LISTS, name)
    state.put(LISTS, name, ListState(revision=former.revision + 1 if former else 1, changed_at=entry.at))


def keep(state: State, action: Action) -> None:
    """Keeps an action, and that it holds its target until it ended."""
    state.put(ACTIONS, action.id, action)
    key = f"{action.kind}/{action.target}"
    if action.state not in ENDED:
        state.put(TARGETS, key, action)
        return
    held = state.get(TARGETS, key)
    if held is not None and held.id == action.id:
        state.delete(TARGETS, key)


def present(state: State, action_id: ActionId) -> Action:
    """Returns an action.

    Raises:
        UnavailableError: `log-damaged`: no entry proposed it.
    """
    found = state.get(ACTIONS, action_id)
    if found is None:
        raise UnavailableError(f"an entry speaks of action {action_id}, which no entry proposed", code="log-damaged")
    return found

"""How each entry of a response action changes the state."""

from collections.abc import Mapping
from dataclasses import replace

from safeconduct.access.acts import record_act
from safeconduct.kernel.effects import clear_timer, finish_effect, set_timer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import ActionId
from safeconduct.kernel.instants import HOUR, Instant
from safeconduct.kernel.ports import Projection, State
from safeconduct.soc.actions import events
from safeconduct.soc.actions.edl import LIST_TOKENS, ListToken
from safeconduct.soc.actions.keeping import (
    CARRY_OUT,
    PREPARE,
    RUNS,
    UNDO,
    UNDO_AGAIN,
    VERIFY,
    Run,
    keep,
    keep_until,
    order_at_points,
    order_look,
    present,
    put_on_list,
    reported,
    take_off_list,
    timer_of,
)
from safeconduct.soc.actions.model import Action, PointReport, PointState, Presence
from safeconduct.soc.actions.states import OPEN, ActionState, Step


def _proposed(state: State, entry: Entry) -> None:
    event = events.PROPOSED.read(entry)
    action = Action(
        id=ActionId(entry.id),
        origin=entry.origin,
        kind=event.kind,
        target=event.target,
        incident=event.incident,
        claims=event.claims,
        proposed_by=event.by,
        proposed_at=entry.at,
        approval=event.approval,
        expires_s=event.expires_s,
        expires_at=event.decide_by,
        precondition=event.precondition,
        points=event.points,
    )
    keep(state, action)
    set_timer(state, timer_of(action))
    record_act(state, entry)


def _approved(state: State, entry: Entry) -> None:
    keep(state, present(state, events.APPROVED.read(entry).action).step(Step.APPROVE))


def _preauthorized(state: State, entry: Entry) -> None:
    event = events.PREAUTHORIZED.read(entry)
    keep(state, replace(present(state, event.action), playbook=event.clause).step(Step.APPROVE))


def _rejected(state: State, entry: Entry) -> None:
    action = present(state, events.REJECTED.read(entry).action)
    clear_timer(state, timer_of(action))
    keep(state, action.step(Step.REJECT))


def _executing(state: State, entry: Entry) -> None:
    event = events.EXECUTING.read(entry)
    action = replace(present(state, event.action), precondition=event.precondition).step(Step.EXECUTE)
    keep(state, action)
    run = Run(action=action.id, at=entry.at, asked=not action.playbook)
    for key, former in list(state.scan(RUNS, f"{action.kind}/")):
        if former.at <= entry.at - HOUR:
            state.delete(RUNS, key)
    state.insert(RUNS, f"{action.kind}/{entry.at:020d}/{action.id}", run)
    if action.points:
        # From here on it may take effect somewhere: its end is set before anything is done.
        keep_until(state, action, event.until)
        order_at_points(
            state, entry, PREPARE, action, [PointReport(point=one, state=PointState.READY) for one in action.points]
        )
    record_act(state, entry)


def _prepared(state: State, entry: Entry) -> None:
    event = events.PREPARED.read(entry)
    action = reported(state, event.action, event.points)
    keep(state, action)
    finish_effect(state, event.effect, PREPARE)
    order_at_points(state, entry, CARRY_OUT, action, action.reached)


def _not_done(state: State, entry: Entry) -> None:
    event = events.NOT_DONE.read(entry)
    keep(state, reported(state, event.action, event.points).step(Step.FAIL))
    for kind in (PREPARE, CARRY_OUT):
        finish_effect(state, event.effect, kind)


def _done(state: State, entry: Entry) -> None:
    event = events.DONE.read(entry)
    action = reported(state, event.action, event.points).step(Step.COMPLETE)
    if action.points:
        keep(state, action)
        finish_effect(state, event.effect, CARRY_OUT)
    else:
        action = keep_until(state, action, event.until)
        put_on_list(state, entry, action)
    order_look(state, entry, action, Presence.PRESENT)


def _verified(state: State, entry: Entry) -> None:
    event = events.VERIFIED.read(entry)
    action = reported(state, event.action, event.points)
    there = event.expect is Presence.PRESENT
    keep(state, action.step(Step.VERIFY) if there else replace(action, absence=ActionState.VERIFIED))
    finish_effect(state, event.effect, VERIFY)


def _failed(state: State, entry: Entry) -> None:
    event = events.FAILED.read(entry)
    action = reported(state, event.action, event.points)
    there = event.expect is Presence.PRESENT
    keep(state, action.step(Step.FAIL) if there else replace(action, absence=ActionState.FAILED))
    finish_effect(state, event.effect, VERIFY)


def _superseded(state: State, entry: Entry) -> None:
    finish_effect(state, events.SUPERSEDED.read(entry).effect, VERIFY)


def _undoing(state: State, entry: Entry) -> None:
    event = events.UNDOING.read(entry)
    action = present(state, event.action)
    clear_timer(state, timer_of(action))
    action = replace(action, why=event.why).step(Step.UNDO)
    keep(state, action)
    order_at_points(state, entry, UNDO, action, action.reached)
    record_act(state, entry)


def _undo_failed(state: State, entry: Entry) -> None:
    event = events.UNDO_FAILED.read(entry)
    action = reported(state, event.action, event.points).step(Step.FAIL)
    finish_effect(state, event.effect, UNDO)
    keep_until(state, action, Instant(entry.at + UNDO_AGAIN))


def _rolled_back(state: State, entry: Entry) -> None:
    event = events.ROLLED_BACK.read(entry)
    action = replace(reported(state, event.action, event.points), why=event.why)
    _end(state, entry, action, Step.ROLL_BACK)
    finish_effect(state, event.effect, UNDO)
    record_act(state, entry)


def _expired(state: State, entry: Entry) -> None:
    event = events.EXPIRED.read(entry)
    _end(state, entry, reported(state, event.action, event.points), Step.EXPIRE)
    finish_effect(state, event.effect, UNDO)


def _end(state: State, entry: Entry, action: Action, step: Step) -> None:
    clear_timer(state, timer_of(action))
    was_open, was_undoing = action.state in OPEN, action.state is ActionState.UNDOING
    action = action.step(step)
    keep(state, action)
    if was_open:
        return
    if not action.points:
        take_off_list(state, entry, action)
    if not action.points or was_undoing:
        order_look(state, entry, action, Presence.ABSENT)


def _list_token_issued(state: State, entry: Entry) -> None:
    event = events.LIST_TOKEN_ISSUED.read(entry)
    token = ListToken(list=event.list, holder=event.holder, hash=event.hash, issued_at=entry.at, entry=entry.id)
    state.put(LIST_TOKENS, f"{event.list}/{event.holder}", token)
    record_act(state, entry)


PROJECTIONS: Mapping[str, Projection] = {
    events.PROPOSED.name: _proposed,
    events.APPROVED.name: _approved,
    events.PREAUTHORIZED.name: _preauthorized,
    events.REJECTED.name: _rejected,
    events.EXECUTING.name: _executing,
    events.PREPARED.name: _prepared,
    events.NOT_DONE.name: _not_done,
    events.DONE.name: _done,
    events.VERIFIED.name: _verified,
    events.FAILED.name: _failed,
    events.SUPERSEDED.name: _superseded,
    events.UNDOING.name: _undoing,
    events.UNDO_FAILED.name: _undo_failed,
    events.ROLLED_BACK.name: _rolled_back,
    events.EXPIRED.name: _expired,
    events.LIST_TOKEN_ISSUED.name: _list_token_issued,
}

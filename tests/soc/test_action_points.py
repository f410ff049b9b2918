"""Responses at points: noted, carried out, seen and undone, whatever fails and whenever the process dies."""

import asyncio
import os
from types import SimpleNamespace

import pytest

from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.memory.points import OTHERS
from safeconduct.adapters.memory.records import MemoryState
from safeconduct.adapters.responses import carrying
from safeconduct.bootstrap.responding import carry_responses
from safeconduct.kernel.effects import OUTBOX, TIMERS
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.soc.actions.model import PointState, Why
from safeconduct.soc.actions.reading import find
from safeconduct.soc.actions.states import ActionState
from support.edr import SECRET, Receiver, serving
from support.faulty import Faulty
from support.points import field_of
from support.responses import ATTACKER

KIND = "drop-ip"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(carrying, "PAUSE_S", 0.0)


def later(here, count):
    here.writer.now = Instant(here.writer.now + seconds(count))


def states(around, action):
    found = find(around.here.writer.state, action.id)
    return found.state, {one.point: one.state for one in found.reports}


def held(around):
    return {name: ATTACKER in point.held for (name, _), point in around.points.items()}


def refusal(call, *arguments, **named):
    with pytest.raises(SafeconductError) as caught:
        call(*arguments, **named)
    return caught.value.code


def test_it_takes_effect_at_every_point_and_is_undone_at_each():
    around = field_of()
    action = around.here.blocked(kind=KIND)
    assert action.state is ActionState.EXECUTING
    assert held(around) == {"edge-1": False, "edge-2": False}
    around.settle()
    assert states(around, action) == (ActionState.VERIFIED, dict.fromkeys(("edge-1", "edge-2"), PointState.SEEN))
    assert held(around) == {"edge-1": True, "edge-2": True}
    assert around.here.roll_back(action.id).state is ActionState.UNDOING
    around.settle()
    found = find(around.here.writer.state, action.id)
    assert (found.state, found.absence, found.why) == (ActionState.ROLLED_BACK, ActionState.VERIFIED, Why.BY_HAND)
    assert held(around) == {"edge-1": False, "edge-2": False}
    assert [state.value for state in found.states] == [
        "proposed", "approved", "executing", "done", "verified", "undoing", "rolled-back",
    ]  # fmt: skip
    assert around.steps == [
        "response.prepare", "response.carry-out", "response.verify", "response.undo", "response.verify",
    ]  # fmt: skip
    assert list(around.here.writer.state.scan(TIMERS)) == list(around.here.writer.state.scan(OUTBOX)) == []


def test_entries_rebuild_the_state():
    around = field_of()
    action = around.here.blocked(kind=KIND)
    around.settle()
    around.here.roll_back(action.id)
    around.settle()
    again = MemoryState()
    for entry in around.here.writer.entries:
        around.here.writer.projections[entry.type](again, entry)
    assert again.rows == around.here.writer.state.rows


def test_what_another_held_before_stays_when_it_is_undone():
    around = field_of()
    around.points["edge-1", KIND].held[ATTACKER] = OTHERS
    action = around.here.blocked(kind=KIND)
    around.settle()
    around.here.roll_back(action.id)
    around.settle()
    assert held(around) == {"edge-1": True, "edge-2": False}
    assert find(around.here.writer.state, action.id).absence is ActionState.VERIFIED


METHODS = ("look", "apply", "undo")


@pytest.mark.parametrize("applied", [False, True], ids=["failed", "failed-but-applied"])
@pytest.mark.parametrize("method", METHODS)
def test_a_point_that_fails_once_is_asked_again(method, applied):
    for at in (1, 2, 3) if method == "look" else (1,):
        around = field_of()
        around.points["edge-1", KIND] = Faulty(around.points["edge-1", KIND], method, at, applied=applied)
        action = around.here.blocked(kind=KIND)
        around.settle()
        assert states(around, action)[0] is ActionState.VERIFIED
        around.here.roll_back(action.id)
        around.settle()
        ended = find(around.here.writer.state, action.id)
        assert (ended.state, ended.absence) == (ActionState.ROLLED_BACK, ActionState.VERIFIED)


class Killed(BaseException):
    """The process died here."""


def dying(carrier, *, told):
    """Has the process die in an effect: before its points are told, or after and before the entry."""

    async def submit(_command):
        raise Killed

    async def ask(*_given):
        raise Killed

    if told:
        carrier._submit = submit
    else:
        carrier._ask = ask
    return carrier


@pytest.mark.parametrize("told", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(5))
def test_a_process_that_dies_at_any_step_is_taken_up_where_it_was(number, told):
    around, whole = field_of(), None
    action = around.here.blocked(kind=KIND)
    for step in range(5):
        if step == 3:
            around.here.roll_back(action.id)
        if step == number:
            alive, around.carrier = around.carrier, lambda: dying(carrying_of(around), told=told)
            with pytest.raises(Killed):
                around.step()
            around.carrier = alive
        around.step()
    whole = find(around.here.writer.state, action.id)
    assert (whole.state, whole.absence) == (ActionState.ROLLED_BACK, ActionState.VERIFIED)
    assert held(around) == {"edge-1": False, "edge-2": False}
    assert around.waiting() == []
    assert [one for one in around.here.types() if "superseded" in one] == []


def carrying_of(around):
    return carrying.PointCarrier(around.here.writer, lambda: around.points)


class Away:
    """A point that is not there: whatever it is asked, nobody answers."""

    def __init__(self, point, *methods):
        self.point, self.methods = point, methods or METHODS

    def __getattr__(self, name):
        return (
            Faulty(self.point, name, 1, applied=False).__getattr__(name)
            if name in self.methods
            else getattr(self.point, name)
        )


def test_a_point_that_is_away_holds_up_no_other_and_is_shown():
    around = field_of()
    around.points["edge-2", KIND] = Away(around.points["edge-2", KIND])
    action = around.here.blocked(kind=KIND)
    around.settle()
    assert states(around, action) == (ActionState.FAILED, {"edge-1": PointState.SEEN, "edge-2": PointState.REFUSED})
    assert around.here.writer.entries[-1].body["detail"] == "partly"
    assert around.points["edge-1", KIND].held[ATTACKER] == action.id
    around.here.roll_back(action.id)
    around.settle()
    assert states(around, action)[0] is ActionState.ROLLED_BACK


def test_what_cannot_be_seen_anywhere_stays_for_a_person():
    around = field_of(points=("edge-1",))
    point = around.points["edge-1", KIND]
    action = around.here.blocked(kind=KIND)
    around.step()
    around.step()
    around.points["edge-1", KIND] = Away(point, "look")
    around.settle()
    assert states(around, action) == (ActionState.FAILED, {"edge-1": PointState.UNKNOWN})
    assert ATTACKER in point.held


def test_what_was_looked_for_everywhere_and_is_nowhere_is_undone():
    around = field_of()
    action = around.here.blocked(kind=KIND)
    around.step()
    around.step()
    for point in around.points.values():
        point.held.clear()
    around.settle()
    found = find(around.here.writer.state, action.id)
    assert (found.state, found.why) == (ActionState.ROLLED_BACK, Why.UNSEEN)
    assert ActionState.FAILED in found.states


def test_points_that_all_refuse_leave_nothing_to_undo():
    around = field_of()
    for point in around.points.values():
        point.refuses = "not-mine"
    action = around.here.blocked(kind=KIND)
    around.settle()
    found = find(around.here.writer.state, action.id)
    assert (found.state, found.why, around.steps.count("response.undo")) == (ActionState.ROLLED_BACK, Why.UNSEEN, 0)
    assert {one.detail for one in found.reports} == {"not-mine"}
    assert around.here.propose(kind=KIND).state is ActionState.PROPOSED


def test_a_point_without_a_place_is_named():
    around = field_of()
    del around.points["edge-2", KIND]
    action = around.here.blocked(kind=KIND)
    around.settle()
    found = {one.point: one.detail for one in find(around.here.writer.state, action.id).reports}
    assert found["edge-2"] == "point-unconfigured"
    assert ATTACKER in around.points["edge-1", KIND].held


def test_it_ends_at_every_point_by_its_time():
    around = field_of()
    action = around.here.blocked(kind=KIND)
    around.settle()
    later(around.here, 3600 - 0.000001)
    assert refusal(around.here.expire, action.id) == "action-in-force"
    later(around.here, 0.000001)
    assert around.here.expire(action.id).state is ActionState.UNDOING
    around.settle()
    assert states(around, action)[0] is ActionState.EXPIRED
    assert held(around) == {"edge-1": False, "edge-2": False}


def test_what_was_not_begun_in_its_time_is_not_begun():
    around = field_of()
    action = around.here.blocked(kind=KIND)
    later(around.here, 3600)
    around.settle()
    assert states(around, action)[0] is ActionState.ROLLED_BACK
    assert held(around) == {"edge-1": False, "edge-2": False}


def test_an_undo_that_fails_is_shown_and_tried_again_by_itself_and_by_hand():
    around = field_of()
    action = around.here.blocked(kind=KIND)
    around.settle()
    point = around.points["edge-1", KIND]
    around.points["edge-1", KIND] = Away(point)
    around.here.roll_back(action.id)
    around.settle()
    assert states(around, action) == (
        ActionState.UNDO_FAILED,
        {"edge-1": PointState.UNKNOWN, "edge-2": PointState.UNDONE},
    )
    later(around.here, 900 - 0.000001)
    assert refusal(around.here.expire, action.id) == "action-in-force"
    later(around.here, 0.000001)
    around.here.expire(action.id)
    around.settle()
    assert states(around, action)[0] is ActionState.UNDO_FAILED
    around.points["edge-1", KIND] = point
    around.here.roll_back(action.id)
    around.settle()
    ended = find(around.here.writer.state, action.id)
    assert (ended.state, ended.absence, held(around)["edge-1"]) == (
        ActionState.ROLLED_BACK,
        ActionState.VERIFIED,
        False,
    )


def test_it_can_not_be_undone_while_it_is_carried_out():
    around = field_of()
    action = around.here.blocked(kind=KIND)
    assert refusal(around.here.roll_back, action.id) == "action-executing"


def test_a_refusal_after_an_entry_that_got_lost_says_nothing_about_the_try_before():
    around = field_of(points=("edge-1",))
    action = around.here.blocked(kind=KIND)
    around.step()
    around.carrier, alive = (lambda: dying(carrying_of(around), told=True)), around.carrier
    with pytest.raises(Killed):
        around.step()
    around.carrier, point = alive, around.points["edge-1", KIND]
    point.refuses = "done-already"
    around.step()
    assert states(around, action) == (ActionState.DONE, {"edge-1": PointState.UNKNOWN})
    around.settle()
    assert states(around, action) == (ActionState.VERIFIED, {"edge-1": PointState.SEEN})


def test_a_look_that_a_later_action_overtook_says_nothing():
    around = field_of(points=("edge-1",))
    first = around.here.blocked(kind=KIND)
    around.settle()
    around.here.roll_back(first.id)
    around.step()
    around.here.blocked(kind=KIND)
    around.settle()
    assert around.here.types().count("soc.action.probe-superseded/1") == 1
    assert find(around.here.writer.state, first.id).absence is None


def test_a_server_joins_the_carrier_to_the_file_of_points(tmp_path, monkeypatch):
    monkeypatch.setenv("SOAR_SECRET", SECRET)
    around, receiver, does = field_of(points=("soar",)), Receiver(), {}
    house = SimpleNamespace(writer=around.here.writer, entropy=os.urandom, clock=SystemClock(), data=tmp_path)
    carry_responses(SimpleNamespace(on=does.__setitem__), house, lambda: "http://127.0.0.1:1")
    with serving(receiver) as url:
        (tmp_path / "responses.toml").write_text(
            f'[points.soar]\nkind = "webhook"\nurl = "{url}"\nkinds = ["drop-ip"]\nsecret-env = "SOAR_SECRET"\n'
        )
        action = around.here.blocked(kind=KIND)
        while waiting := around.waiting():
            for effect in waiting:
                asyncio.run(does[effect.kind](effect))
    assert states(around, action) == (ActionState.VERIFIED, {"soar": PointState.SEEN})
    assert receiver.messages == [f"{action.id}.look", f"{action.id}.apply"]

"""A model closes an incident: where its path may, for as long as nobody says otherwise, and people look again."""

import json
from dataclasses import replace

import pytest

from safeconduct.access import records as kept
from safeconduct.access.model.paths import ModelClosing
from safeconduct.kernel.effects import TIMERS
from safeconduct.kernel.instants import DAY, seconds
from safeconduct.soc.autonomy.level_events import STOPPED, Stopped
from safeconduct.soc.autonomy.levels import STANDINGS, Standing
from safeconduct.soc.autonomy.look_events import LOOK_TIMER
from safeconduct.soc.autonomy.looking import pass_due
from safeconduct.soc.autonomy.model import Autonomy
from support.operations_house import House
from support.telemetry import ran

PATH = "soc-triage"
UPDATER = "/tmp/.x/upd"  # noqa: S108 - a name in a line of the telemetry
WHY = {"reason": "the updater of the build host"}
BENIGN, FALSE, ATTACK = (WHY | {"disposition": one} for one in ("benign-positive", "false-positive", "true-positive"))
RULE = ModelClosing(dispositions=("benign-positive", "false-positive"), look_percent=100, look_days=7)


@pytest.fixture(scope="module")
def detected(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("house"))
    house.post("telemetry", ran(UPDATER, exe=UPDATER, serial=7).encode(), name="audit.log")
    house.writer.now += seconds(1)
    return house, house.post("detections")[1]["incidents"][0]


@pytest.fixture
def here(detected):
    """The house with its incident open, on a path that may close, whose model calls everything a false positive."""
    house, incident = detected
    house.model.say = lambda body: answer(body, "false-positive")
    allow(house)
    act(detected, f"incidents/{incident}/reopen", WHY)
    allow(house)
    return detected


def allow(house, rule=RULE, level=Autonomy.ACT):
    state = house.writer.state
    sealed = replace(state.get(kept.PATHS, PATH), autonomy="act", closing=rule)
    state.put(kept.PATHS, PATH, sealed)
    state.put(STANDINGS, PATH, Standing(path=PATH, models=sealed.models, level=level, since=house.writer.now))


def answer(body, judgment):
    schema = body["response_format"]["json_schema"]["schema"]["properties"]["observations"]
    choices = [one["properties"] for one in schema["items"]["anyOf"]]
    observed = [{name: value["const"] for name, value in one.items()} for one in choices]
    return json.dumps({"observations": observed[:2], "verdict": {"judgment": judgment, "claims": [1]}})


def act(here, path, body, by="ana"):
    house, _ = here
    house.writer.now += seconds(1)
    return house.post(path, body, by=by)


def triaged(here):
    return act(here, f"incidents/{here[1]}/triage", {})[1]


def in_force(here):
    (one,) = [one for one in here[0].get("autonomy")[1] if one["path"] == PATH]
    return one["in_force"], one["why"]


def owed(here):
    return {one["incident"]: one for one in here[0].get("looks")[1]["owed"]}


def rate(here):
    return here[0].get("looks")[1]["paths"][0]


def test_a_verdict_closes_the_incident_and_says_whose_it_is(here):
    house, incident = here
    told = triaged(here)
    closed = told["closed"]
    assert (closed["disposition"], closed["path"], closed["model"], closed["by"], closed["call"]) == (
        "false-positive", PATH, "stand-in", "ana", told["model"]["call"],
    )  # fmt: skip
    shown = house.get(f"incidents/{incident}")[1]
    assert shown["closed"] == closed
    verdict = [one for one in house.get(f"incidents/{incident}/claims")[1] if one["kind"] == "verdict"][-1]
    assert (verdict["outcome"], verdict["recorded"]) == ("verified", "verified")
    report = house.reply(f"incidents/{incident}/report").body.decode()
    assert f"as false-positive by the model stand-in on path {PATH}, which ana asked" in report
    assert triaged(here)["closed"] is None  # once
    assert act(here, f"incidents/{incident}/reopen", WHY)[0] == 200


@pytest.mark.parametrize(
    ("rule", "level", "judgment"),
    [
        (None, Autonomy.ACT, "false-positive"), (RULE, Autonomy.HUNT, "false-positive"),
        (replace(RULE, dispositions=("benign-positive",)), Autonomy.ACT, "false-positive"),
        (RULE, Autonomy.ACT, "true-positive"),
    ],
)  # fmt: skip
def test_what_the_path_does_not_let_it_close_stays_open(here, rule, level, judgment):
    house, incident = here
    allow(house, rule, level)
    house.model.say = lambda body: answer(body, judgment)
    assert triaged(here)["closed"] is None
    assert house.get(f"incidents/{incident}")[1]["closed"] is None


def test_a_stop_while_the_model_thinks_counts(here):
    house, incident = here

    def say(body):
        stopped = Stopped(path=PATH, by="bo")
        house.writer.run(lambda tx: tx.append(house.writer.entries[-1].origin, STOPPED.draft(stopped)))
        return answer(body, "false-positive")

    house.model.say = say
    told = triaged(here)
    assert (told["closed"], house.get(f"incidents/{incident}")[1]["closed"]) == (None, None)
    assert act(here, f"autonomy/{PATH}/resume", WHY, by="ops")[0] == 200


def test_a_look_that_finds_the_same_confirms(here):
    house, incident = here
    closing = triaged(here)["closed"]["entry"]
    look = owed(here)[incident]
    assert (look["closing"], look["percent"], "disposition" in look) == (closing, 100, False)
    before = rate(here)
    assert act(here, f"looks/{incident}", FALSE)[1]["outcome"] == "confirmed"
    assert (incident in owed(here), in_force(here)[0]) == (False, "act")
    assert (rate(here)["confirmed"], rate(here)["looked"]) == (before["confirmed"] + 1, before["looked"] + 1)
    assert act(here, f"looks/{incident}", FALSE)[1]["code"] == "look-not-due"
    assert house.get(f"incidents/{incident}")[1]["closed"]["entry"] == closing


def test_a_look_that_finds_something_else_opens_the_incident(here):
    house, incident = here
    triaged(here)
    assert act(here, f"looks/{incident}", BENIGN)[1]["outcome"] == "overturned"
    assert house.get(f"incidents/{incident}")[1]["closed"] is None
    assert in_force(here)[0] == "act"  # one, and no attack: the share says it


def test_a_look_that_finds_an_attack_costs_the_level_at_once(here):
    triaged(here)
    assert act(here, f"looks/{here[1]}", ATTACK)[1]["outcome"] == "overturned"
    assert in_force(here) == ("hunt", "missed")
    assert triaged(here)["closed"] is None


def test_an_attack_that_a_person_finds_without_a_draw_costs_it_too(here):
    _, incident = here
    triaged(here)
    act(here, f"incidents/{incident}/reopen", WHY)
    assert in_force(here)[0] == "act"
    act(here, f"incidents/{incident}/close", ATTACK)
    assert in_force(here) == ("hunt", "missed")


def test_a_look_that_nobody_takes_in_time_costs_the_level_and_is_still_owed(here):
    house, incident = here
    triaged(here)
    (timer,) = [one for _, one in house.writer.state.scan(TIMERS) if one.kind == LOOK_TIMER]
    assert timer.due_at == house.writer.now + 7 * DAY
    house.writer.run(lambda tx: pass_due(tx, timer.key))
    assert (in_force(here), owed(here)[incident]["overdue"]) == (("hunt", "look-overdue"), True)
    assert LOOK_TIMER not in {one.kind for _, one in house.writer.state.scan(TIMERS)}
    assert act(here, f"looks/{incident}", FALSE)[1]["outcome"] == "confirmed"


def test_what_was_opened_again_owes_no_look(here):
    house, incident = here
    triaged(here)
    act(here, f"incidents/{incident}/reopen", WHY)
    assert incident not in owed(here)
    assert LOOK_TIMER not in {one.kind for _, one in house.writer.state.scan(TIMERS)}
    assert act(here, f"looks/{incident}", FALSE)[1]["code"] == "look-not-due"


@pytest.mark.parametrize(
    ("body", "by", "code"), [(FALSE | {"reason": " "}, "ana", "closing-invalid"), (FALSE, "ops", "role-missing")]
)
def test_who_looks_says_why(here, body, by, code):
    triaged(here)
    assert act(here, f"looks/{here[1]}", body, by=by)[1]["code"] == code


def test_the_recorded_intrusion_is_cleared_by_no_model(tmp_path):
    house = House(tmp_path)
    incident = house.detected()
    allow(house)
    house.model.say = lambda body: answer(body, "false-positive")
    told = act((house, incident), f"incidents/{incident}/triage", {})[1]
    (verdict,) = [one for one in told["claims"] if one["kind"] == "verdict"]
    assert (told["closed"], verdict["outcome"], verdict["reason"]) == (None, "rejected", "too-grave")

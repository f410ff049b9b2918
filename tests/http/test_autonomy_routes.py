"""Levels of autonomy over the control API: earned by evidence, lost without anybody's act, stopped at once."""

import json
from dataclasses import replace

import pytest

from safeconduct.access import records as kept
from safeconduct.access.model.parties import Role
from safeconduct.kernel.instants import seconds
from safeconduct.soc.autonomy.evidence import BARS, JUDGED_MIN, Evidence
from safeconduct.soc.autonomy.levels import STANDINGS, standing_of
from safeconduct.soc.autonomy.model import Autonomy
from support.operations_house import House

PATH = "soc-triage"
WHY = {"reason": "looked at its record"}
TO_TRIAGE = WHY | {"level": "triage"}


@pytest.fixture(scope="module")
def detected(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("house"))
    incident = house.detected()
    house.model.say = lambda body: json.dumps({"observations": [_first(body)]})
    return house, incident


@pytest.fixture
def here(detected):
    """The house, its path beginning as an adviser of which at most `hunt` can be earned."""
    house, _ = detected
    sealed = house.writer.state.get(kept.PATHS, PATH)
    house.writer.state.put(kept.PATHS, PATH, replace(sealed, autonomy="hunt", autonomy_start="advise"))
    house.writer.state.delete(STANDINGS, PATH)
    return detected


def _first(body):
    one = body["response_format"]["json_schema"]["schema"]["properties"]["observations"]["items"]["anyOf"][0]
    return {name: value["const"] for name, value in one["properties"].items()}


def act(here, path, body=WHY, by="ops"):
    house, _ = here
    house.writer.now += seconds(1)
    return house.post(path, body, by=by)


def shown(here):
    (one,) = [one for one in here[0].get("autonomy")[1] if one["path"] == PATH]
    return one


def answered(here, verb, times=1, *, by="ana"):
    """Has so many answers reviewed."""
    for _ in range(times):
        call = act(here, f"incidents/{here[1]}/explain", {}, by="ana")[1]["model"]["call"]
        assert act(here, f"reviews/{call}/{verb}", by=by)[0] == 200


@pytest.fixture
def both(here):
    """The same, and ana may promote what she reviews, as far as roles go."""
    writer = here[0].writer
    ana = writer.state.get(kept.PRINCIPALS, "ana")
    writer.state.put(kept.PRINCIPALS, "ana", replace(ana, roles=(*ana.roles, Role.ADMINISTRATOR)))
    yield here
    writer.state.put(kept.PRINCIPALS, "ana", ana)  # by now another one: each commit makes its own


def promoted(here):
    """Promotes the path on as many good reviews as it takes."""
    state = here[0].writer.state
    standing = standing_of(state, state.get(kept.PATHS, PATH))
    state.put(STANDINGS, PATH, replace(standing, evidence=Evidence(reviews=(True,) * 10)))
    assert act(here, f"autonomy/{PATH}/promote", TO_TRIAGE)[1]["in_force"] == "triage"


def test_a_level_is_earned_and_the_entry_cites_the_evidence(here):
    refused = act(here, f"autonomy/{PATH}/promote", TO_TRIAGE)[1]
    assert (refused["code"], shown(here)["in_force"]) == ("autonomy-unearned", "advise")
    assert "0 of 10 answers reviewed" in refused["detail"]
    answered(here, "accept", BARS[Autonomy.TRIAGE].reviewed)
    assert shown(here)["lacking"]["triage"] == []
    status, told = act(here, f"autonomy/{PATH}/promote", TO_TRIAGE)
    assert (status, told["in_force"], told["why"]) == (200, "triage", "promoted")
    entry = here[0].entry(told["entry"])
    assert (entry.type, entry.body["accepted"], entry.body["former"]) == (
        "soc.autonomy.promoted/1", {"found": 10, "of": 10}, "advise",
    )  # fmt: skip
    assert here[0].writer.drafts[entry.id].sealed == WHY
    assert told["accepted"]["of"] == 0  # the next level takes evidence of this one


def test_who_reviewed_promotes_nothing_by_it_and_another_person_does(both):
    answered(both, "accept", BARS[Autonomy.TRIAGE].reviewed - 1, by="bo")
    answered(both, "accept")
    told = act(both, f"autonomy/{PATH}/promote", TO_TRIAGE, by="ana")[1]
    assert (told["code"], shown(both)["in_force"]) == ("autonomy-own-review", "advise")
    assert act(both, f"autonomy/{PATH}/promote", TO_TRIAGE)[1]["in_force"] == "triage"


def test_a_promotion_looks_at_the_reviews_alone_that_speak_for_it(both):
    answered(both, "accept")  # at a level that is no more
    state = both[0].writer.state
    state.delete(STANDINGS, PATH)
    answered(both, "accept", BARS[Autonomy.TRIAGE].reviewed, by="bo")
    assert act(both, f"autonomy/{PATH}/promote", TO_TRIAGE, by="ana")[1]["in_force"] == "triage"


def test_a_level_is_lost_at_once_by_the_entry_that_shows_it(here):
    promoted(here)
    answered(here, "reject", JUDGED_MIN - 1)
    assert shown(here)["in_force"] == "triage"
    answered(here, "reject")
    found = shown(here)
    assert (found["in_force"], found["why"]) == ("advise", "reviews")
    assert here[0].entry(found["entry"]).type == "soc.answer.reviewed/1"


def test_models_that_the_program_names_anew_begin_anew(here):
    promoted(here)
    state = here[0].writer.state
    sealed = state.get(kept.PATHS, PATH)
    state.put(kept.PATHS, PATH, replace(sealed, models=("another",)))
    assert (shown(here)["in_force"], shown(here)["accepted"]["of"]) == ("advise", 0)
    state.put(kept.PATHS, PATH, sealed)
    assert shown(here)["in_force"] == "triage"


def test_a_stop_takes_effect_on_the_next_question_and_waits_for_nobody(here):
    asked = len(here[0].model.sent)
    assert act(here, f"autonomy/{PATH}/stop", by="bo")[1]["stopped_by"]
    told = act(here, f"incidents/{here[1]}/explain", {}, by="ana")[1]
    assert (told["model"]["error"]["code"], len(here[0].model.sent)) == ("autonomy-stopped", asked)
    assert act(here, f"autonomy/{PATH}/promote", TO_TRIAGE)[1]["code"] == "autonomy-stopped"
    assert act(here, f"autonomy/{PATH}/stop", by="bo")[1]["code"] == "autonomy-stands"
    assert act(here, f"autonomy/{PATH}/resume", by="bo")[1]["code"] == "role-missing"
    assert act(here, f"autonomy/{PATH}/resume")[1]["stopped_by"] == ""
    assert act(here, f"incidents/{here[1]}/explain", {}, by="ana")[1]["model"]["error"] is None
    assert act(here, f"autonomy/{PATH}/resume")[1]["code"] == "autonomy-stands"


def test_a_stop_costs_what_was_earned(here):
    promoted(here)
    act(here, f"autonomy/{PATH}/stop")
    assert act(here, f"autonomy/{PATH}/resume")[1]["in_force"] == "advise"


def test_a_person_lowers_a_level_at_once(here):
    promoted(here)
    down = WHY | {"level": "advise"}
    assert act(here, f"autonomy/{PATH}/demote", down, by="bo")[1]["in_force"] == "advise"
    assert act(here, f"autonomy/{PATH}/demote", down, by="bo")[1]["code"] == "autonomy-invalid"


@pytest.mark.parametrize(
    ("by", "path", "body", "code"),
    [
        ("ana", PATH, TO_TRIAGE, "role-missing"), ("bo", PATH, TO_TRIAGE, "role-missing"),
        ("ops", PATH, WHY | {"level": "act"}, "autonomy-ceiling"),
        ("ops", PATH, WHY | {"level": "advise"}, "autonomy-invalid"),
        ("ops", PATH, TO_TRIAGE | {"reason": " "}, "autonomy-invalid"),
        ("ops", "no-such-path", TO_TRIAGE, "path-unknown"),
    ],
)  # fmt: skip
def test_who_promotes_what(here, by, path, body, code):
    assert act(here, f"autonomy/{path}/promote", body, by=by)[1]["code"] == code

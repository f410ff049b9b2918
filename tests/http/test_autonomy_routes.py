"""Levels of autonomy over the control API: earned by evidence, lost without anybody's act, stopped at once."""

import json
from dataclasses import replace

import pytest

from safeconduct.access import records as kept
from safeconduct.access.model.parties import Role
from safeconduct.kernel.instants import seconds
from safeconduct.soc.autonomy.evidence import BARS, JUDGED_MIN, Evidence
from safeconduct.soc.autonomy.findings import Judged
from safeconduct.soc.autonomy.levels import STANDINGS, standing_of
from safeconduct.soc.autonomy.model import Autonomy
from safeconduct.soc.incidents.events import INCIDENTS
from support.operations_house import House

PATH = "soc-triage"
GOOD = tuple(Judged(incident=f"i{number}", good=1, bad=0, by=("bo",)) for number in range(10))
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


def another(here, number):
    """Returns the incident that has this number: the one that was detected, or one like it."""
    house, incident = here
    found = house.writer.state.get(INCIDENTS, incident)
    name = f"{incident}-{number}" if number else incident
    house.writer.state.put(INCIDENTS, name, replace(found, id=name))
    return name


def answered(here, verb, incidents=1, *, by="ana", answers=1, after=0):
    """Has so many answers reviewed of so many incidents each, those from number `after` on."""
    for number in range(after, after + incidents):
        incident = another(here, number)
        for _ in range(answers):
            call = act(here, f"incidents/{incident}/explain", {}, by="ana")[1]["model"]["call"]
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
    state.put(STANDINGS, PATH, replace(standing, evidence=Evidence(by_review=GOOD)))
    assert act(here, f"autonomy/{PATH}/promote", TO_TRIAGE)[1]["in_force"] == "triage"


def test_a_level_is_earned_and_the_entry_cites_the_evidence(here):
    refused = act(here, f"autonomy/{PATH}/promote", TO_TRIAGE)[1]
    assert (refused["code"], shown(here)["in_force"]) == ("autonomy-too-few-incidents", "advise")
    assert "0 of 10 distinct incidents reviewed" in refused["detail"]
    answered(here, "accept", BARS[Autonomy.TRIAGE].reviewed)
    assert shown(here)["lacking"]["triage"] == []
    status, told = act(here, f"autonomy/{PATH}/promote", TO_TRIAGE)
    assert (status, told["in_force"], told["why"]) == (200, "triage", "promoted")
    entry = here[0].entry(told["entry"])
    assert (entry.type, entry.body["accepted"], entry.body["former"]) == (
        "soc.autonomy.promoted/1", {"found": 10, "of": 10}, "advise",
    )  # fmt: skip
    assert here[0].writer.drafts[entry.id].sealed == WHY
    assert entry.body["incidents"]["accepted"] == {"found": 10, "of": 10}
    assert told["accepted"]["of"] == 0  # the next level takes evidence of this one


def test_fifty_reviews_of_one_incident_promote_nothing_and_fifty_incidents_do(here):
    state, to_act = here[0].writer.state, WHY | {"level": "act"}
    state.put(kept.PATHS, PATH, replace(state.get(kept.PATHS, PATH), autonomy="act"))
    answered(here, "accept", answers=BARS[Autonomy.ACT].reviewed)
    for body in (TO_TRIAGE, to_act):
        refused = act(here, f"autonomy/{PATH}/promote", body)[1]
        assert refused["code"] == "autonomy-too-few-incidents"
    assert "1 of 50 distinct incidents reviewed, by 50 answers" in refused["detail"]
    found = shown(here)
    assert (found["accepted"]["found"], found["accepted"]["of"]) == (1, 1)
    assert (found["accepted"]["answers"], found["in_force"]) == ({"found": 50, "of": 50}, "advise")
    answered(here, "accept", BARS[Autonomy.ACT].reviewed)
    assert act(here, f"autonomy/{PATH}/promote", to_act)[1]["in_force"] == "act"


def test_an_incident_that_grows_or_is_merged_stays_one(here):
    state = here[0].writer.state
    answered(here, "accept", BARS[Autonomy.TRIAGE].reviewed)
    assert shown(here)["lacking"]["triage"] == []
    grown = another(here, 0)
    for number in range(1, BARS[Autonomy.TRIAGE].reviewed):
        name = another(here, number)
        state.put(INCIDENTS, name, replace(state.get(INCIDENTS, name), continued_by=grown))
    assert shown(here)["accepted"]["of"] == 1
    assert act(here, f"autonomy/{PATH}/promote", TO_TRIAGE)[1]["code"] == "autonomy-too-few-incidents"


def test_asking_until_an_answer_pleases_makes_no_incident_good(here):
    answered(here, "accept", BARS[Autonomy.TRIAGE].reviewed)
    answered(here, "reject", 3)
    answered(here, "accept", 3, answers=3)
    refused = act(here, f"autonomy/{PATH}/promote", TO_TRIAGE)[1]
    assert (refused["code"], shown(here)["accepted"]["found"]) == ("autonomy-unearned", 7)
    assert "share of incidents accepted" in refused["detail"]


def test_who_reviewed_promotes_nothing_by_it_and_another_person_does(both):
    answered(both, "accept", BARS[Autonomy.TRIAGE].reviewed - 1, by="bo")
    answered(both, "accept", after=BARS[Autonomy.TRIAGE].reviewed - 1)
    told = act(both, f"autonomy/{PATH}/promote", TO_TRIAGE, by="ana")[1]
    assert (told["code"], shown(both)["in_force"]) == ("autonomy-own-review", "advise")
    assert act(both, f"autonomy/{PATH}/promote", TO_TRIAGE)[1]["in_force"] == "triage"


def test_a_promotion_looks_at_the_reviews_alone_that_speak_for_it(both):
    answered(both, "accept")  # at a level that is no more
    both[0].writer.state.delete(STANDINGS, PATH)
    answered(both, "accept", BARS[Autonomy.TRIAGE].reviewed, by="bo")
    assert act(both, f"autonomy/{PATH}/promote", TO_TRIAGE, by="ana")[1]["in_force"] == "triage"


def test_a_level_is_lost_at_once_by_the_entry_that_shows_it(here):
    promoted(here)
    answered(here, "reject", JUDGED_MIN - 1, answers=2)
    assert shown(here)["in_force"] == "triage"
    answered(here, "reject", after=JUDGED_MIN - 1)
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

"""A model explains an incident and hunts about it; what it claims is checked, what it proposes runs within bounds."""

import json

import pytest

from safeconduct.kernel.errors import RefusedError
from safeconduct.soc.model_hunts import CONDITIONS_MAX, HUNTS_MAX, VALUE_CHARS_MAX
from support.operations_house import House
from support.programs import demo_program, in_force

NEVER = {"field": "user", "operator": "equals", "value": "mallory"}
ROOT = {"field": "user", "operator": "equals", "value": "ROOT"}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    hunting = demo_program().replace(b"autonomy: triage", b"autonomy: hunt")
    house = House(tmp_path_factory.mktemp("house"), in_force(hunting))
    return house, house.detected()


def text_of(body):
    return body["messages"][-1]["content"]


def hunter(*hunts, claims=lambda _body: {}):
    """Proposes these hunts, then claims what `claims` makes of the second question."""

    def say(body):
        proposing = body["response_format"]["json_schema"]["name"] == "hunts"
        return json.dumps({"hunts": list(hunts)} if proposing else claims(body))

    return say


def proposal(*where, window="around", source="auth"):
    return {"window": window, "source": source, "where": list(where)}


def test_a_model_explains_without_a_verdict(here):
    house, incident = here

    def say(body):
        schema = body["response_format"]["json_schema"]["schema"]["properties"]
        assert "verdict" not in schema
        one = schema["observations"]["items"]["anyOf"][0]["properties"]
        return json.dumps({"observations": [{name: value["const"] for name, value in one.items()}]})

    house.model.say = say
    status, found = house.post(f"incidents/{incident}/explain")
    assert (status, [one["outcome"] for one in found["claims"]]) == (200, ["verified"])
    assert "Explain" in text_of(found["left_the_house"][0]["body"])
    _, recorded = house.get(f"incidents/{incident}/claims")
    assert found["claims"][0]["id"] in {one["id"] for one in recorded}


def test_a_model_hunts_and_says_what_is_there_and_what_is_not(here):
    house, incident = here
    counted = {}

    def claims(body):
        lines = [line for line in text_of(body).splitlines() if line.startswith("hunt ")]
        counted.update({int(line.split()[1].strip(",")): int(line.rsplit(": ", 1)[1].split()[0]) for line in lines})
        return {"absences": [{"hunt": 1}, {"hunt": 2}], "tallies": [{"hunt": 2, "count": counted[2]}]}

    house.model.say = hunter(proposal(NEVER), proposal(ROOT), claims=claims)
    status, found = house.post(f"incidents/{incident}/hunt")
    assert status == 200
    assert [one["counted"] for one in found["hunts"]] == [0, counted[2]]
    assert counted[2] > 0
    outcomes = {(one["kind"], one["outcome"], one["reason"]) for one in found["claims"]}
    assert ("tally", "verified", "grounded") in outcomes
    assert ("negative", "rejected", "found-some") in outcomes
    assert [one["call"] for one in found["left_the_house"]] == sorted({one["call"] for one in found["left_the_house"]})
    assert len(found["left_the_house"]) == 2
    _, recorded = house.get(f"incidents/{incident}/claims")
    again = {one["id"]: one["outcome"] for one in recorded}
    assert all(again[one["id"]] == one["outcome"] for one in found["claims"])


def test_what_is_no_hunt_is_named_and_nothing_else_runs(here):
    house, incident = here
    bad = [
        proposal({**ROOT, "field": "select * from events"}),
        proposal({**ROOT, "operator": "regex"}),
        proposal({**ROOT, "value": "x" * (VALUE_CHARS_MAX + 1)}),
        proposal(source="everything"),
        proposal(window="always"),
        proposal(*[ROOT] * (CONDITIONS_MAX + 1)),
        {"sql": "drop table events"},
        "ignore all previous instructions",
    ]
    for one in bad:
        house.model.say = hunter(one)
        _, found = house.post(f"incidents/{incident}/hunt")
        assert (found["hunts"], found["no_hunts"]) == ([], [{"position": 1, "code": "no-hunt"}])
        assert len(found["left_the_house"]) == 1


def test_a_value_at_the_limit_is_one_and_so_are_so_many_hunts(here):
    house, incident = here
    longest = {**ROOT, "value": "x" * VALUE_CHARS_MAX}
    many = [proposal({**longest, "value": f"{number}"}) for number in range(HUNTS_MAX + 1)]
    house.model.say = hunter(proposal(longest))
    assert len(house.post(f"incidents/{incident}/hunt")[1]["hunts"]) == 1
    house.model.say = hunter(*many[:HUNTS_MAX])
    assert house.post(f"incidents/{incident}/hunt")[1]["no_hunts"] == []
    house.model.say = hunter(*many)
    _, found = house.post(f"incidents/{incident}/hunt")
    assert len(found["hunts"]) == HUNTS_MAX
    assert found["no_hunts"] == [{"position": HUNTS_MAX + 1, "code": "too-many-hunts"}]


@pytest.mark.parametrize("text", ["", "x" * 99_999, "[]", '{"hunts": 1}', "[" * 9_999])
def test_an_answer_that_holds_no_hunts_ends_it(here, text):
    house, incident = here
    house.model.say = lambda _body: text
    _, found = house.post(f"incidents/{incident}/hunt")
    assert (found["hunts"], found["no_hunts"], found["claims"]) == ([], [{"position": 0, "code": "not-json"}], [])


def test_the_hunts_stay_when_the_second_question_is_refused(here):
    house, incident = here
    first = hunter(proposal(ROOT))

    def say(body):
        proposing = body["response_format"]["json_schema"]["name"] == "hunts"
        return first(body) if proposing else RefusedError("frozen", code="frozen")

    house.model.say = say
    _, found = house.post(f"incidents/{incident}/hunt")
    assert (len(found["hunts"]), found["model"]["error"]["code"]) == (1, "frozen")


@pytest.mark.parametrize("question", ["explain", "hunt"])
def test_who_may_not_ask(here, question):
    house, incident = here
    house.model.say = lambda _body: "{}"
    assert house.post(f"incidents/{incident}/{question}", by="ops")[1]["code"] == "role-missing"
    assert house.post(f"incidents/ffff/{question}")[1]["code"] == "incident-unknown"
    assert house.post(f"incidents/{incident}/{question}", {"query": "select 1"})[0] == 400


@pytest.mark.parametrize("question", ["explain", "hunt"])
def test_a_model_that_is_refused_is_told_of(here, question):
    house, incident = here
    house.model.say = lambda _body: RefusedError("no", code="frozen")
    _, found = house.post(f"incidents/{incident}/{question}")
    assert (found["model"]["error"]["code"], found["claims"]) == ("frozen", [])


def test_a_path_that_may_not_hunt_is_asked_nothing(tmp_path):
    house = House(tmp_path)
    incident = house.detected()
    house.model.say = hunter(proposal(NEVER))
    _, found = house.post(f"incidents/{incident}/hunt")
    assert (found["model"]["error"]["code"], found["left_the_house"], house.model.sent) == ("autonomy-exceeded", [], [])
    assert found["model"]["error"]["clause"] == "path:soc-triage/autonomy"

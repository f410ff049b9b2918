"""People review what a model answered about an incident; what they made of it is told by path."""

import json

import pytest

from safeconduct.kernel.instants import seconds
from safeconduct.kernel.shares import wilson
from safeconduct.soc.reasons import REASON_CHARS_MAX
from support.operations_house import House

WHY = {"reason": "looked at the host"}
RIGHT = WHY | {"judgment": "false-positive"}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("house"))
    incident = house.detected()
    house.model.say = lambda body: json.dumps({"observations": [_first(body)]})
    return house, incident


def _first(body):
    one = body["response_format"]["json_schema"]["schema"]["properties"]["observations"]["items"]["anyOf"][0]
    return {name: value["const"] for name, value in one["properties"].items()}


def act(house, path, body=WHY, **named):
    house.writer.now += seconds(1)
    return house.post(path, body, **named)


def answered(here):
    """Returns the call of one more answer."""
    house, incident = here
    return act(house, f"incidents/{incident}/explain", {})[1]["model"]["call"]


def decided(house, call):
    (one,) = [one for one in house.get("reviews")[1] if one["call"] == call]
    return one


def test_an_answer_waits_until_somebody_accepts_it(here):
    house, incident = here
    call = answered(here)
    waiting = decided(house, call)
    assert (waiting["decision"], waiting["incident"], waiting["path"]) == ("", incident, "soc-triage")
    assert (waiting["claims"], waiting["verified"], waiting["verdict"]) == (1, 1, "")
    status, told = act(house, f"reviews/{call}/accept")
    assert (status, told["decision"], told["by"]) == (200, "accepted", "ana")
    assert decided(house, call)["reviewed_at"] == told["reviewed_at"]


def test_an_answer_that_held_nothing_readable_waits_too(here):
    house, incident = here
    say, house.model.say = house.model.say, lambda _body: "no JSON"
    call = act(house, f"incidents/{incident}/explain", {})[1]["model"]["call"]
    house.model.say = say
    assert (decided(house, call)["claims"], decided(house, call)["decision"]) == (0, "")


def test_the_report_counts_by_path_with_its_interval(here):
    house, _ = here
    before = house.get("reviews/report")[1][0]
    for verb, said in (("accept", WHY), ("accept", WHY), ("correct", RIGHT), ("reject", WHY)):
        assert act(house, f"reviews/{answered(here)}/{verb}", said)[0] == 200
    answered(here)
    (after,) = house.get("reviews/report")[1]
    grown = {name: after[name] - before[name] for name in ("answers", "reviewed", "accepted", "corrected", "rejected")}
    assert grown == {"answers": 5, "reviewed": 4, "accepted": 2, "corrected": 1, "rejected": 1}
    assert (after["path"], after["in_force"]) == ("soc-triage", "triage")
    assert after["accepted_share"] == [round(one, 3) for one in wilson(after["accepted"], after["reviewed"])]


def test_a_review_stands_for_good(here):
    house, _ = here
    call = answered(here)
    act(house, f"reviews/{call}/reject")
    status, told = act(house, f"reviews/{call}/accept")
    assert (status, told["code"], decided(house, call)["decision"]) == (409, "answer-reviewed", "rejected")


def test_the_reason_is_sealed_and_the_judgment_is_told(here):
    house, _ = here
    told = act(house, f"reviews/{answered(here)}/correct", RIGHT)[1]
    entry = house.entry(told["entry"])
    assert (entry.type, entry.body["judgment"], "reason" in entry.body) == (
        "soc.answer.reviewed/1", "false-positive", False,
    )  # fmt: skip
    assert WHY["reason"] not in str(entry.body)


@pytest.mark.parametrize(
    ("verb", "said", "status"),
    [
        ("accept", {"reason": ""}, 400), ("accept", {"reason": " "}, 400), ("accept", {}, 400),
        ("accept", {"reason": "x" * (REASON_CHARS_MAX + 1)}, 400), ("accept", RIGHT, 400),
        ("correct", WHY, 400), ("correct", RIGHT | {"judgment": "fine"}, 400),
        ("reject", {"reason": "x" * REASON_CHARS_MAX}, 200),
    ],
)  # fmt: skip
def test_a_review_says_why_and_a_correction_what_is_right(here, verb, said, status):
    house, _ = here
    call = answered(here)
    assert act(house, f"reviews/{call}/{verb}", said)[0] == status
    assert bool(decided(house, call)["decision"]) is (status == 200)


@pytest.mark.parametrize(("by", "code"), [("ops", "role-missing"), ("bo", None)])
def test_who_triages_reviews(here, by, code):
    house, _ = here
    assert act(house, f"reviews/{answered(here)}/accept", by=by)[1].get("code") == code


def test_what_no_model_answered_has_no_review(here):
    house, incident = here
    count = len(house.get("reviews")[1])
    act(house, f"incidents/{incident}/triage", {"model": False})
    assert len(house.get("reviews")[1]) == count
    assert act(house, "reviews/01JDNOTHING/accept")[1]["code"] == "answer-unknown"

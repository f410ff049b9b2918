"""Alerts held back over the control API: where, for how long, by whom, counted, and told again."""

import pytest

from safeconduct.kernel.instants import parse_rfc3339, rfc3339, seconds
from safeconduct.soc.tuning import DAYS_MAX, PLACES_MAX, REASON_CHARS_MAX
from support.operations_house import House
from support.sigma import identity, rule
from support.telemetry import START, visit

ODD = rule({"s": {"cs-uri-stem|endswith": "/odd"}, "condition": "s"}, "odd")
UNTIL = rfc3339(START + seconds(3600))


@pytest.fixture
def house(tmp_path):
    """One visitor asks three times, another once; the rule fires on each."""
    made = House(tmp_path)
    lines = [visit("/odd", at_s=s, ip=ip) for s, ip in ((0, "192.0.2.1"), (60, "192.0.2.1"), (60, "192.0.2.2"))]
    lines.append(visit("/odd", at_s=3600, ip="192.0.2.1"))
    made.post("telemetry", "\n".join(lines).encode(), name="access.log")
    act(made, "rules/collections", {"files": [{"name": "odd.yml", "text": ODD}]}, name="own")
    return made


def act(house, path, body=b"", **query):
    house.writer.now += seconds(1)
    return house.post(path, body, **query)


def asked(house, **changed):
    event = next(iter(house.events.between()))
    return {
        "rule": identity("odd"),
        "event": event.id,
        "places": ["/raw/remote_addr"],
        "until": UNTIL,
        "reason": "our own scanner",
    } | changed


def detected(house):
    found = act(house, "detections")[1]
    return len([one for one in found["alerts"] if one["title"] == "Rule odd"]), sum(found["held_back"].values())


def test_alerts_are_held_back_where_and_while_it_says_so(house):
    assert detected(house) == (4, 0)
    status, told = act(house, "rules/tune-outs", asked(house))
    assert (status, told["by"], told["rule"]) == (200, "ana", identity("odd"))
    assert detected(house) == (2, 2)
    (listed,) = house.get("rules/tune-outs")[1]
    assert (listed["by"], listed["title"], listed["reason"]) == ("ana", "Rule odd", "our own scanner")
    assert (listed["first"], listed["until"]) == (rfc3339(START), UNTIL)


def test_it_ends_and_everything_is_told_again(house):
    key = act(house, "rules/tune-outs", asked(house))[1]["id"]
    assert act(house, "rules/tune-outs", asked(house, reason="again"))[1]["reason"] == "our own scanner"
    assert act(house, f"rules/tune-outs/{key}/end")[0] == 200
    assert detected(house) == (4, 0)
    assert act(house, f"rules/tune-outs/{key}/end")[1]["code"] == "tune-out-unknown"
    types = [entry.type for entry in house.writer.entries if "tune-out" in entry.type]
    assert types == ["soc.tune-out.begun/1", "soc.tune-out.ended/1"]


def test_no_value_stands_in_the_log(house):
    act(house, "rules/tune-outs", asked(house))
    (entry,) = [entry for entry in house.writer.entries if entry.type == "soc.tune-out.begun/1"]
    assert "192.0.2.1" not in str(entry.body)


@pytest.mark.parametrize("place", ["/raw/remote_addr", "/ocsf/src_endpoint/ip"])
def test_places_are_of_the_record_and_of_its_meaning(house, place):
    act(house, "rules/tune-outs", asked(house, places=[place, "/raw/uri"]))
    assert detected(house) == (2, 2)


def test_an_alert_whose_events_are_not_all_alike_is_told(house):
    act(house, "rules/tune-outs", asked(house, places=["/raw/remote_addr", "/raw/time"]))
    assert detected(house) == (3, 1)


DAY = 86_400
EDGE = rfc3339(START + seconds(DAYS_MAX * DAY))
WRONG = [
    {"rule": "nothing"},
    {"event": "0" * 32},
    {"places": []},
    {"places": ["/raw/nothing"]},
    {"places": ["/ocsf/src_endpoint"]},
    {"places": [f"/raw/{n}" for n in range(PLACES_MAX + 1)]},
    {"until": rfc3339(START)},
    {"until": rfc3339(parse_rfc3339(EDGE) + 1)},
    {"until": "tomorrow"},
    {"reason": " "},
    {"reason": "x" * (REASON_CHARS_MAX + 1)},
]


@pytest.mark.parametrize("changed", WRONG)
def test_what_says_nothing_that_can_be_held_to_is_refused(house, changed):
    assert act(house, "rules/tune-outs", asked(house, **changed))[0] in {400, 404}
    assert house.get("rules/tune-outs")[1] == []


def test_at_its_edges_it_is_taken(house):
    assert act(house, "rules/tune-outs", asked(house, until=EDGE, reason="x" * REASON_CHARS_MAX))[0] == 200


@pytest.mark.parametrize(("by", "code"), [("ops", "not-the-owner"), ("stranger", "signer-unknown")])
def test_only_the_owners_own_people_hold_alerts_back(house, by, code):
    assert act(house, "rules/tune-outs", asked(house), by=by)[1]["code"] == code
    key = act(house, "rules/tune-outs", asked(house))[1]["id"]
    assert act(house, f"rules/tune-outs/{key}/end", by=by)[1]["code"] == code
    assert len(house.get("rules/tune-outs")[1]) == 1

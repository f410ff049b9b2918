"""Hunts over the control API: who may ask, what is answered, what is refused."""

from urllib.parse import urlencode

import msgspec
import pytest

from safeconduct.http.inprocess import Ask
from safeconduct.soc.hunts.showing import SHOWN_MAX
from support.operations_house import LOCAL, House
from support.sigma import rule
from support.telemetry import visit


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    lines = [visit("/a"), visit("/login", at_s=1), visit("/a", at_s=2, ip="198.51.100.7")]
    assert made.post("telemetry", "\n".join(lines).encode(), name="access.log")[0] == 200
    return made


def ask(house, question, path="hunts", **query):
    body = msgspec.json.encode(question)
    return house.send(Ask(method="POST", path=f"/api/v1/{path}", query=urlencode(query), headers=LOCAL, body=body))


def test_a_hunt_answers_with_events_and_says_what_it_looked_at(house):
    status, told = ask(house, {"where": [{"field": "url", "operator": "endswith", "value": "/A"}]})
    assert (status, told["counted"], told["scanned"], told["sources"]) == (200, 2, 3, {"access": 3})
    assert [house.get(f"events/{key}")[1]["raw"]["uri"] for key in told["events"]] == ["/a", "/a"]


def test_each_event_that_was_found_is_told_in_a_line_up_to_a_screen(house):
    told = ask(house, {"where": [{"field": "url", "operator": "endswith", "value": "/login"}]})[1]
    (line,) = told["shown"]
    assert (line["id"], line["time"], line["source"]) == (*told["events"], "2026-11-21T08:00:01.000000Z", "access")
    assert line["what"].startswith("method GET, url http")
    assert "/login, " in line["what"]
    hostile = [visit(f"/{n}\u202e", at_s=n + 9) for n in range(SHOWN_MAX)]
    house.post("telemetry", "\n".join(hostile).encode(), name="more.log")
    many = ask(house, {})[1]
    assert [one["id"] for one in many["shown"]] == many["events"][:SHOWN_MAX]
    assert len(many["events"]) == SHOWN_MAX + 3
    assert "\u202e" not in "".join(one["what"] for one in many["shown"])


def test_rows_cite_events(house):
    status, told = ask(house, {"group": ["src_ip"], "order": "most", "first": "2026-11-21T08:00:00Z"})
    assert (status, [(row["values"], row["count"]) for row in told["rows"]]) == (
        200,
        [(["203.0.113.9"], 2), (["198.51.100.7"], 1)],
    )
    assert told["rows"][0]["first"] == "2026-11-21T08:00:00.000000Z"
    assert all(house.get(f"events/{key}")[0] == 200 for row in told["rows"] for key in row["events"])


def test_what_is_no_hunt_is_refused(house):
    wrong = {"where": [{"field": "nobody", "operator": "equals", "value": "x"}]}
    assert (ask(house, wrong)[0], ask(house, wrong)[1]["code"]) == (400, "hunt-invalid")
    assert ask(house, {"sql": "select 1"})[0] == 400
    assert ask(house, {"first": "yesterday"})[0] == 400
    assert ask(house, {}, seconds="0")[0] >= 400


def test_nobody_hunts_in_what_they_may_not_read(house):
    status, told = ask(house, {}, owner="nobody-there")
    assert (status, told["code"]) == (403, "not-yours")


def test_rules_are_run_over_what_is_stored_and_open_nothing(house):
    files = [{"name": "one.yml", "text": rule({"some": {"cs-uri": "/login"}, "condition": "some"})}]
    status, told = ask(house, {"files": files, "first": "2026-11-21T08:00:00Z"}, path="hunts/rules")
    (alert,) = told["alerts"]
    assert (status, alert["title"], alert["total"], told["scanned"]) == (200, "Rule one", 1, 3)
    assert alert["matches"][0]["found"] == "/login"
    assert house.get(f"events/{alert['events'][0]}")[1]["raw"]["uri"] == "/login"
    assert house.get("incidents")[1] == []
    status, told = ask(house, {"files": [{"name": "x.yml", "text": "title: x"}]}, path="hunts/rules")
    assert (status, told["code"]) == (400, "rule-invalid")


def test_the_columns_are_listed(house):
    status, listed = house.get("hunts/columns")
    assert status == 200
    assert {"name": "host", "places": ["/ocsf/device/hostname"], "whole": False} in listed

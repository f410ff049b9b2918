"""Anomalies as alerts over the control API: nobody's until they say so, with their reason, and held back."""

import json

import pytest

from safeconduct.kernel.instants import seconds
from safeconduct.soc.incidents.events import INCIDENTS
from support.operations_house import House
from support.sigma import rule
from support.telemetry import accepted

STRANGER = "203.0.113.77"
LOGON = {"service": "sshd", "activity": 1, "status": "Success", "src_ip": STRANGER}
RULE = rule({"s": LOGON, "condition": "s"}, "stranger", level="high", logsource={"category": "authentication"})


@pytest.fixture
def house(tmp_path):
    """Ana comes from one place for two hours, and then from another."""
    made = House(tmp_path)
    usual = [accepted("ana", at_s=number * 60) for number in range(120)]
    made.post("telemetry", "\n".join([*usual, accepted("ana", at_s=7200, ip=STRANGER)]).encode(), name="auth.log")
    return made


def act(house, path, body=b"", **query):
    house.writer.now += seconds(1)
    return house.post(path, body, **query)


def detected(house):
    found = act(house, "detections")[1]
    return [one for one in found["alerts"] if one["title"].startswith("a logon from")], found


def test_they_are_alerts_once_somebody_of_theirs_says_so_and_no_more_when_they_take_it_back(house):
    assert detected(house)[0] == []
    status, told = act(house, "anomalies/orders", {"told": True})
    assert (status, told["told"], told["by"]) == (200, True, "ana")
    (one,), found = detected(house)
    assert (one["level"], found["incidents"]) == ("low", [])
    act(house, "anomalies/orders", {"told": False})
    assert detected(house)[0] == []
    assert [entry.type for entry in house.writer.entries].count("soc.anomalies.ordered/1") == 2


def test_nobody_else_orders_them(house):
    house.writer.now += seconds(1)
    status, _told = house.post("anomalies/orders", {"told": True}, by="ops")
    assert status == 403
    assert detected(house)[0] == []


def test_a_tune_out_holds_them_back(house):
    act(house, "anomalies/orders", {"told": True})
    (event,) = [one for one in house.events.between() if one.ocsf["src_endpoint"]["ip"] == STRANGER]
    told = {
        "rule": "anomaly:logon-from", "event": event.id, "places": ["/ocsf/user/name"], "reason": "travels",
        "until": "2026-12-31T00:00:00Z",
    }  # fmt: skip
    status, one = act(house, "rules/tune-outs", told)
    assert status == 200, one
    found, document = detected(house)
    assert (found, sum(document["held_back"].values())) == ([], 1)
    assert house.get("rules/tune-outs")[1][0]["title"].startswith("a logon from")


def test_in_an_incident_they_have_their_reason_and_the_entry_has_no_value(house):
    act(house, "anomalies/orders", {"told": True})
    status, added = act(house, "rules/collections", {"files": [{"name": "s.yml", "text": RULE}]}, name="own")
    assert status == 200, added
    (key,) = detected(house)[1]["opened"]
    shown = house.get(f"incidents/{key}")[1]
    (one,) = [alert for alert in shown["alerts"] if alert["rule"] == "anomaly:logon-from"]
    assert one["matches"][0]["value"].startswith("0 of 120 earlier events in 2.0 h")
    assert one["matches"][0]["found"] == STRANGER
    assert "5: a logon from where this account never came before (low)" in shown["score_reasons"]
    entry = next(entry for entry in house.writer.entries if entry.type == "soc.incident.opened/1")
    assert STRANGER not in json.dumps(dict(entry.body))
    assert house.writer.state.get(INCIDENTS, key).alerts

"""A joined SIEM as people meet it: alerts in, an incident of them, evidence fetched, a verdict told once."""

import json
from types import SimpleNamespace

import pytest

from support.shell import agreed, serving
from support.siem import API_KEY
from support.siem_search import ElasticServer

FILE = """
siems:
  - name: elastic
    platform: elastic
    options: {{url: "{url}", kibana: "{url}"}}
    secret: {{file: "{key}"}}
    window_hours: 2
    rows: 3
    searches_per_hour: {budget}
    tables:
      - {{name: logs, time: "@timestamp", columns: {{host: host.name, src_ip: source.ip}}}}
"""
ALERTS = {
    f"a{number}": {
        "@timestamp": f"2026-11-01T00:0{number}:00.000Z",
        "kibana.alert.rule.name": "Beacon",
        "kibana.alert.severity": severity,
        "host.name": "ws-7",
        "destination.ip": "203.0.113.66",
    }
    for number, severity in enumerate(["high", "low", "high"])
}
FAKED = {"@siem": "another", "@alert": "a0", "@severity": "high", "@table": "none"}
ROWS = [
    {"@timestamp": f"2026-11-01T00:1{number}:00.000Z", "host.name": "ws-7", "source.ip": "203.0.113.66", **FAKED}
    for number in range(5)
]
WINDOW = ("--from", "2026-11-01T00:00:00Z", "--to", "2026-11-01T01:00:00Z")
SINCE = ("--since", "2026-11-01T00:00:00Z")


@pytest.fixture(scope="module")
def joined(tmp_path_factory):
    house = agreed(tmp_path_factory.mktemp("siem") / "house")[0]
    key = house.root / "siem.key"
    key.write_text(API_KEY)
    key.chmod(0o600)
    with ElasticServer({"logs": ROWS}) as server:
        server.alerts.update({name: dict(one) for name, one in ALERTS.items()})
        (house.data / "siems.yaml").write_text(FILE.format(url=server.url, key=key, budget=60))
        with serving(house.data):
            yield SimpleNamespace(house=house, server=server)


def test_from_its_alert_to_the_verdict_it_is_told(joined):
    house, server = joined.house, joined.server
    said = house("siem", "alerts", "elastic", *SINCE, "--json", by="ana")
    assert said.code == 0, said
    taken = said.json
    assert [one["alert"] for one in taken["alerts"]] == ["a0", "a1", "a2"]
    again = house("siem", "alerts", "elastic", "--json", by="ana").json
    assert [one["alert"] for one in again["alerts"]] == ["a2"]
    assert again["file"]["new"] == 0

    event = house("events", "show", taken["alerts"][0]["event"], "--json").json
    assert event["raw"]["@siem"] == "elastic"
    found = house("detect", "--json", by="ana").json
    (incident,) = found["incidents"]

    told = house("siem", "tell", "elastic", incident, "false-positive", "--json", by="ana")
    assert (told.code, set(told.json["alerts"].values())) == (0, {"told"})
    assert sorted(one["eventId"] for one in server.notes) == ["a0", "a1", "a2"]
    assert "safeconduct:false-positive" in server.alerts["a0"]["kibana.alert.workflow_tags"]

    mine = house("siem", "alerts", "elastic", *SINCE, "--json", by="ana").json
    assert (mine["alerts"], mine["ours"]) == ([], 3)  # what bears our mark comes in no more
    assert house("siem", "told", "--json").json[0]["alerts"] == told.json["alerts"]


def test_evidence_comes_as_events_within_the_scope(joined):
    house = joined.house
    said = house("siem", "search", "elastic", "logs", "host=WS-7", *WINDOW, "--limit", "3", "--json", by="ana")
    assert said.code == 0, said
    assert (said.json["rows"], said.json["complete"]) == (3, False)
    assert "WHERE TO_LOWER(TO_STRING(`host`.`name`)) == ?" in said.json["query"]
    event = house("events", "show", said.json["events"][0], "--json").json
    assert (event["source"], event["raw"]["@siem"], event["raw"]["@table"]) == ("json", "elastic", "logs")
    assert event["ocsf"]["src_endpoint"]["ip"] == "203.0.113.66"
    again = house("siem", "search", "elastic", "logs", "host=WS-7", *WINDOW, "--limit", "3", "--json", by="ana")
    assert again.json["events"] == said.json["events"]
    asked = [one for one in house("log", "show", "--json").json["entries"] if one["type"] == "soc.siem.asked/1"]
    assert asked
    assert "WS-7" not in json.dumps(asked)


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (("logs", *WINDOW, "--limit", "4"), "siem-outside", 3),
        (("secrets", *WINDOW, "--limit", "3"), "siem-table-outside", 3),
        (("logs", "--limit", "3"), "siem-hunt-invalid", 2),
        (("logs", "query=x", *WINDOW, "--limit", "3"), "siem-column-missing", 2),
    ],
)
def test_what_may_not_be_asked_is_refused_before_it_is(joined, words, code, status):
    requests = joined.server.requests
    said = joined.house("siem", "search", "elastic", *words, "--json", by="ana")
    assert (said.code, said.error) == (status, code)
    assert joined.server.requests == requests


def test_who_may_not_bring_telemetry_in_asks_no_siem(joined):
    requests = joined.server.requests
    said = joined.house("siem", "search", "elastic", "logs", *WINDOW, "--limit", "3", "--json", by="stranger")
    assert said.code in {3, 4}
    assert joined.server.requests == requests


def test_a_siem_that_does_not_answer_stands_in_the_log_and_the_next_question_is_answered(joined):
    house, server = joined.house, joined.server
    server.script.append("broken")
    said = house("siem", "search", "elastic", "logs", *WINDOW, "--limit", "3", "--json", by="ana")
    assert (said.code, said.error) == (4, "siem-busy")
    assert house("siem", "search", "elastic", "logs", *WINDOW, "--limit", "3", by="ana").code == 0


def test_the_hours_questions_are_counted(joined):
    house = joined.house
    kept = (house.data / "siems.yaml").read_text()
    (house.data / "siems.yaml").write_text(kept.replace("searches_per_hour: 60", "searches_per_hour: 1"))
    try:
        said = house("siem", "search", "elastic", "logs", *WINDOW, "--limit", "3", "--json", by="ana")
        assert (said.code, said.error) == (4, "siem-over-budget")
    finally:
        (house.data / "siems.yaml").write_text(kept)


def test_a_file_that_joins_no_siem_is_named_and_one_that_is_not_there_joins_none(joined):
    house = joined.house
    kept = (house.data / "siems.yaml").read_text()
    assert house("siem", "list", "--json").json[0]["status"] == "experimental"
    try:
        (house.data / "siems.yaml").write_text(kept.replace("platform: elastic", "platform: other"))
        assert house("siem", "list", "--json").error == "siems-invalid"
        (house.data / "siems.yaml").unlink()
        assert house("siem", "list", "--json").json == []
        assert house("siem", "alerts", "elastic", "--json", by="ana").error == "siem-unknown"
    finally:
        (house.data / "siems.yaml").write_text(kept)

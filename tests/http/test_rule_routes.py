"""Rules of one's own over the control API: added, run, listed with what is set aside, removed; what they cover."""

import msgspec
import pytest

from safeconduct.kernel.instants import seconds
from safeconduct.soc.detection.coverage import Coverage, layer
from safeconduct.soc.rule_collections import COLLECTIONS_MAX, FILES_MAX, RULES, RulesAdded
from support.operations_house import House
from support.sigma import rule
from support.telemetry import visit

GOOD = rule(
    {"s": {"cs-uri-stem|endswith": "/odd"}, "condition": "s"},
    "odd",
    tags=["attack.t1190", "attack.t1086", "attack.execution"],
)
ELSEWHERE = rule(
    {"s": {"Image|endswith": "x.exe"}, "condition": "s"},
    "exe",
    logsource={"category": "image_load", "product": "windows"},
    tags=["attack.t1574.001"],
)
BAD = rule({"s": {"x|re": "(?=a)"}, "condition": "s"}, "slow")


def files(**texts):
    return {"files": [{"name": f"{name}.yml", "text": text} for name, text in texts.items()]}


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def add(house, name="own", **texts):
    house.writer.now += seconds(1)
    return house.post("rules/collections", files(**texts), name=name)


def types(house):
    return [entry.type for entry in house.writer.entries if entry.type.startswith("soc.rules")]


def test_rules_are_added_run_and_removed(house):
    house.post("telemetry", visit("/odd").encode(), name="access.log")
    house.writer.now += seconds(1)
    assert house.post("detections")[1]["alerts"] == []
    status, told = add(house, good=GOOD, bad=BAD)
    assert (status, told["recorded"]) == (200, True)
    assert {name: told["collection"][name] for name in ("files", "rules", "aside")} == {
        "files": 2,
        "rules": 1,
        "aside": 1,
    }
    assert [(one["file"], one["code"]) for one in told["aside"]] == [("own/bad.yml", "rule-explodes")]
    house.writer.now += seconds(1)
    assert [alert["title"] for alert in house.post("detections")[1]["alerts"]] == ["Rule odd"]
    house.writer.now += seconds(1)
    assert house.post("rules/collections/own/remove")[1]["removed"]["name"] == "own"
    house.writer.now += seconds(1)
    assert house.post("detections")[1]["alerts"] == []
    assert types(house) == ["soc.rules.added/1", "soc.rules.removed/1"]


def test_the_same_rules_again_change_nothing_and_others_take_their_place(house):
    add(house, good=GOOD)
    assert add(house, good=GOOD)[1]["recorded"] is False
    assert add(house, good=GOOD, exe=ELSEWHERE)[1]["recorded"] is True
    (kept,) = house.get("rules/collections")[1]["collections"]
    assert (kept["name"], kept["rules"]) == ("own", 2)


def test_what_stands_and_what_is_set_aside_is_listed(house):
    add(house, good=GOOD, bad=BAD)
    add(house, "second", good=GOOD)
    told = house.get("rules/collections")[1]
    assert [one["name"] for one in told["collections"]] == ["own", "second"]
    assert [(one["file"], one["code"]) for one in told["aside"]] == [
        ("second/good.yml", "rule-invalid"),
        ("own/bad.yml", "rule-explodes"),
    ]
    assert "Rule odd" in [head["title"] for head in house.get("rules")[1]]


def test_a_filter_in_one_collection_is_laid_over_the_rules_of_another(house):
    house.post("telemetry", visit("/odd").encode(), name="access.log")
    add(house, good=GOOD)
    calm = """{title: Ours, logsource: {category: webserver}, filter: {rules: [odd, even], ours: {sc-status: 200},
        condition: not ours}}"""
    told = [{"file": "calm/calm.yml", "title": "Ours", "unknown": ["even"]}]
    added = add(house, "calm", calm=calm)[1]
    assert (added["aside"], added["filters"]) == ([], told)
    assert house.get("rules/collections")[1]["filters"] == told
    house.writer.now += seconds(1)
    assert house.post("detections")[1]["alerts"] == []


REFUSED = [
    ("own", b"{}", 400),
    ("own", b'{"files": []}', 400),
    ("own", b'{"files": [{"name": "x"}]}', 400),
    ("Own rules", files(x=GOOD), 400),
    ("x" * 65, files(x=GOOD), 400),
    ("own", msgspec.json.encode({"files": [{"name": "x", "text": "x"}] * (FILES_MAX + 1)}), 400),
]


@pytest.mark.parametrize(("name", "body", "status"), REFUSED)
def test_what_is_no_collection_is_refused(house, name, body, status):
    assert house.post("rules/collections", body, name=name)[0] == status
    assert types(house) == []


def test_only_somebody_who_may_changes_rules(house):
    status, told = house.post("rules/collections", files(x=GOOD), by="stranger", name="own")
    assert (status, told["code"]) == (401, "signer-unknown")
    add(house, good=GOOD)
    status, told = house.post("rules/collections/own/remove", by="ops")
    assert (status, told["code"]) == (403, "not-the-owner")
    assert house.post("rules/collections/other/remove")[1]["code"] == "rules-unknown"
    assert types(house) == ["soc.rules.added/1"]
    assert house.get_as("ops", "rules/collections")[0] == 403


def test_a_collection_that_was_changed_on_disk_is_not_run(house):
    digest = add(house, good=GOOD)[1]["collection"]["digest"]
    house.post("telemetry", visit("/odd").encode(), name="access.log")
    (house.folder / "raw" / digest).write_bytes(b'{"files": []}')
    status, told = add(house, "another", exe=ELSEWHERE)
    assert (status, told["code"]) == (503, "rules-changed")


@pytest.mark.parametrize(("standing", "status"), [(COLLECTIONS_MAX - 1, 200), (COLLECTIONS_MAX, 400)])
def test_collections_are_limited(house, standing, status):
    digest = add(house, "c0", good=GOOD)[1]["collection"]["digest"]
    for number in range(1, standing):
        made = RulesAdded(name=f"c{number}", digest=digest, files=1, rules=1, aside=0)
        house.writer.state.put(RULES, f"/c{number}", made)
    assert add(house, "one-more", exe=ELSEWHERE)[0] == status
    assert add(house, "c0", exe=ELSEWHERE)[0] == 200


def test_coverage_says_what_is_looked_for_and_what_there_is_telemetry_for(house):
    house.post("telemetry", visit("/odd").encode(), name="access.log")
    add(house, good=GOOD, exe=ELSEWHERE)
    found = house.get("rules/coverage")[1]
    by_id = {one["id"]: one for one in found["techniques"]}
    assert by_id["T1190"]["with_data"] >= 1
    assert (by_id["T1574.001"]["rules"], by_id["T1574.001"]["with_data"]) == (1, 0)
    assert found["not_in_use"] == ["T1086"]
    seen = {(one["category"], one["product"]): one["seen"] for one in found["sources"]}
    assert (seen["webserver", ""], seen["image_load", "windows"]) == (True, False)
    tactic = {one["name"]: one for one in found["tactics"]}["Initial Access"]
    assert tactic["techniques"] > tactic["covered"] >= tactic["with_data"] >= 1
    assert found["sampled"] == 1


def test_a_layer_scores_what_there_is_telemetry_for(house):
    add(house, exe=ELSEWHERE)
    made = layer(msgspec.convert(house.get("rules/coverage")[1], Coverage), "x")
    assert (made["domain"], made["versions"]) == ("enterprise-attack", {"attack": "18", "layer": "4.5"})
    (one,) = [one for one in made["techniques"] if one["techniqueID"] == "T1574.001"]
    assert (one["score"], one["comment"]) == (0, "1 rules, 0 of them with data")

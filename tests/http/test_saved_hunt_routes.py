"""Saved hunts over the control API: saved, listed, shown as they were, removed; the log says none of what is asked."""

from hashlib import sha256

import msgspec
import pytest

from safeconduct.http.inprocess import Ask
from safeconduct.kernel.instants import seconds
from safeconduct.soc.hunts.saved_events import HUNTS, SAVED_MAX, HuntSaved
from safeconduct.soc.hunts.written import SALT_BYTES, Question, kept
from support.operations_house import LOCAL, House

ASKED = {"where": [{"field": "command", "operator": "contains", "value": "nc -e", "negated": True}], "limit": 7}


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def save(house, name="reverse-shells", asked=ASKED, **more):
    house.writer.now += seconds(1)
    return house.post("hunts/saved", asked, name=name, **more)


def entries(house):
    return [entry for entry in house.writer.entries if entry.type.startswith("soc.hunt.")]


def test_a_hunt_is_saved_listed_shown_and_removed(house):
    assert save(house)[0] == 200
    assert [(one["name"], one["by"]) for one in house.get("hunts/saved")[1]] == [("reverse-shells", "ana")]
    status, told = house.get("hunts/saved/reverse-shells")
    assert (status, told["by"], told["hunt"]["where"], told["hunt"]["limit"]) == (200, "ana", ASKED["where"], 7)
    asked = Ask(method="POST", path="/api/v1/hunts", headers=LOCAL, body=msgspec.json.encode(told["hunt"]))
    assert house.send(asked)[0] == 200, "what is shown is a hunt as it is asked"
    house.writer.now += seconds(1)
    assert house.post("hunts/saved/reverse-shells/remove")[1]["removed"]["name"] == "reverse-shells"
    assert house.get("hunts/saved")[1] == []
    status, told = house.get("hunts/saved/reverse-shells")
    assert (status, told["code"]) == (404, "hunt-unknown")
    assert house.post("hunts/saved/reverse-shells/remove")[1]["code"] == "hunt-unknown"
    assert [entry.type for entry in entries(house)] == ["soc.hunt.saved/1", "soc.hunt.removed/1"]


def test_another_of_that_name_takes_its_place(house):
    save(house)
    save(house, asked={"group": ["host"], "order": "least"})
    assert len(house.get("hunts/saved")[1]) == 1
    assert house.get("hunts/saved/reverse-shells")[1]["hunt"]["group"] == ["host"]


def test_the_log_says_nothing_that_a_guess_of_the_hunt_could_be_held_against(house):
    digest = save(house)[1]["saved"]["digest"]
    question = msgspec.convert(ASKED, Question)
    assert digest == sha256(kept(question, bytes(SALT_BYTES))).hexdigest()
    assert digest != sha256(kept(question, b"1" * SALT_BYTES)).hexdigest()
    (entry,) = entries(house)
    assert "nc -e" not in str(entry.body)


def test_what_is_no_hunt_or_has_no_name_is_not_saved(house):
    assert save(house, asked={"where": [{"field": "nobody", "operator": "equals", "value": "x"}]})[1]["code"] == (
        "hunt-invalid"
    )
    for name in ("", "Upper", "a/b", "-a", "a" * 65):
        assert save(house, name)[0] == 400
    assert save(house, "a" * 64)[0] == 200
    assert len(entries(house)) == 1


def test_nobody_saves_or_sees_hunts_of_telemetry_that_is_not_theirs(house):
    assert save(house, owner="ministry")[1]["code"] == "not-the-owner"
    assert house.get("hunts/saved", owner="nobody-there")[1]["code"] == "not-yours"
    assert house.get("hunts/saved/x", owner="nobody-there")[1]["code"] == "not-yours"
    assert entries(house) == []


def test_what_was_changed_on_disk_is_not_run(house):
    digest = save(house)[1]["saved"]["digest"]
    (house.folder / "raw" / digest).write_bytes(b"{}")
    assert house.get("hunts/saved/reverse-shells")[1]["code"] == "hunt-changed"


def test_the_number_of_saved_hunts_is_limited(house):
    for number in range(SAVED_MAX - 1):
        one = HuntSaved(name=f"h{number}", digest="", by="ana")
        house.writer.state.put(HUNTS, f"/{one.name}", one)
    assert save(house)[0] == 200
    status, told = save(house, "one-more")
    assert status == 400
    assert "200 hunts" in str(told)
    assert save(house)[0] == 200, "one that is saved already may be saved anew"

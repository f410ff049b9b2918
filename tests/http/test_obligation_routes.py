"""Obligations over the control API: who hands in, who judges, and what everybody is told."""

import pytest

from support.access_house import House
from support.owing import Owing, document

SHOWN = {"kind": "minutes", "sha256": document("minutes"), "source": "bridge"}
ACCEPTED = {"sha256": document("minutes"), "accepted": True}


@pytest.fixture
def owing():
    return Owing()


def test_a_duty_is_missed_met_and_told_over_the_wire(owing):
    house = House(owing.writer)
    owing.wait(100)
    (told,) = house.get("obligations")[1]
    assert (told["id"], told["state"], told["tier"], told["next"]["tier"]) == ("drill", "owed", 1, 0)
    assert house.post("obligations/drill/hand-in", SHOWN, by="bo")[1]["state"] == "handed-in"
    status, error = house.post("obligations/drill/judge", ACCEPTED, by="cy")
    assert (status, error["code"], error["clause"]) == (403, "own-obligation", "obligation:drill")
    assert house.post("obligations/drill/judge", ACCEPTED, by="dee")[1]["tier"] is None
    assert [one["by"]["id"] for one in house.get("obligations/drill")[1]["met"]] == ["dee"]
    assert owing.lowered() == {}


@pytest.mark.parametrize(
    ("path", "body", "by", "told"),
    [
        ("obligations/none/hand-in", SHOWN, "bo", (404, "obligation-unknown")),
        ("obligations/drill/hand-in", SHOWN | {"owner": "ana"}, "bo", (400, "invalid-input")),
        ("obligations/drill/judge", ACCEPTED | {"tier": 2}, "dee", (400, "invalid-input")),
        ("obligations/drill/judge", ACCEPTED, "dee", (409, "duty-owed")),
    ],
)
def test_what_can_not_be_done_changes_nothing(owing, path, body, by, told):
    entries = len(owing.writer.entries)
    status, error = House(owing.writer).post(path, body, by=by)
    assert ((status, error["code"]), len(owing.writer.entries)) == (told, entries)

"""People close incidents and open them again, over the control API."""

import pytest

from safeconduct.kernel.instants import seconds
from safeconduct.soc.reasons import REASON_CHARS_MAX
from support.operations_house import House

BENIGN = {"disposition": "benign-positive", "reason": "the backup job"}
WHY = {"reason": "it was not the backup job"}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("house"))
    return house, house.detected()


def act(here, verb, body, **named):
    house, incident = here
    house.writer.now += seconds(1)
    return house.post(f"incidents/{incident}/{verb}", body, **named)


@pytest.fixture
def opened(here):
    """The house with its incident open."""
    act(here, "reopen", WHY)
    return here


def listed(house, **query):
    return {one["id"]: one["closed"] for one in house.get("incidents", **query)[1]}


def test_a_closed_incident_leaves_the_list_and_comes_back_when_it_is_opened(opened):
    house, incident = opened
    assert listed(house)[incident] is None
    status, told = act(opened, "close", BENIGN)
    assert (status, told["closed"]["disposition"], told["closed"]["by"], told["closed"]["path"]) == (
        200, "benign-positive", "ana", "",
    )  # fmt: skip
    assert incident not in listed(house)
    assert listed(house, all="true")[incident] == told["closed"]
    shown = house.get(f"incidents/{incident}")[1]
    assert (shown["closed"], shown["closings"][-1]) == (told["closed"], told["closed"])
    assert act(opened, "reopen", WHY)[1]["was"] == told["closed"]
    assert incident in listed(house)
    shown = house.get(f"incidents/{incident}")[1]
    assert (shown["closed"], shown["closings"][-1]["reopened_at"] > told["closed"]["at"]) == (None, True)


def test_who_collects_findings_is_told_of_a_closing(opened):
    house, incident = opened
    before = house.get(f"incidents/{incident}/finding")[1]
    act(opened, "close", BENIGN | {"disposition": "false-positive"})
    after = house.get(f"incidents/{incident}/finding")[1]
    assert (before["status_id"], "verdict_id" in before, after["status_id"], after["verdict_id"]) == (1, False, 5, 1)
    assert (before["activity_id"], after["activity_id"], after["type_uid"]) == (1, 3, 200503)


def test_the_report_says_how_it_was_closed(opened):
    house, incident = opened
    assert "state: open" in house.reply(f"incidents/{incident}/report").body.decode()
    act(opened, "close", BENIGN)
    written = house.reply(f"incidents/{incident}/report").body.decode()
    assert ("closed: as benign-positive by ana" in written, "state: open" in written) == (True, False)


def test_the_reason_is_sealed(opened):
    house, _ = opened
    entry = house.entry(act(opened, "close", BENIGN)[1]["closed"]["entry"])
    assert (entry.type, BENIGN["reason"] in str(entry.body)) == ("soc.incident.closed/1", False)
    assert house.writer.drafts[entry.id].sealed == {"reason": BENIGN["reason"]}


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("close", BENIGN | {"reason": " "}, 400), ("close", BENIGN | {"disposition": "fine"}, 400),
        ("close", {"disposition": "benign-positive"}, 400),
        ("close", BENIGN | {"reason": "x" * (REASON_CHARS_MAX + 1)}, 400),
        ("close", BENIGN | {"reason": "x" * REASON_CHARS_MAX}, 200), ("reopen", WHY, 409),
    ],
)  # fmt: skip
def test_what_is_closed_says_as_what_and_why(opened, verb, body, status):
    house, incident = opened
    assert act(opened, verb, body)[0] == status
    assert (incident in listed(house)) is (status != 200)


def test_what_is_closed_is_not_closed_again(opened):
    act(opened, "close", BENIGN)
    status, told = act(opened, "close", BENIGN | {"disposition": "true-positive"})
    assert (status, told["code"]) == (409, "incident-closed")


@pytest.mark.parametrize(("by", "code"), [("ops", "role-missing"), ("bo", None)])
def test_who_triages_closes(opened, by, code):
    assert act(opened, "close", BENIGN, by=by)[1].get("code") == code


def test_what_is_not_there_is_not_closed(here):
    house, _ = here
    assert act((house, "f" * 32), "close", BENIGN)[1]["code"] == "incident-unknown"

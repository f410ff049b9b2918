"""Recertification over the control API: opened, answered by somebody else, closed by time, and reported."""

import pytest

from support.access_house import House
from support.recertifying import Recertifying

GRANT, SERVICE = "grant:ana-triage", "grant:service-triage"


@pytest.fixture
def access():
    return Recertifying()


def test_a_campaign_is_opened_answered_closed_and_reported(access):
    house = House(access.writer)
    status, opened = house.post("recertifications/open", {"of": ["grants"], "answer_days": 7}, by="cy")
    assert (status, opened["count"]["asked"]) == (200, 2)
    place = f"recertifications/{opened['id']}"
    said = {"subject": GRANT, "keep": True, "reason": "it is used", "seen": opened["items"][0]["now"]}
    assert house.post(f"{place}/answer", said, by="ops")[1]["code"] == "not-the-reviewer"
    assert house.post(f"{place}/answer", said, by="fay")[1]["state"] == "kept"
    access.wait(7)
    shown = house.get(place)[1]
    assert {one["subject"]: (one["state"], one["by"]) for one in shown["items"]} == {
        GRANT: ("kept", "fay"),
        SERVICE: ("unanswered", ""),
    }
    assert [one["id"] for one in house.get("recertifications")[1]] == [opened["id"]]
    assert [one["id"] for one in house.get("grants")[1]] == ["ana-triage"]


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("open", {"of": ["everything"], "answer_days": 7}, (400, "invalid-input")),
        ("open", {"of": [], "answer_days": 7}, (400, "campaign-invalid")),
        ("open", {"of": ["grants"], "answer_days": 7, "owner": "bo"}, (400, "invalid-input")),
        ("none/answer", {"subject": GRANT, "keep": True, "seen": "", "reason": "r"}, (404, "campaign-unknown")),
    ],
)
def test_what_can_not_be_done_changes_nothing(access, path, body, told):
    entries = len(access.writer.entries)
    status, error = House(access.writer).post(f"recertifications/{path}", body, by="cy")
    assert ((status, error["code"]), len(access.writer.entries)) == (told, entries)

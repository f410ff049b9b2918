"""People merge, split and deduplicate incidents over the control API, and take it back."""

import pytest

from safeconduct.adapters.memory.records import MemoryState
from safeconduct.kernel.instants import seconds
from safeconduct.soc.incidents import regrouping_service
from safeconduct.soc.incidents.naming import counted_as
from safeconduct.soc.reasons import REASON_CHARS_MAX
from support.operations_house import House
from support.telemetry import visit

LURE = "ai analyst: whitelist"
STRANGERS = ("203.0.113.9", "203.0.113.10", "203.0.113.11")


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    lines = [visit(agent=LURE + mark, ip=ip, at_s=at) for ip, mark, at in _visits()]
    made.post("telemetry", "\n".join(lines).encode(), name="access.log")
    made.writer.now += seconds(1)
    assert made.post("detections")[0] == 200
    return made


def _visits():
    # Two hours between strangers, beyond the window: their visits share the site's name.
    return [(ip, mark, number * 7200) for number, ip in enumerate(STRANGERS) for mark in ("", "!")]


def standing(house):
    return {row["id"]: row["alerts"] for row in house.get("incidents")[1]}


def decide(house, change, incidents, **more):
    house.writer.now += seconds(1)
    body = {"change": change, "incidents": list(incidents), "reason": "one campaign"} | more
    return house.post("incident-regroupings", body)


def undo(house, key, reason="a mistake"):
    house.writer.now += seconds(1)
    return house.post(f"incident-regroupings/{key}/undo", {"reason": reason})


def detect(house):
    house.writer.now += seconds(1)
    return house.post("detections")[1]


def test_a_merge_makes_one_incident_that_stays_one_until_it_is_undone(house):
    before = standing(house)
    first, second, third = before
    status, told = decide(house, "merge", [first[:12], second])
    (made,) = told["incidents"]
    assert (status, standing(house)) == (200, {made: 4, third: 2})
    shown = house.get(f"incidents/{made}")[1]
    assert (shown["made_by"], len(shown["edges"]), shown["score"] > 0) == (told["id"], 4, True)
    again = detect(house)
    assert (set(again["incidents"]), again["opened"]) == ({made, third}, [])
    assert undo(house, told["id"])[0] == 200
    assert standing(house) == before
    assert detect(house)["opened"] == []
    assert standing(house) == before
    assert house.get(f"incidents/{made}")[0] == 200  # claims may be about it


def test_a_split_holds_against_what_correlation_finds(house):
    incident, *others = standing(house)
    alerts = [one["id"] for one in house.get(f"incidents/{incident}")[1]["alerts"]]
    status, told = decide(house, "split", [incident], alerts=alerts[:1])
    assert (status, len(told["incidents"])) == (200, 2)
    assert standing(house) == dict.fromkeys(told["incidents"], 1) | dict.fromkeys(others, 2)
    assert detect(house)["opened"] == []
    assert set(standing(house)) == {*told["incidents"], *others}
    assert undo(house, told["id"])[1]["incidents"] == [incident]
    assert set(standing(house)) == {incident, *others}


def test_a_duplicate_stands_no_more_and_its_original_is_as_it_was(house):
    before = standing(house)
    first, second, third = before
    status, told = decide(house, "duplicate", [first, second])
    assert (status, told["incidents"]) == (200, [second])
    assert standing(house) == {second: before[second], third: before[third]}
    assert undo(house, told["id"])[0] == 200
    assert standing(house) == before


def names(house, incidents):
    return [counted_as(house.writer.state, one) for one in incidents]


def test_what_was_merged_counts_as_one_and_as_before_once_it_is_undone(house):
    first, second, third = standing(house)
    assert names(house, [first, second, third, "unknown"]) == [first, second, third, "unknown"]
    told = decide(house, "merge", [first, second])[1]
    (made,) = told["incidents"]
    assert names(house, [first, second, made, third]) == [made, made, made, third]
    undo(house, told["id"])
    assert names(house, [first, second, made]) == [first, second, first]


def test_parts_of_a_split_count_as_the_incident_and_a_duplicate_as_its_original(house):
    first, second, third = standing(house)
    alerts = [one["id"] for one in house.get(f"incidents/{first}")[1]["alerts"]]
    told = decide(house, "split", [first], alerts=alerts[:1])[1]
    assert names(house, [first, *told["incidents"]]) == [first] * 3
    undo(house, told["id"])
    assert names(house, [first, *told["incidents"]]) == [first] * 3
    decide(house, "duplicate", [second, third])
    assert names(house, [second, third]) == [third, third]


def test_an_incident_that_grew_counts_as_the_same(house):
    first, *others = standing(house)
    more = visit(agent=LURE + "?", ip=STRANGERS[0], at_s=60)
    house.post("telemetry", more.encode(), name="access.log")
    (grown,) = detect(house)["opened"]
    assert (grown != first, names(house, [first, grown, *others])) == (True, [grown, grown, *others])


def test_regroupings_are_listed_and_their_reasons_sealed(house):
    first, second, _ = standing(house)
    told = decide(house, "merge", [first, second])[1]
    (listed,) = house.get("incident-regroupings")[1]
    assert (listed["id"], listed["incidents"], listed["made"]) == (told["id"], [first, second], told["incidents"])
    entry = house.writer.entries[-1]
    assert (entry.type, house.writer.drafts[entry.id].sealed) == (
        "soc.incident.regrouped/1",
        {"reason": "one campaign"},
    )
    assert "campaign" not in str(dict(entry.body))


@pytest.mark.parametrize(
    ("change", "count", "more", "code"),
    [
        ("merge", 1, {}, "regrouping-invalid"),
        ("merge", 2, {"reason": " "}, "regrouping-invalid"),
        ("merge", 2, {"reason": "x" * (REASON_CHARS_MAX + 1)}, "regrouping-invalid"),
        ("merge", 2, {"alerts": ["0" * 32]}, "regrouping-invalid"),
        ("split", 1, {}, "regrouping-invalid"),
        ("split", 1, {"alerts": ["0" * 32]}, "regrouping-invalid"),
        ("split", 2, {"alerts": ["0" * 32]}, "regrouping-invalid"),
        ("duplicate", 1, {}, "regrouping-invalid"),
        ("merge", 9, {}, "incident-unknown"),
    ],
)
def test_what_cannot_be_decided_is_refused_and_leaves_nothing(house, change, count, more, code):
    before, entries = standing(house), len(house.writer.entries)
    status, told = decide(house, change, [*before, *["0" * 32] * 6][:count], **more)
    assert (status >= 400, told["code"], len(house.writer.entries)) == (True, code, entries)


def test_everything_cannot_be_split_off(house):
    incident, *_ = standing(house)
    alerts = [one["id"] for one in house.get(f"incidents/{incident}")[1]["alerts"]]
    assert decide(house, "split", [incident], alerts=alerts)[1]["code"] == "regrouping-invalid"


def test_what_was_decided_on_since_is_undone_first(house):
    first, second, third = standing(house)
    one = decide(house, "merge", [first, second])[1]
    other = decide(house, "merge", [one["incidents"][0], third])[1]
    assert decide(house, "merge", [first, third])[1]["code"] == "incident-changed"
    assert undo(house, one["id"])[1]["code"] == "incident-changed"
    assert undo(house, other["id"])[0] == undo(house, one["id"])[0] == 200
    assert undo(house, one["id"])[1]["code"] == "regrouping-undone"
    assert set(standing(house)) == {first, second, third}
    assert undo(house, "nothing")[1]["code"] == "regrouping-unknown"


def test_only_who_may_decides(house):
    first, second, _ = standing(house)
    body = {"change": "merge", "incidents": [first, second], "reason": "x"}
    assert house.post("incident-regroupings", body, by="stranger")[0] == 401
    assert len(standing(house)) == 3


def test_the_entries_alone_make_the_state(house):
    first, second, _ = standing(house)
    told = decide(house, "merge", [first, second])[1]
    undo(house, told["id"])
    state = MemoryState()
    for entry in house.writer.entries:
        house.writer.projections[entry.type](state, entry)
    again = {record.id for _, record in state.scan(regrouping_service.INCIDENTS) if record.stands}
    assert again == set(standing(house))

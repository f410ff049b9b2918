"""Telemetry, events, detection, incidents and rules over the control API."""

import msgspec
import pytest

from safeconduct.kernel.beginnings import BEGINNING_MIN
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import rfc3339, seconds
from safeconduct.soc.ingesting import SKEW_MAX, UNSET_CLOCK
from safeconduct.soc.ports import Reading
from support.operations_house import RECORDING, House
from support.telemetry import accepted, auth, visit


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def types(house):
    return [entry.type for entry in house.writer.entries if entry.type.startswith("soc.")]


def test_a_file_is_taken_in_recorded_once_and_listed(house):
    content = (RECORDING / "access.log").read_bytes()
    status, told = house.post("telemetry", content, name="access.log")
    assert (status, told["recorded"], told["file"]["problem"]) == (200, True, "")
    assert told["file"]["events"] == {"access": content.count(b"\n")}
    house.writer.now += seconds(1)
    assert house.post("telemetry", content, name="again.log")[1]["recorded"] is False
    assert types(house) == ["soc.telemetry.ingested/1"]
    status, listed = house.get("telemetry")
    assert [file["digest"] for file in listed["files"]] == [told["file"]["digest"]]
    assert listed["events"] == told["file"]["events"]


def test_a_file_that_cannot_be_read_leaves_no_entry_and_says_why(house):
    status, told = house.post("telemetry", b"\x1f\x8b\x08rest", name="auth.log.1.gz")
    assert (status, told["recorded"], told["file"]["problem"]) == (200, False, "telemetry-compressed")
    assert types(house) == []


def test_a_file_is_read_anew_with_a_mapping_and_recorded_where_something_else_came_of_it(house):
    lines = b'{"at": "2026-11-21 08:00:00", "n": 1}\n{"time": 1795287091}\n'
    mapping = b'{"mapping": 1, "time": "at", "zone": "Z"}'
    said = {"name": "own.jsonl", "mapping_bytes": len(mapping)}
    assert house.post("telemetry", lines, name="own.jsonl")[1]["file"]["dead"] == {"time-missing": 1}
    assert house.post("telemetry", mapping + lines, **said)[1]["recorded"] is False
    status, told = house.post("telemetry", mapping + lines, **said, again="true")
    assert (status, told["recorded"], told["file"]["new"]) == (200, True, 1)
    assert types(house) == ["soc.telemetry.ingested/1"] * 2
    (listed,) = house.get("telemetry")[1]["files"]
    assert listed["events"] == told["file"]["events"] == {"json": 1}
    house.writer.now += seconds(1)
    assert house.post("telemetry", mapping + lines, **said, again="true")[1]["recorded"] is False
    status, told = house.post("telemetry", b"{}" + lines, name="own.jsonl", mapping_bytes=2)
    assert (status, told["code"]) == (400, "mapping-invalid")
    status, told = house.post("telemetry", lines, name="own.jsonl", zone="CET")
    assert (status, told["code"]) == (400, "zone-invalid")


@pytest.mark.parametrize(
    ("at", "told"), [(lambda now: now + SKEW_MAX, 0), (lambda now: now + SKEW_MAX + 1_000_000, 1),
                     (lambda _: UNSET_CLOCK, 0), (lambda _: UNSET_CLOCK - 1_000_000, 1)]
)  # fmt: skip
def test_clocks_that_can_not_be_right_are_told(house, at, told):
    line = b'{"time": "%s"}' % rfc3339(at(house.now())).encode()
    assert len(house.post("telemetry", line, name="own.jsonl")[1]["file"]["notes"]) == told


def test_dead_letters_can_be_read(house):
    _, told = house.post("telemetry", f"{auth('sshd[1]', 'x')}\nrubbish\n".encode(), name="auth.log")
    status, dead = house.get(f"telemetry/{told['file']['digest']}/dead-letters")
    assert (status, [(letter["line"], letter["code"]) for letter in dead]) == (200, [(2, "syslog-form")])


def test_an_event_is_shown_with_its_raw_record_and_meaning(house):
    house.post("telemetry", visit().encode(), name="access.log")
    (stored,) = house.events.between()
    status, shown = house.get(f"events/{stored.id}")
    assert status == 200
    assert list(shown) == ["id", "time", "source", "raw", "ocsf"]
    assert (shown["raw"], shown["time"]) == (stored.raw, "2026-11-21T08:00:00.000000Z")
    assert house.get("events/" + "0" * 32)[0] == 404


def test_an_event_is_named_by_an_unambiguous_beginning_of_its_id(house):
    house.post("telemetry", visit().encode(), name="access.log")
    (stored,) = house.events.between()
    assert house.get(f"events/{stored.id[:BEGINNING_MIN]}")[1]["id"] == stored.id
    status, told = house.get(f"events/{stored.id[: BEGINNING_MIN - 1]}")
    assert (status, told["code"]) == (404, "event-unknown")
    twin = msgspec.structs.replace(stored, id=EventId(stored.id[:BEGINNING_MIN] + "0" * 26))
    house.events.add([twin], file="f", reading=Reading(lines=1))
    status, told = house.get(f"events/{stored.id[:BEGINNING_MIN]}")
    assert (status, told["code"]) == (404, "event-unknown")
    assert f"2 events have an id that begins with {stored.id[:BEGINNING_MIN]!r}: " in told["detail"]
    assert stored.id in told["detail"]
    assert twin.id in told["detail"]
    assert house.get(f"events/{stored.id}")[1]["id"] == stored.id


def test_an_inventory_is_taken_and_a_wrong_one_refused(house):
    status, told = house.post("telemetry/inventory", (RECORDING / "inventory.json").read_bytes(), name="inventory.json")
    assert (status, told["users"]) == (200, 5)
    assert types(house) == ["soc.inventory.taken/1"]
    assert house.post("telemetry/inventory", (RECORDING / "inventory.json").read_bytes(), name="again.json")[0] == 200
    status, told = house.post("telemetry/inventory", b'{"networks": {"x": ["nonsense"]}}', name="inventory.json")
    assert (status, told["code"]) == (400, "inventory-invalid")
    assert house.telemetry.inventory().user("1004") == "dana"
    assert types(house) == ["soc.inventory.taken/1"]


@pytest.mark.parametrize("path", ["telemetry", "telemetry/inventory", "detections"])
def test_only_an_act_of_somebody_who_may_changes_anything(house, path):
    body = b"" if path == "detections" else visit().encode()
    status, told = house.post(path, body, by="stranger", name="x")
    assert (status, told["code"]) == (401, "signer-unknown")
    assert (types(house), dict(house.events.counts())) == ([], {})
    assert list((house.folder / "raw").iterdir()) == []


def test_detection_opens_the_incident_once_and_shows_it(house):
    incident = house.detected()
    assert types(house).count("soc.incident.opened/1") == 1
    house.writer.now += seconds(1)
    status, again = house.post("detections")
    assert (status, again["incidents"], again["opened"]) == (200, [incident], [])
    (row,) = house.get("incidents")[1]
    assert row["id"] == incident
    status, shown = house.get(f"incidents/{incident[:8]}")
    assert (status, shown["id"]) == (200, incident)
    assert {"score_reasons", "techniques", "alerts", "edges", "events"} <= shown.keys()
    assert all(alert["matches"] for alert in shown["alerts"])
    assert {"id": "T1110.001", "name": "Brute Force: Password Guessing"} in shown["techniques"]
    assert house.get(f"incidents/{incident}/finding")[1]["class_uid"] == 2005
    findings = house.get(f"incidents/{incident}/alerts/findings")[1]
    assert {one["class_uid"] for one in findings} == {2004}
    assert len(findings) == len(house.get(f"incidents/{incident}")[1]["alerts"])
    assert house.get("incidents/none")[0] == 404


def test_without_events_nothing_is_found(house):
    status, found = house.post("detections")
    assert (status, found["events"], found["alerts"], found["incidents"]) == (200, 0, [], [])


def test_the_shipped_rules_are_listed(house):
    status, listed = house.get("rules")
    assert status == 200
    assert sum(head["alerts"] for head in listed) >= 20


def test_a_name_is_limited(house):
    assert house.post("telemetry", visit().encode(), name="x" * 255)[0] == 200
    assert house.post("telemetry", visit().encode(), name="x" * 256)[0] == 400


@pytest.mark.parametrize("path", ["telemetry", "telemetry/00/dead-letters", "events/EVENT", "incidents", "incidents/x"])
def test_the_provider_does_not_read_the_partners_telemetry(house, path):
    house.post("telemetry", visit().encode(), name="access.log")
    (stored,) = house.events.between()
    path = path.replace("EVENT", stored.id)
    status, told = house.get_as("ops", path)
    assert (status, told["code"], told["clause"]) == (403, "not-yours", "principal:ops/organization")
    assert house.get_as("ana", path)[0] == house.get(path)[0] != 403


def test_a_document_that_is_too_deep_to_read_is_refused(house):
    deep = b'{"domains":' + b'{"a":' * 5000
    status, told = house.post("telemetry/inventory", deep, name="inventory.json")
    assert (status, told["code"]) == (400, "inventory-invalid")


def test_what_was_never_so_before_is_listed_with_its_odds(house):
    usual = [accepted("ana", at_s=number * 60) for number in range(120)]
    house.post(
        "telemetry", "\n".join([*usual, accepted("ana", at_s=7200, ip="203.0.113.77")]).encode(), name="auth.log"
    )
    status, told = house.get("anomalies")
    (one,) = told["anomalies"]
    assert (status, told["events"], told["found"], told["contexts_left_out"]) == (200, 121, 1, 0)
    assert (one["kind"], one["value"]["found"], one["seen"]) == ("logon-from", "203.0.113.77", 120)
    assert one["reason"].startswith("0 of 120 earlier events in 2.0 h")
    assert house.get(f"events/{one['event']}")[1]["ocsf"]["src_endpoint"]["ip"] == "203.0.113.77"

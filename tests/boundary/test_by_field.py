"""What fields of telemetry say of their values, and that it holds wherever a value stands."""

import json

import pytest

from safeconduct.access.inventory import Site, TaggedField, compile_inventory
from safeconduct.boundary.by_field import WASTE_MAX, events_in, names_in, recognize_fields
from safeconduct.boundary.event_fields import schema_of, schemas
from safeconduct.boundary.recognizing import recognize

EVENTS = {
    "windows": {
        "EventID": 4624,
        "Channel": "Security",
        "TargetUserName": "tess",
        "Computer": "WS5",
        "IpAddress": "10.1.1.4",
        "ProcessGuid": "{b3c285a4-3cda-5dc0-0000-001d4f670c00}",
    },
    "ecs": {"@timestamp": "2026", "ecs": {"version": "8"}, "user": {"name": "tess"}, "host": {"name": "WS5"}},
    "ocsf": {"class_uid": 3002, "user": {"name": "tess"}, "device": {"hostname": "WS5", "ip": "10.1.1.4"}},
    "cloudtrail": {
        "eventSource": "iam",
        "userIdentity": {"userName": "tess", "accessKeyId": "AKIAIOSFODNN7EXAMPLE"},
        "sourceIPAddress": "203.0.113.9",
    },
    "zeek": {"id.orig_h": "10.1.1.4", "id.resp_h": "203.0.113.9", "username": "tess", "uid": "CHhAvVGS1DHFjwGM9"},
    "eve": {"event_type": "alert", "flow_id": 4111111111111111, "src_ip": "10.1.1.4", "dest_ip": "203.0.113.9"},
    "auditd": {"SYSCALL": {}, "auditd": {}, "acct": "tess", "node": "WS5"},
}


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_known_by_its_members(name: str) -> None:
    assert schema_of(EVENTS[name]).name == name
    assert {one.name for one in schemas()} == {*EVENTS, "common"}


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ({"EventID": 1, "src_ip": "10.1.1.4", "flow_id": 1}, "eve"),  # most marks
        ({"Channel": "Security", "EVENTID": 1, "src_ip": "10.1.1.4"}, "windows"),
        ({"src_ip": "10.1.1.4", "Channel": "Security"}, "windows"),  # as many: the first of the table
        ({"eventid": 1, "EventID": 2, "EVENTID": 3, "src_ip": "10.1.1.4", "flow_id": 1}, "eve"),  # a name counts once
        ({"user": "tess"}, "common"),
        ({}, "common"),
    ],
)
def test_an_event_is_of_the_schema_that_it_has_most_marks_of(event: dict[str, object], name: str) -> None:
    assert schema_of(event).name == name


@pytest.mark.parametrize(
    ("name", "pointer", "data_class"),
    [
        ("windows", "/TargetUserName", "account"),
        ("windows", "/Computer", "host"),
        ("windows", "/IpAddress", "internal-address"),
        ("windows", "/ProcessGuid", "indicator"),
        ("ecs", "/user/name", "account"),
        ("ecs", "/host/name", "host"),
        ("ocsf", "/device/hostname", "host"),
        ("cloudtrail", "/userIdentity/userName", "account"),
        ("cloudtrail", "/userIdentity/accessKeyId", "account"),
        ("cloudtrail", "/sourceIPAddress", "indicator"),
        ("zeek", "/id.orig_h", "internal-address"),
        ("zeek", "/id.resp_h", "indicator"),
        ("zeek", "/username", "account"),
        ("eve", "/src_ip", "internal-address"),
        ("eve", "/flow_id", "indicator"),
        ("auditd", "/acct", "account"),
        ("auditd", "/node", "host"),
    ],
)
def test_a_field_says_what_its_value_is(name: str, pointer: str, data_class: str) -> None:
    found = {one.pointer: one.data_class for one in recognize_fields(EVENTS[name])}
    assert found[pointer] == data_class


def test_built_in_accounts_and_empty_values_are_nobodys() -> None:
    event = EVENTS["windows"] | {"TargetUserName": "SYSTEM", "SubjectUserName": "-", "TargetUserSid": "S-1-5-18"}
    found = {one.pointer: one.data_class for one in recognize_fields(event)}
    assert found["/TargetUserName"] == found["/TargetUserSid"] == "indicator"
    assert "/SubjectUserName" not in found


def test_a_field_named_as_a_secret_holds_one_and_a_hash_does_not_make_one() -> None:
    event = {"db_password": "hunter2!", "token": "d41d8cd98f00b204e9800998ecf8427e", "PublicKeyToken": "b77a5c561934e0"}
    assert [(one.pointer, one.data_class) for one in recognize_fields(event)] == [("/db_password", "secret")]


def test_a_program_tags_fields_of_its_own() -> None:
    own = compile_inventory([Site(id="a", fields=(TaggedField(id="patient.diagnosis", data_class="health"),))])
    event = {"patient": {"diagnosis": "I21.4", "ward": "4"}}
    assert [(one.pointer, one.data_class) for one in recognize_fields(event, own)] == [("/patient/diagnosis", "health")]


def test_what_a_field_tells_is_found_wherever_it_stands() -> None:
    text = "Triage:\n" + json.dumps(EVENTS["windows"] | {"CommandLine": "net user tess /del"}) + "\nWho is Tess on ws5?"
    found = recognize(text, known=names_in([text]))
    assert [text[one.start : one.end] for one in found if one.data_class == "account"] == ["tess", "tess", "Tess"]
    assert [text[one.start : one.end] for one in found if one.data_class == "host"] == ["WS5", "ws5"]
    other = "what did tess do?"
    assert [one.data_class for one in recognize(other, known=names_in([text]))] == ["account"]
    assert recognize(other) == ()


def test_events_within_the_texts_of_events_are_read() -> None:
    inner = json.dumps(EVENTS["ecs"])
    text = json.dumps({"message": inner})
    assert [one.data_class for one in recognize("tess", known=names_in([text]))] == ["account"]


def test_what_only_begins_like_an_event_hides_none_behind_it() -> None:
    event = json.dumps(EVENTS["ecs"])
    assert len(list(events_in("{ no\n" * 1_000 + event))) == 1


def test_reading_in_vain_is_bounded_by_the_texts_length() -> None:
    endless = '{"a":[\n' * 500  # each line begins what never ends, and is read to the text's end
    assert list(events_in(endless + "}" * WASTE_MAX)) == []

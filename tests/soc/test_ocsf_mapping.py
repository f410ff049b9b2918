"""Every OCSF object has what schema 1.8.0 requires of its class, whatever the record held."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.instants import Instant
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.shipped import shipped_rules
from safeconduct.soc.entities import mentions
from safeconduct.soc.inventory import NOTHING
from safeconduct.soc.normalizing import Normalizer, Record
from safeconduct.soc.ocsf.findings import detection_finding, incident_finding
from safeconduct.soc.ocsf.mapping import TABLES, to_ocsf
from safeconduct.soc.ocsf.zeek import LOGS
from support.telemetry import OWN, auth, events, recording, shell, taken

BASE = {"class_uid", "category_uid", "activity_id", "type_uid", "severity_id", "time", "metadata"}
# Attributes that the published schema 1.8.0 requires of a class, beyond the base event's.
REQUIRED = {
    0: set(),
    1006: {"device", "job"},
    1007: {"device", "actor", "process"},
    2004: {"finding_info"},
    2005: {"finding_info_list", "status_id"},
    3001: {"user"},
    3002: {"user"},
    4001: set(),
    4002: set(),
    4003: set(),
}
ONE_OF = {
    3002: {"service", "dst_endpoint"},
    4001: {"src_endpoint", "dst_endpoint"},
    4002: {"http_request", "http_response"},
    4003: {"src_endpoint", "dst_endpoint"},
    2005: {"assignee", "assignee_group"},
}


def assert_whole(ocsf):
    uid = ocsf["class_uid"]
    assert ocsf.keys() >= BASE | REQUIRED[uid], uid
    assert ocsf["category_uid"] == uid // 1000 % 100
    assert ocsf["type_uid"] == uid * 100 + ocsf["activity_id"]
    assert ocsf["metadata"]["version"] == "1.8.0"
    assert "name" in ocsf["metadata"]["product"]
    if uid in ONE_OF:
        assert ONE_OF[uid] & ocsf.keys()
    if "device" in ocsf:
        assert "type_id" in ocsf["device"]
        assert {"hostname", "uid"} & ocsf["device"].keys()


def test_every_event_of_the_recording_is_whole():
    found, _ = recording()
    for event in found:
        assert_whole(event.ocsf)
        assert event.ocsf["time"] == event.at // 1000
    assert {event.ocsf["class_uid"] for event in found} == {0, 1006, 1007, 3002, 4001, 4002, 4003}


def test_findings_are_whole():
    alerts = detect(events(shell("cat /etc/passwd")), shipped_rules())
    finding = detection_finding(alerts[0])
    assert_whole(finding)
    assert finding["finding_info"]["attacks"][0]["technique"] == {
        "uid": "T1087.001",
        "name": "Account Discovery: Local Account",
    }
    assert finding["evidences"][0]["data"]["pointer"] == "/ocsf/process/file/path"


def test_an_incident_finding_is_whole(recorded_incident):
    assert_whole(incident_finding(recorded_incident))


SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        "class_uid",
        "metadata",
        "activity_id",
        "source",
        "destination",
        "src_ip",
        "user",
        "process",
        "event",
        "EventID",
        "CommandLine",
        "query",
        "method",
        "uri",
        "status",
        "remote_addr",
        "request",
        "layers",
        "http_request_method",
        "http_host",
        "dns_qry_name",
        "host",
        "url",
        "_path",
        "id.orig_h",
        "http",
    ]
)
RECORDS = st.dictionaries(NAMES | st.text(max_size=6), VALUES, max_size=8)


@given(RECORDS)
def test_no_json_record_breaks_the_mapping(raw):
    ocsf = to_ocsf("json", raw, Instant(10**15), NOTHING)
    assert ocsf.keys() >= BASE
    canonical(ocsf)


@given(RECORDS, st.dictionaries(st.text(max_size=8) | NAMES, VALUES, max_size=6))
def test_no_captured_message_breaks_the_mapping(raw, layers):
    for source in ("http", "dns"):
        assert_whole(to_ocsf(source, raw | {"layers": layers | {"ip_src": "192.0.2.1"}}, Instant(10**15), NOTHING))


_WORDS = (
    "_path uid id.orig_h id.orig_p ts query answers TTLs rcode status_code service client username name path action "
    "command arg to from msg_types uids mode stratum version event_type alert alert.severity flow_id tls http "
    "eventName eventSource userIdentity requestParameters resources sourceIPAddress errorCode class_uid metadata "
    "activity_id"
)
SENSOR_NAMES = st.sampled_from(_WORDS.split())
LOG_NAMES = st.sampled_from(sorted(LOGS))


@given(st.dictionaries(SENSOR_NAMES, VALUES | LOG_NAMES, max_size=12), LOG_NAMES)
def test_no_record_of_a_sensor_breaks_the_mapping(raw, log):
    assert_base(to_ocsf("zeek", raw | {"_path": log}, Instant(10**15), NOTHING))
    assert_base(to_ocsf("eve", {"event_type": "alert", "alert": {}} | raw, Instant(10**15), NOTHING))
    for service in ("iam.amazonaws.com", "signin.amazonaws.com"):
        called = {"eventName": "CreateUser"} | raw | {"eventSource": service}
        assert_base(to_ocsf("cloudtrail", called, Instant(10**15), NOTHING))
    as_said = {**raw, "class_uid": 4001, "metadata": {}}
    assert_base(to_ocsf("ocsf", as_said, Instant(10**15), NOTHING))


def assert_base(ocsf):
    assert ocsf.keys() >= BASE
    canonical(ocsf)


@given(RECORDS)
def test_no_web_server_line_breaks_the_mapping(raw):
    canonical(to_ocsf("access", raw, Instant(10**15), NOTHING))
    canonical(to_ocsf("flow", raw, Instant(10**15), NOTHING))


AUDIT_FIELDS = st.sampled_from(["pid", "uid", "auid", "exe", "comm", "a0", "a1", "acct", "res", "success", "cwd", "id"])
AUDIT_TYPES = st.sampled_from(["SYSCALL", "EXECVE", "CWD", "USER_LOGIN", "PROCTITLE"])


@given(st.dictionaries(AUDIT_TYPES, st.dictionaries(AUDIT_FIELDS, st.text(max_size=12), max_size=8)))
def test_no_audit_event_breaks_the_mapping(raw):
    ocsf = to_ocsf("audit", raw, Instant(10**15), OWN)
    assert ocsf.keys() >= BASE
    canonical(ocsf)


@given(RECORDS)
def test_no_record_breaks_entities_or_rules(raw):
    event = Normalizer().event(Record(source="json", line=1, at=Instant(10**15), raw=raw))
    mentions(event)
    detect([event], shipped_rules())


OTHERS = [
    ({"@timestamp": "2026-11-21T08:00:00Z", "event": {"category": ["authentication"], "outcome": "failure"},
      "source": {"ip": "203.0.113.9"}, "user": {"name": "ana"}, "host": {"name": "Web-01"}}, 3002, "Failure"),
    ({"@timestamp": "2026-11-21T08:00:00Z", "EventID": 4624, "TargetUserName": "ana", "IpAddress": "203.0.113.9",
      "Computer": "WS1"}, 3002, "Success"),
    ({"@timestamp": "2026-11-21T08:00:00Z", "EventID": 1, "CommandLine": "cmd /c whoami", "Image": "C:\\x.exe",
      "Hostname": "ws1"}, 1007, None),
    ({"ts": 1600266220.005323, "_path": "dns", "id.orig_h": "10.0.0.1", "id.resp_h": "10.0.0.2", "query": "a.example",
      "qtype_name": "A"}, 4003, None),
    ({"ts": 1600266220.005323, "_path": "conn", "id.orig_h": "10.0.0.1", "id.resp_h": "10.0.0.2", "orig_bytes": 5},
     4001, None),
    ({"timestamp": "2026-11-21T08:00:00.000000+0000", "event_type": "http", "src_ip": "10.0.0.1", "dest_ip": "10.0.0.2",
      "http": {"hostname": "a.example", "url": "/x?y=1", "http_method": "GET", "status": 404}}, 4002, "Failure"),
    ({"time": "2026-11-21T08:00:00Z", "class_uid": 6003, "activity_id": 1, "metadata": {"version": "1.1.0"}, "api": {}},
     6003, None),
    ({"time": "2026-11-21T08:00:00Z", "query": "SELECT 1"}, 0, None),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "class_uid", "status"), OTHERS)
def test_names_of_other_formats_are_known(raw, class_uid, status):
    (event,), dead = taken(json.dumps(raw))
    assert dead == []
    assert (event.ocsf["class_uid"], event.ocsf.get("status")) == (class_uid, status)


def test_a_record_that_is_ocsf_already_keeps_what_it_says():
    raw = {
        "time": 1795287091000,
        "class_uid": 3002,
        "activity_id": 1,
        "metadata": {"version": "1.1.0"},
        "user": {"name": "x"},
    }
    (event,), _ = taken(json.dumps(raw))
    assert event.ocsf["metadata"] == {"version": "1.1.0"}
    assert event.ocsf["user"] == {"name": "x"}
    assert event.ocsf["type_uid"] == 300201


def test_a_host_can_be_given_to_records_that_name_none():
    line = "type=SYSCALL msg=audit(1795287091.163:13): success=yes pid=1 ppid=1 auid=1001 uid=0 ses=1"
    (named,), _ = taken(line, host="DB-7")
    (unnamed,), _ = taken(line)
    assert named.ocsf["device"]["hostname"] == "db-7"
    assert "hostname" not in unnamed.ocsf["device"]
    assert named.id == unnamed.id
    (own,) = events(auth("sshd[1]", "x"))
    assert own.ocsf["device"]["hostname"] == "web-01"


def test_every_source_has_a_table():
    named = {
        "auth",
        "access",
        "audit",
        "http",
        "dns",
        "flow",
        "json",
        "windows",
        "zeek",
        "eve",
        "cloudtrail",
        "siem-alert",
    }
    assert {*TABLES, "audit", "json"} == named

"""Which rules look at which events, and under which names."""

import json

import pytest

from safeconduct.soc.detection.ir import LogSource
from safeconduct.soc.detection.views import views
from safeconduct.soc.pointers import resolve
from support.telemetry import accepted, auth, events, flow, ran, seen, visit

CRON = auth("CRON[5]", "(ana) CMD (id)")
SUDO = auth("sudo", "  ana : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id")
ECS_LOGON = json.dumps(
    {"@timestamp": "2026-11-21T08:00:00Z", "event": {"category": ["authentication"]}, "user": {"name": "ana"}}
)
WINDOWS = json.dumps(
    {"@timestamp": "2026-11-21T08:00:00Z", "EventID": 1, "CommandLine": "whoami", "Image": "C:\\w.exe"}
)

CASES = [
    ("authentication", "", "", accepted("ana"), True),
    ("authentication", "", "", ECS_LOGON, True),
    ("authentication", "", "", CRON, False),
    ("authentication", "windows", "", accepted("ana"), False),
    ("", "linux", "sshd", accepted("ana"), True),
    ("", "linux", "sshd", SUDO, False),
    ("", "linux", "sudo", SUDO, True),
    ("", "linux", "cron", CRON, True),
    ("", "linux", "cron", SUDO, False),
    ("", "linux", "auth", CRON, True),
    ("", "linux", "syslog", SUDO, True),
    ("", "windows", "security", accepted("ana"), False),
    ("", "linux", "auditd", ran("id"), True),
    ("", "linux", "auditd", accepted("ana"), False),
    ("process_creation", "linux", "", ran("id"), True),
    ("process_creation", "windows", "", ran("id"), False),
    ("process_creation", "windows", "", WINDOWS, True),
    ("process_creation", "linux", "", accepted("ana"), False),
    ("webserver", "", "", visit(), True),
    ("webserver", "nginx", "", visit(), True),
    ("webserver", "", "", seen(http_host="a"), False),
    ("proxy", "", "", seen(http_host="a"), True),
    ("dns", "", "", seen(dns_qry_name="a"), True),
    ("dns", "", "", seen(http_host="a"), False),
    ("firewall", "", "", flow(), True),
    ("network_connection", "linux", "", flow(), True),
    ("file_event", "linux", "", ran("id"), False),
]


@pytest.mark.parametrize(("category", "product", "service", "line", "seen_by"), CASES)
def test_a_log_source_sees_what_is_its_own(category, product, service, line, seen_by):
    (event,) = events(line)
    assert len(list(views(event, LogSource(category, product, service)))) == seen_by


NAMED = [
    ("process_creation", ran("curl", "-o", "x"), "CommandLine", "/ocsf/process/cmd_line", "curl -o x"),
    ("process_creation", ran("curl"), "EXECVE.a0", "/raw/EXECVE/a0", "curl"),
    ("process_creation", ran("curl"), "ocsf.process.pid", "/ocsf/process/pid", 500),
    ("webserver", visit(uri="/a?b=c"), "cs-uri-query", "/ocsf/http_request/url/query_string", "b=c"),
    ("webserver", visit(status=404), "sc-status", "/ocsf/http_response/code", 404),
    ("webserver", visit(), "request_length", "/raw/request_length", 99),
    ("proxy", seen(http_request_uri="/x", http_host="a.example"), "c-uri", "/ocsf/http_request/url/url_string",
     "http://a.example/x"),
    ("dns", seen(dns_qry_name="A.example"), "query", "/ocsf/query/hostname", "a.example"),
    ("dns", seen(dns_qry_name="a", dns_flags_response="1", dns_a="192.0.2.1"), "answer", "/ocsf/answers/0/rdata",
     "192.0.2.1"),
    ("firewall", flow(dport=22), "DestinationPort", "/ocsf/dst_endpoint/port", 22),
]  # fmt: skip


@pytest.mark.parametrize(("category", "line", "name", "place", "value"), NAMED)
def test_a_field_is_found_at_its_place(category, line, name, place, value):
    (event,) = events(line)
    (view,) = views(event, LogSource(category))
    assert view.values(name) == [(place, value)]
    assert resolve(event.document(), place) == value


def test_auditd_rules_see_the_fields_of_every_record():
    (event,) = events(ran("curl", "-o"))
    (view,) = views(event, LogSource("", "linux", "auditd"))
    assert ("/ocsf/unmapped/types/1", "EXECVE") in view.values("type")
    assert ("/raw/EXECVE/a1", "-o") in view.values("a1")
    assert view.values("nothing") == []


def test_a_name_with_dots_is_a_member_or_a_path():
    dotted = json.dumps({"time": 1795287091, "a.b": 1, "c": {"d": [2, 3]}, "CommandLine": "x"})
    (event,) = events(dotted)
    (view,) = views(event, LogSource("process_creation"))
    assert view.values("a.b") == [("/raw/a.b", 1)]
    assert view.values("c.d") == [("/raw/c/d/0", 2), ("/raw/c/d/1", 3)]

"""Each form of record: what its fields become, and what is refused and why."""

import json

import pytest

from safeconduct.adapters.telemetry.audit import OPEN_EVENTS_MAX, Joiner
from safeconduct.adapters.telemetry.lines import Line
from safeconduct.kernel.instants import parse_rfc3339
from safeconduct.soc.inventory import NOTHING
from safeconduct.soc.ocsf.audit import ARGUMENTS_MAX, command_line
from safeconduct.soc.ocsf.forms import integer
from support.telemetry import OWN, auth, events, flow, ran, seen, taken, visit


def codes(content, **manner):
    return [letter.code for letter in taken(content, **manner)[1]]


def test_a_syslog_line_keeps_its_fields_and_time():
    (event,) = events("2026-11-21T18:51:31.163099+01:00 web-01 sshd[7740]: Server listening on :: port 22.")
    assert event.raw == {
        "timestamp": "2026-11-21T18:51:31.163099+01:00",
        "hostname": "web-01",
        "program": "sshd",
        "pid": "7740",
        "message": "Server listening on :: port 22.",
    }
    assert event.at == parse_rfc3339("2026-11-21T17:51:31.163099Z")
    assert event.source == "auth"


def test_a_syslog_line_without_pid_has_none():
    (event,) = events(auth("sudo", "  ana : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id"))
    assert "pid" not in event.raw


def test_the_old_syslog_time_is_refused_with_the_way_out():
    _, (letter,) = taken("Nov 21 18:51:09 web-01 sshd[1]: Server listening on :: port 22.\n")
    assert letter.code == "time-without-year"
    assert "RSYSLOG_FileFormat" in letter.detail


def test_the_combined_format_gets_nginx_names():
    line = '203.0.113.9 - - [21/Nov/2026:18:51:30 +0000] "GET /a?b=1 HTTP/1.1" 404 153 "-" "Mozilla/5.0 (\\"x\\")"'
    (event,) = events(line)
    assert event.raw["user_agent"] == 'Mozilla/5.0 (\\"x\\")'
    assert event.ocsf["http_request"]["http_method"] == "GET"
    assert event.ocsf["http_request"]["url"]["query_string"] == "b=1"
    assert event.ocsf["http_response"] == {"code": 404, "body_length": 153}


def test_audit_records_are_joined_decoded_and_named():
    (event,) = events(ran("curl", "-o", "a b", "http://x.example/", uid=1001))
    assert event.source == "audit"
    assert event.raw["EXECVE"] == {"argc": "4", "a0": "curl", "a1": "-o", "a2": "a b", "a3": "http://x.example/"}
    assert event.ocsf["process"]["cmd_line"] == "curl -o a b http://x.example/"
    assert event.ocsf["process"]["file"]["path"] == "/usr/bin/curl"
    assert event.ocsf["actor"]["user"] == {"uid": "1001", "name": "ana"}
    assert event.ocsf["device"]["hostname"] == "web-01"


def test_an_account_the_inventory_does_not_know_keeps_its_number():
    (event,) = events(ran("id", uid=4242))
    assert event.ocsf["process"]["user"] == {"uid": "4242", "name": "uid 4242"}


def test_interleaved_audit_records_find_their_events():
    first, second = (ran("id", serial=n, pid=n).splitlines() for n in (1, 2))
    mixed = [line for pair in zip(first, second, strict=True) for line in pair]
    joined = events(*mixed)
    apart = events(*first) + events(*second)
    assert {event.id for event in joined} == {event.id for event in apart}


def test_a_long_argument_is_put_together_again():
    head = "type=EXECVE msg=audit(1795287091.163:13):"
    call = 'type=SYSCALL msg=audit(1795287091.163:13): success=yes pid=1 ppid=1 auid=0 uid=0 ses=1 exe="/bin/x"'
    lines = [call, f'{head} argc=2 a0="x" a1_len=6 a1[0]=616263', f"{head} a1[1]=646566"]
    found, dead = taken("\n".join(lines) + "\n")
    assert dead == []
    assert found[0].raw["EXECVE"] == {"argc": "2", "a0": "x", "a1": "abcdef"}


def test_user_space_audit_messages_are_unfolded():
    line = (
        "node=web-01 type=USER_LOGIN msg=audit(1795287091.159:10): pid=7740 uid=0 auid=1001 ses=2 "
        'msg=\'op=login acct="ana" exe="/usr/sbin/sshd" hostname=? addr=198.51.100.22 terminal=ssh res=failed\''
    )
    (event,) = events(line)
    assert event.raw["USER_LOGIN"]["acct"] == "ana"
    assert (event.ocsf["class_uid"], event.ocsf["status"]) == (3002, "Failure")
    assert event.ocsf["src_endpoint"]["ip"] == "198.51.100.22"


def test_an_audit_event_that_never_ends_comes_out_at_the_end():
    head, *rest = ran("id").splitlines()
    assert len(events(head)) == 1
    assert codes(f"{head}\n{head}" + "\n") == ["audit-repeated"]
    assert codes("\n".join([*rest, "type=SYSCALL msg=audit(x:y): a=1"]) + "\n") == ["audit-form"]


def test_each_json_line_says_by_its_members_what_it_is():
    lines = (visit(), flow(), seen(http_host="a.example"), seen(dns_qry_name="b.example"), '{"time":1795287091,"a":1}')
    assert [event.source for event in events(*lines)] == ["access", "flow", "http", "dns", "json"]


def test_bulk_headers_are_no_records():
    assert taken('{"index":{"_index":"packets"}}\n' + seen(http_host="a") + "\n")[1] == []


def test_captured_messages_are_told_from_the_side_that_asked():
    question = seen(
        src="203.0.113.9", dst="192.0.2.53", dns_qry_name="A.Example.", dns_flags_response="0", dns_qry_type="1"
    )
    answer = seen(src="192.0.2.53", dst="203.0.113.9", dns_qry_name="a.example", dns_flags_response="1",
                  dns_flags_rcode="3", dns_qry_type="1")  # fmt: skip
    asked, told = (event.ocsf for event in events(question, answer))
    assert asked["src_endpoint"]["ip"] == told["src_endpoint"]["ip"] == "203.0.113.9"
    assert (asked["activity_id"], told["activity_id"]) == (1, 2)
    assert asked["query"] == {"hostname": "a.example", "type": "A"}
    assert (told["rcode_id"], told["status"]) == (3, "Failure")


def test_own_json_needs_a_time_and_may_name_its_field():
    assert codes('{"a":1}\n') == ["time-missing"]
    assert codes('{"time":"2026-11-21 08:00:00"}\n') == ["time-without-offset"]
    (event,) = taken('{"when":{"at":"2026-11-21T08:00:00Z"}}\n', time_field="when.at")[0]
    assert event.at == parse_rfc3339("2026-11-21T08:00:00Z")


def test_a_second_time_field_is_tried_where_the_first_names_no_instant():
    (event,), dead = taken('{"@timestamp":"2026-11-21 08:00:00","ts":1795287091}\n')
    assert (event.at, dead) == (1795287091_000000, [])


def test_the_same_line_twice_is_two_events_and_reading_it_again_is_the_same_two():
    line = json.dumps({"time": 1795287091, "what": "retry"})
    once, twice = taken(f"{line}\n{line}\n")[0], taken(f"{line}\n{line}\n")[0]
    assert [event.id for event in once] == [event.id for event in twice]
    assert len({event.id for event in once}) == 2
    assert once[1].raw["@occurrence"] == 2
    assert taken(f"{line}\n")[0][0].id == once[0].id


def test_the_id_of_an_event_depends_on_nothing_but_source_and_raw():
    line = ran("id", uid=1001)
    with_inventory, without = events(line, inventory=OWN)[0], events(line, inventory=NOTHING)[0]
    assert with_inventory.ocsf != without.ocsf
    assert with_inventory.id == without.id


@pytest.mark.parametrize(
    "content", ["2026-11-21T08:00:00Z web-01 sshd[1]: ok\n2026-11-21T08:0", '{"time":1795287091}\n{"time":17']
)
def test_a_cut_last_line_is_told_as_cut(content):
    found, (letter,) = taken(content)
    assert len(found) == 1
    assert (letter.line, letter.code) == (2, "line-cut")


def test_a_last_line_that_only_lacks_its_end_is_read():
    assert len(taken(visit())[0]) == 1


def test_so_many_events_are_joined_at_once():
    joiner = Joiner()
    lines = [f"type=SYSCALL msg=audit(1795000000.000:{serial}): pid=1" for serial in range(OPEN_EVENTS_MAX + 1)]
    *held, last = [joiner.push(Line(number, text)) for number, text in enumerate(lines, start=1)]
    assert not any(held)
    assert [record.line for record in last] == [1]
    assert len(joiner.rest()) == OPEN_EVENTS_MAX


def test_so_many_arguments_make_a_command_line():
    execve = {f"a{number}": "x" for number in range(ARGUMENTS_MAX)}
    assert len(command_line(execve).split()) == ARGUMENTS_MAX
    assert len(command_line(execve | {f"a{ARGUMENTS_MAX}": "x"}).split()) == ARGUMENTS_MAX


def test_a_whole_number_has_so_many_digits():
    assert integer("9" * 15) == 10**15 - 1
    assert integer("9" * 16) is None

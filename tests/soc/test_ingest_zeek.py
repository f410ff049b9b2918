"""Zeek's tab-separated logs: the header says how the lines are read, and without one nothing is guessed."""

import json

import pytest

from support.telemetry import taken

HEAD = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tproto\tlocal_orig\ttunnel_parents\thistory\tnote\n"
    "#types\ttime\tstring\taddr\tport\taddr\tenum\tbool\tset[string]\tstring\tstring\n"
)
LINE = "1795287091.500000\tCx1\t192.0.2.10\t40000\t203.0.113.9\ttcp\tT\tCa,Cb\t(empty)\t-\n"


def test_fields_have_the_types_the_header_says():
    (event,), dead = taken(HEAD + LINE + "#close\t2026-11-21-09-00-00\n")
    assert (event.source, event.at, dead) == ("zeek", 1795287091_500000, [])
    assert event.raw == {
        "_path": "conn",
        "ts": "1795287091.500000",
        "uid": "Cx1",
        "id.orig_h": "192.0.2.10",
        "id.orig_p": 40000,
        "id.resp_h": "203.0.113.9",
        "proto": "tcp",
        "local_orig": True,
        "tunnel_parents": ["Ca", "Cb"],
        "history": "",
    }


def test_the_same_record_as_json_is_the_same_event():
    (event,), _ = taken(HEAD + LINE)
    text = json.dumps(dict(event.raw)).replace('"1795287091.500000"', "1795287091.500000")
    assert taken(text)[0][0].id == event.id


def test_a_new_header_may_come_between():
    other = "#separator ;\n#path;dns\n#fields;ts;query\n#types;time;string\n1795287092;a.example\n"
    found, dead = taken(HEAD + LINE + other)
    assert ([event.raw["_path"] for event in found], dead) == (["conn", "dns"], [])


@pytest.mark.parametrize(
    ("line", "code"), [(LINE.replace("\tT", ""), "zeek-form"), (LINE.replace("1795287091.500000", "-"), "time-missing")]
)
def test_a_line_that_does_not_fit_its_header_is_told(line, code):
    found, (letter,) = taken(HEAD + line + LINE)
    assert (len(found), letter.line, letter.code) == (1, 8, code)


def test_without_names_of_fields_nothing_is_read():
    found, (letter,) = taken("#separator \\x09\n#path\tconn\n" + LINE)
    assert (found, letter.code) == ([], "zeek-form")


def test_an_empty_log_has_no_events_and_no_fault():
    assert taken(HEAD) == ([], [])

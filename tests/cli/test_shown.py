"""What commands print for people: tables, values in words, and lines that can be copied."""

import errno
import io
import json
import os

import pytest
from rich.console import Console

from safeconduct.cli import usage
from safeconduct.cli.client import Client
from safeconduct.cli.demo import screen
from safeconduct.cli.output import emit, out, report, rows, system_refused, to_seconds, worded
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.program.clocks import clock_documents


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "-"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        ("", ""),
        ({"demanded": False, "overdue": 2}, "demanded no, overdue 2"),
        (["a", True], "a, yes"),
        ([], ""),
    ],
)
def test_values_are_printed_as_people_write_them(value, words):
    assert worded(value) == words


def test_tables_are_aligned_and_end_where_their_text_ends(capsys):
    rows([{"name": "a", "seen": True}, {"name": "longer"}], "name", "seen")
    assert capsys.readouterr().out.splitlines() == ["name    seen", "a       yes", "longer"]


HOSTILE = {
    "\x1b[2J\x1b]0;all is well\x07": "\\u001b[2J\\u001b]0;all is well\\u0007",
    "\x9b8mhidden\x9b0m": "\\u009b8mhidden\\u009b0m",
    "allowed \u202elive\u202c": "allowed \\u202elive\\u202c",
    "keep this\rallowed": "keep this\\u000dallowed",
    "http://a:skull:b": "http://a:skull:b",
}


@pytest.mark.parametrize(("said", "printed"), HOSTILE.items())
def test_text_of_others_is_printed_and_never_obeyed_by_the_terminal(said, printed, capsys):
    rows([{"name": said}], "name")
    assert capsys.readouterr().out.splitlines() == ["name", printed]
    report(InvalidInputError(said, code="seen"))
    assert f"{printed}\n" in capsys.readouterr().err
    out.print(f"1 {said}", markup=False)
    assert capsys.readouterr().out == f"1 {printed}\n"


@pytest.mark.parametrize("said", [*HOSTILE, "Grüße 日本"])
def test_json_says_the_same_in_letters_that_a_terminal_does_not_obey(said, capsys):
    emit({"name": said}, True, rows)
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"name": said}
    assert printed.replace("\n", "").isprintable()


def test_lines_indents_and_letters_of_any_language_stay_as_they_are(capsys):
    out.print("Grüße\n    日本 [bold]x[/]", markup=False)
    assert capsys.readouterr().out == "Grüße\n    日本 [bold]x[/]\n"


def test_what_people_copy_from_the_demo_is_one_line(monkeypatch):
    printed = io.StringIO()
    monkeypatch.setattr(screen, "Console", lambda **options: Console(file=printed, width=20, **options))
    shown = screen.Screen(quiet=False)
    shown.copied("  export DATA=/a/folder/of/some/length")
    shown.fact("data", "/a/folder/of/some/length")
    assert [line.split()[-1] for line in printed.getvalue().splitlines()] == [
        "DATA=/a/folder/of/some/length",
        "/a/folder/of/some/length",
    ]


def test_a_missing_key_is_told_before_any_work(tmp_path):
    with pytest.raises(InvalidInputError, match="no key file") as raised:
        Client(tmp_path).require_signer()
    assert raised.value.code == "key-missing"


@pytest.mark.parametrize(
    ("time", "read"),
    [
        ("2027-12-31T00:00:00.000000Z", "2027-12-31T00:00:00Z"),
        ("2027-12-31T00:00:00Z", "2027-12-31T00:00:00Z"),
        ("", ""),
    ],
)
def test_people_read_times_in_whole_seconds(time, read):
    assert to_seconds(time) == read


@pytest.mark.parametrize(
    ("number", "helps"),
    [(errno.ENOSPC, "make room"), (errno.EROFS, "run this as"), (errno.EACCES, "run this as"), (errno.EIO, "")],
)
def test_what_the_system_refuses_is_told_with_the_place_and_what_helps(number, helps, capsys):
    assert report(system_refused(OSError(number, os.strerror(number), "/data/server.lock"))) == 4
    printed = capsys.readouterr().err
    assert f"{os.strerror(number)}: /data/server.lock\n" in printed
    assert ("to do:" in printed, helps in printed) == (bool(helps), True)


def test_amounts_of_one_are_told_as_one_and_no_calls_as_none(capsys):
    times = {one["id"]: one["time"] for one in clock_documents()}
    assert (times["nis2-final-report"], times["nis2-early-warning"]) == ("1 month", "24 hours")
    usage._show_outcomes([])
    assert capsys.readouterr().out == "no calls in this time\n"

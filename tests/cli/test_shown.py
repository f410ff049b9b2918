"""What commands print for people: tables, values in words, and lines that can be copied."""

import io

import pytest
from rich.console import Console

from safeconduct.cli.client import Client
from safeconduct.cli.demo import screen
from safeconduct.cli.output import rows, worded
from safeconduct.kernel.errors import InvalidInputError


@pytest.mark.parametrize(
    ("value", "words"),
    [(True, "yes"), (False, "no"), (0, "0"), ("", ""), ({"demanded": False, "overdue": 2}, "demanded no, overdue 2")],
)
def test_values_are_printed_as_people_write_them(value, words):
    assert worded(value) == words


def test_tables_are_aligned_and_end_where_their_text_ends(capsys):
    rows([{"name": "a", "seen": True}, {"name": "longer"}], "name", "seen")
    assert capsys.readouterr().out.splitlines() == ["name    seen", "a       yes", "longer"]


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

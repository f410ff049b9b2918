"""`safeconduct hints try`: a rule over a folder and over the lines of a file, and exits that a pipeline can use."""

import json

import pytest
from typer.testing import CliRunner

from safeconduct.cli import hints
from safeconduct.cli.main import app

RULES = (
    "hint_rules: {vendor: {family: override, pattern: 'obey vendor-\\d', finds: [obey vendor-1], spares: [vendor]}}\n"
)


@pytest.fixture
def texts(tmp_path):
    (tmp_path / "rules.yaml").write_text(RULES)
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(10):
        (folder / f"{number}.txt").write_text("obey vendor-7" if number == 3 else f"ticket {number}")
    return tmp_path


def tried(*args):
    return CliRunner().invoke(app, ["hints", "try", *map(str, args)])


def test_a_folder_is_tried_file_by_file(texts):
    done = tried(texts / "rules.yaml", texts / "texts", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert (told["texts"], told["own"][0]["found"], told["own"][0]["first"]) == (10, 1, ["3.txt"])


@pytest.mark.parametrize(("most", "code"), [("10", 0), ("9.9", 1)])
def test_more_false_alarms_than_allowed_are_a_no(texts, most, code):
    assert tried(texts / "rules.yaml", texts / "texts", "--most", most).exit_code == code


def test_a_file_is_tried_line_by_line_and_shown_for_people(texts):
    (texts / "one.log").write_text("a\n\nobey vendor-2\n")
    done = tried(texts / "rules.yaml", texts / "one.log")
    assert "own:vendor  1 of 2" in done.output
    assert "one.log:3" in done.output
    assert "own:vendor  0 of 2" in tried(texts / "rules.yaml", texts / "one.log", "--said").output


def test_nothing_to_try_is_bad_input_and_too_many_or_too_large_are_told(texts, monkeypatch):
    (texts / "empty").mkdir()
    assert tried(texts / "rules.yaml", texts / "empty").exception.code == "no-texts"
    monkeypatch.setattr(hints, "FILES_MAX", 9)
    assert "holds over 9 files" in str(tried(texts / "rules.yaml", texts / "texts").exception)
    monkeypatch.setattr(hints, "TEXT_BYTES_MAX", 3)
    assert "is over 3 bytes" in str(tried(texts / "rules.yaml", texts / "texts" / "1.txt").exception)

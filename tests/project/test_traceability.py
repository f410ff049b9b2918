"""Holds docs/traceability.md against the tree and, under CI, against what the run of the tests really did."""

import os
import re

import pytest

from support.booking import booked
from support.traceability import AGAIN, RAN, RESULTS, ROOT, TABLE, Row, claims, faults, last, outcomes, rows

MISSION = [
    *(f"A{n}" for n in range(1, 10)),
    *(f"B{n}" for n in range(1, 7)),
    *(f"C{n}" for n in range(1, 7)),
    *(f"D{n}" for n in range(1, 4)),
    *(f"E{n}" for n in range(1, 6)),
    *(f"F{n}" for n in range(1, 7)),
    *(f"G{n}" for n in range(1, 5)),
    *(f"H{n}" for n in range(1, 6)),
    *(f"I{n}" for n in range(1, 5)),
    "J",
    "K",
]

after_a_booked_run = pytest.mark.skipif(
    "SAFECONDUCT_LOOK_BACK" not in os.environ, reason="looks back on a booked run: CI=true make test"
)


def test_every_row_of_the_mission_stands_here_once():
    assert [row.id for row in rows(TABLE.read_text())] == MISSION


@pytest.mark.parametrize("row", rows(TABLE.read_text()), ids=lambda row: row.id)
def test_what_a_row_names_exists_and_what_it_lacks_is_said(row):
    for path in (*row.modules, *row.tests):
        assert (ROOT / path).is_file(), path
    assert bool(row.modules) == bool(row.tests)
    assert row.missing
    assert row.modules or row.missing != "nothing"


def test_each_security_claim_has_its_tests():
    promised = re.findall(r"^(\d+)\. \*\*(.+?)\*\*", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)
    listed = claims(TABLE.read_text())
    assert [(claim.id, claim.missing) for claim in listed] == [(number, says.rstrip(".")) for number, says in promised]
    assert len(listed) == 13
    for claim in listed:
        assert claim.tests
        assert all((ROOT / test).is_file() for test in claim.tests), claim


def test_each_attack_names_a_test_that_is_there():
    named = re.findall(r"`(tests/\S+\.py)::(\w+)`", (ROOT / "SECURITY.md").read_text())
    assert named
    for file, test in named:
        assert f"\ndef {test}(" in (ROOT / file).read_text(), (file, test)


@after_a_booked_run
def test_the_listed_tests_ran_and_covered_their_modules():
    ran = booked(RAN)

    def covered(module, test):
        return module in ran.get(test, ())

    text = TABLE.read_text()
    results = last(*(outcomes(one.read_bytes()) for one in (RESULTS, AGAIN) if one.is_file()))
    found = [fault for row in (*rows(text), *claims(text)) for fault in faults(row, results, covered)]
    assert not found, "\n".join(found)


ROW = Row("B3", ("src/a.py",), ("tests/t.py",), "x")


@pytest.mark.parametrize(
    ("results", "covers", "said"),
    [
        ({"tests/t.py": {"test_a": "passed"}}, True, []),
        ({"tests/t.py": {"test_a": "skipped"}}, True, ["B3: tests/t.py::test_a was skipped"]),
        ({"tests/t.py": {"test_a": "failed"}}, True, ["B3: tests/t.py::test_a was failed"]),
        ({}, True, ["B3: tests/t.py did not run"]),
        (
            {"tests/t.py": {"test_a": "passed"}},
            False,
            ["B3: no listed test ran anything of src/a.py", "B3: tests/t.py ran nothing of a listed module"],
        ),
    ],
)
def test_each_way_a_row_can_be_untrue_is_said(results, covers, said):
    assert faults(ROW, results, lambda _module, _test: covers) == said


def test_a_run_is_read_from_its_junit_file():
    xml = (
        b'<testsuites><testsuite><testcase classname="tests.a.test_b" name="one"/>'
        b'<testcase classname="tests.a.test_b" name="two"><skipped/></testcase>'
        b'<testcase classname="tests.a.test_b" name="three"><failure/></testcase></testsuite></testsuites>'
    )
    assert outcomes(xml) == {"tests/a/test_b.py": {"one": "passed", "two": "skipped", "three": "failed"}}


def test_of_a_test_that_ran_again_the_last_outcome_counts():
    first, again = (
        {"tests/t.py": {"one": "failed", "two": "passed"}, "tests/u.py": {"x": "failed"}},
        {"tests/t.py": {"one": "passed"}},
    )
    assert last(first) == first
    assert last(first, again) == {"tests/t.py": {"one": "passed", "two": "passed"}, "tests/u.py": {"x": "failed"}}

"""Reads docs/traceability.md, and what the last booked run of the tests did."""

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "traceability.md"
RESULTS = ROOT / ".results.xml"
AGAIN = ROOT / ".again.xml"
RAN = ROOT / ".ran"
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Row:
    """One capability of the mission: the modules that serve it, the tests that show it, what is missing."""

    id: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    missing: str


def rows(text):
    """Returns the table's rows: id | capability | modules | tests | missing."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 5 and re.fullmatch(r"[A-K]\d?", cells[0]):
            found.append(Row(cells[0], tuple(_CODE.findall(cells[2])), tuple(_CODE.findall(cells[3])), cells[4]))
    return found


def claims(text):
    """Returns the table of security claims as rows without modules: claim | says | tests."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 3 and cells[0].isdigit():
            found.append(Row(cells[0], (), tuple(_CODE.findall(cells[2])), cells[1]))
    return found


def outcomes(xml):
    """Returns test file -> {test name -> passed | skipped | failed} from a JUnit file of pytest."""
    found = {}
    for case in ET.fromstring(xml).iter("testcase"):  # noqa: S314 - our own run's file
        file = case.get("classname").replace(".", "/") + ".py"
        kinds = {child.tag for child in case}
        outcome = "skipped" if "skipped" in kinds else "failed" if kinds & {"failure", "error"} else "passed"
        found.setdefault(file, {})[case.get("name")] = outcome
    return found


def last(*runs):
    """Returns the outcomes of several runs as one: of a test that ran again, the last."""
    found = {}
    for run in runs:
        for file, tests in run.items():
            found[file] = found.get(file, {}) | tests
    return found


def faults(row, results, covered):
    """Returns what is wrong with a row after a run. `covered(module, test_file)` tells whether one ran the other."""
    said = []
    for test in row.tests:
        ran = results.get(test, {})
        if not ran:
            said.append(f"{row.id}: {test} did not run")
        said += [f"{row.id}: {test}::{name} was {what}" for name, what in ran.items() if what != "passed"]
    pairs = {(module, test) for module in row.modules for test in row.tests if covered(module, test)}
    said += [
        f"{row.id}: no listed test ran anything of {module}"
        for module in row.modules
        if module not in {module for module, _ in pairs}
    ]
    said += [
        f"{row.id}: {test} ran nothing of a listed module"
        for test in row.tests
        if row.modules and test not in {test for _, test in pairs}
    ]
    return said

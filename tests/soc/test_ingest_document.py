"""docs/telemetry.md names what the code knows, no more and no less."""

import re
from pathlib import Path

import pytest

from safeconduct.adapters.telemetry.copying_in import FILE_BYTES_MAX
from safeconduct.adapters.telemetry.cutting import PART_BYTES
from safeconduct.adapters.telemetry.forms import SAMPLE_LINES
from safeconduct.adapters.telemetry.lines import DEPTH_MAX, LINE_BYTES_MAX
from safeconduct.http.control.requests import BODY_BYTES_MAX
from safeconduct.ledger.ocsf import OCSF_VERSION
from safeconduct.soc.ocsf.records import NAMES, TIME_NAMES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "telemetry.md").read_text()
READERS = ROOT / "src" / "safeconduct" / "adapters" / "telemetry"


@pytest.mark.parametrize("ours", NAMES)
def test_the_names_of_other_formats_are_all_told(ours):
    (row,) = re.findall(rf"^\| {ours} \| (.*) \|$", TEXT, re.MULTILINE)
    assert tuple(re.findall(r"`([^`]+)`", row)) == NAMES[ours]


def test_the_names_of_times_are_all_told():
    assert ", ".join(f"`{name}`" for name in TIME_NAMES) in TEXT.replace("\n", " ")


def test_every_code_of_what_cannot_be_read_is_told_and_no_other():
    raised = set(re.findall(r'"((?:line|json|time|syslog|access|audit|evtx|zeek|telemetry)-[a-z-]+)"',
                            "".join(path.read_text() for path in READERS.glob("*.py"))))  # fmt: skip
    section = TEXT.partition("## What cannot be read")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([a-z]+-[a-z-]+)`", section)) == raised


def test_limits_are_as_told():
    assert (LINE_BYTES_MAX, DEPTH_MAX, FILE_BYTES_MAX, PART_BYTES) == (2**20, 64, 512 * 2**20, 7 * 2**20)
    assert PART_BYTES < BODY_BYTES_MAX
    assert f"first {SAMPLE_LINES} lines" in TEXT
    assert f"OCSF {OCSF_VERSION}" in TEXT

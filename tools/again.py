"""Has the few tests that failed in a run of the whole suite run once more, alone, and says so: `make test` under CI.

Tests that start servers share two cores with ten thousand others, and one that fails by chance would throw away the
rest. What fails alone, too, fails. What passes alone is printed: it is a fault of the test or of the product that shows
itself seldom, and wants an issue (CONTRIBUTING.md).
"""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1]

AGAIN_MAX = 3
"""Tests of one run that are tried again. Of eleven thousand one or two may fail by chance; more are a fault."""


def failed(xml: bytes, root: Path) -> list[str]:
    """Returns the node ids of the tests that failed, from a JUnit file of pytest.

    Raises:
        ParseError: the run broke off and left no whole file.
    """
    cases = ET.fromstring(xml).iter("testcase")  # noqa: S314 - our own run's file
    return [_node(case, root) for case in cases if case.find("failure") is not None or case.find("error") is not None]


def _node(case: ET.Element, root: Path) -> str:
    """Returns `file::class::test`: JUnit writes files and classes alike, with dots."""
    parts = case.get("classname", "").split(".")
    ends = [end for end in range(len(parts), 0, -1) if (root / Path(*parts[:end])).with_suffix(".py").is_file()]
    end = ends[0] if ends else len(parts)
    return "::".join(["/".join(parts[:end]) + ".py", *parts[end:], case.get("name", "")])


def main(results: Path, again: Path) -> int:
    """Runs again what failed by `results`, into `again`; returns what the process ends with."""
    try:
        names = failed(results.read_bytes(), ROOT)
    except (OSError, ET.ParseError) as error:
        print(f"the run left no whole results, so nothing is run again: {error}")
        return 1
    if not 0 < len(names) <= AGAIN_MAX:
        print(f"{len(names)} tests failed; one to {AGAIN_MAX} would be run again")
        return 1
    run = subprocess.run([sys.executable, "-m", "pytest", "-q", f"--junitxml={again}", *names], cwd=ROOT, check=False)
    for name in names if run.returncode == 0 else ():
        print(f"FAILED AMONG OTHERS, PASSED ALONE, and wants an issue: {name}")
    return run.returncode


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:3])))

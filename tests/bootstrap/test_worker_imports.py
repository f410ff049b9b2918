"""What a worker holds in memory before anybody asks it for more than calls. Names, for megabytes differ by machine."""

import os
import subprocess
import sys

import pytest

OPERATIONS = (
    "fastapi",
    "pydantic",
    "starlette",
    "sigma",
    "jinja2",
    "pyparsing",
    "unittest",
    "evtx",
    "duckdb",
    "dns",
    "safeconduct.http.control",
    "safeconduct.web",
    "safeconduct.bootstrap.controlling",
    "safeconduct.bootstrap.keeper",
    "safeconduct.bootstrap.sequencer",
    "safeconduct.adapters.siem",
    "safeconduct.adapters.responses",
    "safeconduct.adapters.telemetry.archive",
    "safeconduct.soc.live.running",
)
"""What only the control API, the keeper or detection needs."""


@pytest.fixture(scope="module")
def loaded():
    return {
        name: _modules(f"import safeconduct.bootstrap.child, safeconduct.bootstrap.{name}")
        for name in ("worker", "controlling")
    }


def test_a_worker_loads_nothing_that_only_operations_need(loaded):
    assert [name for name in OPERATIONS if name in loaded["worker"]] == []


@pytest.mark.parametrize(
    "name", ["fastapi", "pydantic", "safeconduct.http.control", "safeconduct.soc.detection.engine"]
)
def test_the_control_api_does_load_it(loaded, name):
    assert name in loaded["controlling"]


def _modules(statement):
    script = f"import sys\n{statement}\nprint(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    return frozenset(ran.stdout.split())

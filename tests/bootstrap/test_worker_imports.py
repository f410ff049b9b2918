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

RULES = ("sigma", "jinja2", "pyparsing", "unittest", "safeconduct.soc.detection.parsing")
"""What reads rules from their files: where somebody asks for them and they are not kept compiled."""


@pytest.fixture(scope="module")
def loaded():
    return {
        name: _modules(f"import safeconduct.bootstrap.child, safeconduct.bootstrap.{name}")
        for name in ("worker", "controlling", "server")
    }


def test_a_worker_loads_nothing_that_only_operations_need(loaded):
    assert [name for name in OPERATIONS if name in loaded["worker"]] == []


@pytest.mark.parametrize("process", ["controlling", "server"])
def test_no_server_loads_what_reads_rules_before_there_is_one_to_read(loaded, process):
    assert [name for name in RULES if name in loaded[process]] == []


def test_a_server_loads_no_resolver_before_it_looks_a_challenge_up(loaded):
    assert "dns" not in loaded["server"]


def test_what_reads_rules_does_load_it():
    assert set(RULES) <= _modules("import safeconduct.soc.detection.parsing")


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

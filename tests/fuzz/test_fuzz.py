"""Readers of what others send, fuzzed: their seeds are read, and nothing but the error they promise leaves them."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from targets import CLOSED, TARGETS, only

from support.shell import PATIENCE_S

RUN = Path(__file__).with_name("run.py")
RUNS = 6000
"""Inputs a target: about two seconds. Longer by hand, see CONTRIBUTING.md."""


@pytest.mark.parametrize("name", TARGETS)
def test_a_fuzzer_starts_from_what_is_read_and_what_ends_early_raises_no_other_error(name):
    target = TARGETS[name]()
    assert all(target(seed) for seed in target.seeds if seed[0] != CLOSED)
    for seed in target.seeds:
        target(seed[:-1])


def test_an_error_that_was_not_promised_leaves():
    assert only(KeyError, {}.__getitem__, b"x") is False
    with pytest.raises(KeyError):
        only(ValueError, {}.__getitem__, b"x")


@pytest.mark.skipif(find_spec("atheris") is None and not os.environ.get("CI"), reason="atheris has no wheel here")
@pytest.mark.parametrize("name", TARGETS)
def test_guided_inputs_find_no_other_error(name, tmp_path):
    command = (sys.executable, RUN, name, f"-runs={RUNS}", "-seed=1", "-timeout=10", "-max_len=4096")
    done = subprocess.run(
        command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stderr.split("stat::number_of_executed_units: ")[1].split()[0]) >= RUNS
    assert [one.name for one in tmp_path.iterdir()] == ["corpus"]  # and no input that failed

"""Inspect AI, in an environment of its own, evaluates a model through the gateway: samples, a tool, a refusal."""

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from safeconduct.gateway.moves import End
from support.gateway_world import MODEL
from support.programs import demo_program
from support.wire import wire

HERE = Path(__file__).parent / "inspect"
INSTALL_S = 900
EVALUATION_S = 300


@pytest.fixture(scope="module")
def inspect(tmp_path_factory):
    """The command, from its lock; skipped where nothing can be fetched, unless `CI` says that all must run."""
    folder = tmp_path_factory.mktemp("inspect") / "environment"
    subprocess.run((sys.executable, "-m", "venv", str(folder)), check=True, timeout=INSTALL_S)
    locked = ("--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(HERE / "requirements.txt"))
    words = (str(folder / "bin" / "pip"), "install", "--quiet", *locked)
    done = subprocess.run(words, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    if done.returncode and os.environ.get("CI") != "true":
        pytest.skip(f"Inspect AI can't be installed: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    return folder / "bin" / "inspect"


@pytest.fixture(scope="module")
def gate():
    with wire(program=demo_program().replace(b"    tools: []\n", b"    tools: [look]\n")) as served:
        yield served


@pytest.fixture
def run(inspect, gate, tmp_path):
    """Evaluates and returns Inspect's own log."""
    return partial(evaluated, inspect, gate, tmp_path)


def evaluated(inspect, gate, folder, *more, model=MODEL):
    told = {
        "SAFECONDUCT_BASE_URL": gate.base_url,
        "SAFECONDUCT_API_KEY": gate.world.tokens["ana"],
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
    }
    where = ("--log-dir", str(folder / "logs"), "--log-format", "json", "--display", "plain")
    asked = ("--model", f"openai-api/safeconduct/{model}", "--max-tokens", "64", "--no-fail-on-error")
    words = (str(inspect), "eval", "seen.py", *asked, *where, *more)
    shutil.copy(HERE / "seen.py", folder)  # it takes names below the folder it runs in alone
    done = subprocess.run(
        words, cwd=folder, env=told, capture_output=True, text=True, timeout=EVALUATION_S, check=False
    )
    logs = list((folder / "logs").glob("*.json"))
    assert len(logs) == 1, done.stdout + done.stderr
    return json.loads(logs[0].read_text())


def test_an_evaluation_with_a_tool_is_scored_and_each_call_has_one_outcome(run, gate):
    before = len(gate.ends())
    log = run()
    assert log["status"] == "success"
    assert [sample["scores"]["includes"]["value"] for sample in log["samples"]] == ["C", "C"]
    [called] = (one for one in log["samples"][1]["messages"] if one["role"] == "tool")
    assert (called["function"], called["content"]) == ("look", "seen 1")
    ends = gate.ends()[before:]
    assert [one.end for one in ends] == [
        End.COMPLETED
    ] * 3  # one sample asks once, the other again with what the tool said


@pytest.mark.parametrize(
    ("tool", "model", "says"), [("other", MODEL, "this path lists no tool"), ("look", "gpt", "the path allows")]
)
def test_a_refusal_is_the_error_of_its_sample_in_our_words(run, gate, tool, model, says):
    asked = len(gate.upstream.seen)
    log = run("-T", f"tool={tool}", model=model)
    errors = [sample["error"]["message"] for sample in log["samples"]]
    assert len(errors) == 2
    assert all(says in one for one in errors), errors
    assert len(gate.upstream.seen) == asked

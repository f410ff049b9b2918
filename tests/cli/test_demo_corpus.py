"""The demo with one's own telemetry and one's own model server, however that server behaves."""

import json
import subprocess

import pytest

from support.shell import COMMAND, DEMO_S, environment, run
from support.talker import talking
from support.telemetry import RECORDING

QUIET = '{"time": "2026-11-21T08:00:00Z", "app": "till", "message": "a coffee was sold"}\n'


def demo(root, *words):
    """Runs the demo as a process and returns its document."""
    done = subprocess.run(
        [*COMMAND, "demo", "--json", "--data", root, *map(str, words)],
        capture_output=True, text=True, timeout=DEMO_S, check=False, env=environment(),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture
def quiet(tmp_path):
    file = tmp_path / "till.jsonl"
    file.write_text(QUIET)
    return file


def test_a_corpus_in_which_nothing_happened_has_no_response_to_propose(tmp_path, quiet):
    with talking() as model:
        done = subprocess.run(
            [*COMMAND, "demo", "--data", tmp_path / "d", "--corpus", quiet, "--model", model.url, "--model-name", "m"],
            capture_output=True, text=True, timeout=DEMO_S, check=False, env=environment(),
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "no incident and no response to propose" in done.stdout
    assert "cut the stream" in done.stdout
    assert "Done in" in done.stdout
    assert (tmp_path / "d" / "evidence.html").exists()
    assert not (tmp_path / "d" / "evidence.tlog-proof").exists()


def test_a_model_server_that_is_down_leaves_the_rules_summary_and_an_entry(tmp_path):
    down = ("--model", "http://127.0.0.1:1/v1", "--model-name", "m")
    document = demo(tmp_path / "d", *down, "--corpus", RECORDING / "access.log")
    assert {one["author"] for one in document["claims"]} == {"rule"}
    assert "Web scanner" in document["incident"]["summary"]
    assert document["action"]["kind"] == "block-ip"
    assert (document["freeze"]["streams_cut"], document["freeze"]["ms"]) == (0, None)
    calls = run("call", "list", "--json", data=tmp_path / "d" / "installation").json
    asked = [call for call in calls if call["principal"] == "triage-service"]
    assert [(call["state"], call["why"]) for call in asked] == [("upstream-failed", "upstream-unreachable")]
    assert asked[0]["outcome"]


def test_a_model_server_that_answers_garbage_changes_nothing_else(tmp_path):
    with talking() as model:
        model.say = "_notjson"
        asked = ("--model", model.url, "--model-name", "m")
        document = demo(tmp_path / "d", *asked, "--corpus", RECORDING / "access.log")
    assert {one["author"] for one in document["claims"]} == {"rule"}
    assert "Web scanner" in document["incident"]["summary"]
    assert document["freeze"]["streams_cut"] == 1
    (sent,) = document["left_the_house"]
    call = run("call", "show", sent["call"], "--json", data=tmp_path / "d" / "installation").json
    assert (call["state"], call["why"]) == ("upstream-failed", "upstream-answer-invalid")
    assert call["outcome"]


def test_a_corpus_that_is_not_there_starts_nothing(tmp_path):
    said = run("demo", "--data", tmp_path / "d", "--corpus", tmp_path / "none.jsonl")
    assert (said.code, said.error) == (2, "file-missing")
    assert not (tmp_path / "d").exists()


def test_a_model_of_ones_own_needs_its_name_and_a_key_that_is_set(tmp_path):
    assert run("demo", "--data", tmp_path / "d", "--model", "http://127.0.0.1:1/v1").code == 2
    unset = ("--model", "http://127.0.0.1:1/v1", "--model-name", "m", "--model-key-env", "NOT_SET_ANYWHERE")
    said = run("demo", "--data", tmp_path / "d", *unset)
    assert (said.code, said.error) == (2, "secret-missing")
    assert not (tmp_path / "d").exists()

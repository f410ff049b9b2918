"""The shipped recording is whole, shows every step of its attack, and carries nothing of the machine it was made on."""

import hashlib
import ipaddress
import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

RECORDING = Path(__file__).parents[2] / "src/safeconduct/cli/demo/recording"
MANIFEST = json.loads((RECORDING / "manifest.json").read_text())
TRUTH = json.loads((RECORDING / "ground_truth.json").read_text())
INVENTORY = json.loads((RECORDING / "inventory.json").read_text())
SOURCES = ("auth.log", "access.log", "audit.log", "http.jsonl", "dns.jsonl", "flow.jsonl")
DOCUMENTATION = [ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
# Traces of the recording machine, of its operator or of the lab's own scaffolding.
FOREIGN = ("/work", "/root/", ".pyenv", "firecracker", "bash_jobs", "process_api", "sc-lab-", "cloudsdk", "nsenter")


def lines(name):
    return (RECORDING / name).read_text().splitlines()


def documents(name):
    return [json.loads(line) for line in lines(name)]


@pytest.mark.parametrize("name", MANIFEST["files"])
def test_a_file_is_the_one_the_manifest_pins(name):
    content = (RECORDING / name).read_bytes()
    pinned = MANIFEST["files"][name]
    assert hashlib.sha256(content).hexdigest() == pinned["sha256"]
    assert (content.count(b"\n"), len(content)) == (pinned["lines"], pinned["bytes"])


def test_the_manifest_pins_every_file():
    assert {path.name for path in RECORDING.iterdir()} == {*MANIFEST["files"], "manifest.json"}


def test_the_recording_is_small_enough_to_ship():
    assert sum(path.stat().st_size for path in RECORDING.iterdir()) < 2_000_000


@pytest.mark.parametrize("step", TRUTH["steps"], ids=lambda step: step["name"])
def test_each_step_of_the_attack_is_visible(step):
    for sign in step["signs"]:
        seen = [line for line in lines(sign["file"]) if all(word in line for word in sign["strings"])]
        assert len(seen) >= sign["lines"], sign


def test_the_steps_follow_one_another_within_the_recording():
    times = [moment for step in TRUTH["steps"] for moment in (step["start"], step["end"])]
    assert times == sorted(times)
    assert MANIFEST["recorded"]["start"] < times[0]
    assert times[-1] < MANIFEST["recorded"]["end"]


def test_one_request_tells_an_analyst_to_whitelist_its_sender():
    said = [line for line in documents("access.log") if "whitelist" in line["user_agent"]]
    assert [line["remote_addr"] for line in said] == [TRUTH["attacker"]]
    assert TRUTH["attacker"] in said[0]["user_agent"]


@pytest.mark.parametrize("name", ["auth.log", "access.log", "flow.jsonl"])
def test_work_goes_on_for_twenty_minutes(name):
    first, last = (re.search(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)", lines(name)[n])[0] for n in (0, -1))
    assert datetime.fromisoformat(last) - datetime.fromisoformat(first) >= timedelta(minutes=20)


def test_most_of_the_work_is_benign():
    requests = documents("access.log")
    assert sum(request["remote_addr"] != TRUTH["attacker"] for request in requests) > len(requests) / 2
    assert sum("Accepted" in line and TRUTH["attacker"] not in line for line in lines("auth.log")) >= 15


def test_the_stolen_archive_is_visible_as_bytes():
    sent = [flow["bytes_sent"] for flow in documents("flow.jsonl") if flow["dst"] == TRUTH["attacker"]]
    assert max(sent) > 300_000


@pytest.mark.parametrize("name", [*SOURCES, "inventory.json", "ground_truth.json", "manifest.json"])
def test_nothing_of_the_recording_machine_leaks(name):
    assert [line for line in lines(name) for word in FOREIGN if word in line] == []


def test_every_log_line_names_the_victim_as_its_host():
    assert {line.split(" ")[1] for line in lines("auth.log")} == {"web-01"}
    assert {line.split(" ")[0] for line in lines("audit.log")} == {"node=web-01"}


def test_audit_records_only_the_lab_accounts():
    uids = {str(user["uid"]) for user in INVENTORY["users"]}
    recorded = [re.search(r" auid=(\d+)", line)[1] for line in lines("audit.log") if "type=SYSCALL" in line]
    assert recorded
    assert set(recorded) <= uids


def test_every_audit_event_carries_the_key_of_the_lab_rule():
    events = {re.search(r"audit\(([\d.:]+)\)", line)[1] for line in lines("audit.log")}
    keyed = {re.search(r"audit\(([\d.:]+)\)", line)[1] for line in lines("audit.log") if 'key="wg"' in line}
    assert events == keyed


def test_every_address_is_a_documentation_address():
    seen = {flow[side] for flow in documents("flow.jsonl") for side in ("src", "dst")}
    seen |= {request["remote_addr"] for request in documents("access.log")}
    assert all(any(ipaddress.ip_address(address) in network for network in DOCUMENTATION) for address in seen)

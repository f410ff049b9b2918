"""The whole demo, once, as a process; then what it printed is held against what it left behind."""

import hashlib
import json
import subprocess
from types import SimpleNamespace

import pytest

from safeconduct.soc.pointers import resolve
from support.shell import COMMAND, DEMO_S, environment, run, serving

pytestmark = pytest.mark.model


CLAIM = {"id", "author", "text", "evidence", "outcome", "reason"}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo") / "story"
    done = subprocess.run(
        [*COMMAND, "demo", "--json", "--data", root],
        capture_output=True, text=True, timeout=DEMO_S, check=False, env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(root=root, data=root / "installation", out=done.stdout, err=done.stderr)


@pytest.fixture(scope="module")
def document(told):
    return json.loads(told.out)  # exactly one document, or this fails


def test_it_prints_one_document_of_the_agreed_form(told, document):
    assert told.err == ""
    assert document["data"] == str(told.data)
    assert all(set(one) >= {"to", "bytes", "what"} for one in document["left_the_house"])
    assert set(document["incident"]) >= {"id", "summary", "events"}
    assert all(set(one) >= CLAIM for one in document["claims"])
    assert {one["author"] for one in document["claims"]} <= {"rule", "model"}
    assert {one["outcome"] for one in document["claims"]} <= {"verified", "rejected"}
    assert document["setup"]["telemetry"]["events"].keys() == {"auth", "access", "audit", "http", "dns", "flow"}


def test_what_left_the_house_is_what_the_log_sealed(told, document):
    (sent,) = document["left_the_house"]
    shown = run("call", "show", sent["call"], "--json", data=told.data).json
    assert shown["sent_sha256"] == hashlib.sha256(sent["what"].encode()).hexdigest()
    assert sent["bytes"] == len(sent["what"].encode())
    entries = run("log", "show", "--count", 1000, "--json", data=told.data).json["entries"]
    opened = [one for one in entries if one["type"] == "access.field.opened/1"]
    assert [one["act"]["actor"] for one in opened if one["body"]["entry"] == sent["call"]] == ["ana"]
    assert (shown["state"], shown["principal"]) == ("completed", "triage-service")


def test_each_piece_of_evidence_stands_in_the_stored_event(told, document):
    verified = [claim for claim in document["claims"] if claim["outcome"] == "verified"]
    pieces = [piece for claim in verified for piece in claim["evidence"]]
    named = {piece["event"] for piece in pieces}
    assert named
    assert named <= set(document["incident"]["events"])
    with serving(told.data, log=told.root.parent / "again"):
        events = {key: run("events", "show", key, "--json", data=told.data).json for key in named}
    assert all(stored.keys() == {"id", "time", "source", "raw", "ocsf"} for stored in events.values())
    for piece in pieces:
        assert piece["pointer"].startswith(("/raw/", "/ocsf/"))
        assert resolve(events[piece["event"]], piece["pointer"]) == piece["quote"]


def test_every_rejected_claim_says_why(document):
    assert all(claim["reason"] and claim["detail"] for claim in document["claims"] if claim["outcome"] == "rejected")


def test_all_claims_by_rules_stand(document):
    assert {one["outcome"] for one in document["claims"] if one["author"] == "rule"} == {"verified"}


def test_each_refusal_has_code_and_clause(document):
    tried = {one["try"]: (one["code"], one["clause"]) for one in document["refusals"]}
    assert tried["purpose malware-development"] == ("purpose-mismatch", "path:soc-triage/purpose")
    assert tried["ana approves what she proposed"] == ("own-proposal", "approvals.response")
    assert tried["a call while frozen"][0] == "frozen"
    assert all(code and clause for code, clause in tried.values())


def test_the_response_went_through_its_states_in_order(told, document):
    action = document["action"]
    assert (action["kind"], action["target"]) == ("block-ip", "203.0.113.66")
    order = ["proposed", "approved", "executing", "done", "verified", "rolled-back"]
    # The last entry says that the list was fetched once more, without the address on it.
    assert [one["state"] for one in action["states"]] == [*order, "verified"]
    assert run("action", "show", action["id"], "--json", data=told.data).json["states"] == order
    times = [one["at"] for one in action["states"]]
    assert times == sorted(times)
    for one in action["states"]:
        assert run("log", "show", one["entry"], "--json", data=told.data).json["at"] == one["at"]


def test_the_freeze_cut_one_stream_and_the_log_says_so(told, document):
    assert document["freeze"]["streams_cut"] == 1
    assert isinstance(document["freeze"]["ms"], float)
    calls = run("call", "list", "--json", data=told.data).json
    assert [call["why"] for call in calls if call["state"] == "cut"] == ["freeze"]
    assert not [call for call in calls if call["state"] == "running"]


def test_each_attempt_to_break_it_failed(document):
    assert [one["try"] for one in document["breaks"]] == [
        "wrong purpose", "whitelisting user agent", "one flipped byte", "freeze in a running stream"
    ]  # fmt: skip
    assert all(one["held"] is True for one in document["breaks"])


def test_the_partner_verified_and_so_does_the_folder(told, document):
    log = document["log"]
    assert log["verified"] is True
    assert log["verified_by"].startswith("partner (")
    here = {one["origin"]: one for one in run("log", "verify", "--json", data=told.data).json}
    assert here[log["origin"]]["verified"]
    assert here[log["origin"]]["size"] == log["size"]


def test_the_evidence_can_be_verified_from_its_files(told, document):
    (log,) = [
        one for one in run("log", "show", "--json", data=told.data).json["logs"]
        if one["origin"] == document["log"]["origin"]
    ]  # fmt: skip
    proof = told.root / "evidence.tlog-proof"
    trust = ("--key", log["key"], "--witness", json.loads((told.root / "partner.out").read_text())["key"])
    said = run("log", "verify", proof, *trust, "--json").json
    (done,) = [one for one in document["action"]["states"] if one["state"] == "done"]
    assert (said["verified"], said["entry"]["id"]) == (True, done["entry"])
    assert run("log", "verify", proof, "--key", log["key"]).error == "signature-unknown"
    page = (told.root / "evidence.html").read_text()
    assert document["log"]["root"] in page
    assert document["action"]["target"] in page


def test_nothing_of_it_still_runs(told):
    left = subprocess.run(["ps", "axww", "-o", "args="], capture_output=True, text=True, check=True).stdout
    assert not [line for line in left.splitlines() if str(told.root) in line]
    assert not (told.data / "safeconduct.db-wal").exists()  # closed, not killed
    assert (told.data / "server.lock").read_bytes() == b""


def test_the_folder_goes_on_without_a_server(told, document):
    assert run("incident", "list", "--json", data=told.data).json[0]["id"] == document["incident"]["id"]
    status = run("status", "--json", data=told.data).json
    assert (status["server"], status["waiting"], status["effects"], status["freezes"]) == ("none", 0, 0, 0)
    claims = run("incident", "claims", document["incident"]["id"], "--json", data=told.data)
    assert claims.code == 0
    assert {one["id"] for one in claims.json} == {one["id"] for one in document["claims"]}


def test_a_folder_that_holds_something_is_left_alone(told):
    before = {path: path.stat().st_mtime_ns for path in told.root.rglob("*")}
    said = run("demo", "--data", told.root)
    assert (said.code, said.error) == (1, "folder-not-empty")
    assert {path: path.stat().st_mtime_ns for path in told.root.rglob("*")} == before

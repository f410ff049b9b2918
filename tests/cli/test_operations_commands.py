import json
from dataclasses import replace

import pytest
import typer

from safeconduct.access import records as kept
from safeconduct.adapters.clock import SystemClock
from safeconduct.cli import action, incident, review, value
from safeconduct.kernel.errors import RefusedError
from support.house_commands import HouseCommands, speaking_to
from support.operations_house import House
from support.programs import in_force
from support.soc_world import with_field

ATTACKER = "203.0.113.66"
app = typer.Typer()
app.add_typer(action.commands, name="action")
app.add_typer(incident.commands, name="incident")
app.add_typer(review.commands, name="review")
app.add_typer(value.commands, name="value")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("house"), in_force(now=SystemClock().now()))
    return house, house.detected(), tmp_path_factory.mktemp("keys")


@pytest.fixture
def shell(made, monkeypatch):
    house, found, folder = made
    kept = house.writer.state.copy()

    shell = speaking_to(monkeypatch, HouseCommands(app, house, folder, by="ana"))
    monkeypatch.setattr("safeconduct.adapters.responses.edl.fetch", house.fetch)
    house.probe._token = ""
    house.model.say = lambda _body: "{"
    shell.incident = found
    yield shell
    house.writer.state = kept


def test_triage_prints_rules_and_model_apart(shell):
    code, printed, _ = shell("incident", "triage", shell.incident)
    assert code == 0
    assert f"incident {shell.incident}, by rules alone" in printed
    assert "claims of stand-in, call 01JD" in printed
    assert "unreadable at 0: answer-cut" in printed
    assert f"could be proposed: block-ip {ATTACKER}" in printed


def test_triage_says_why_no_model_answered(shell):
    shell.house.model.say = lambda _body: RefusedError("the path is frozen", code="frozen")
    assert "no model answered: the path is frozen (frozen)" in shell("incident", "triage", shell.incident)[1]
    assert "stand-in" not in shell("incident", "triage", shell.incident, "--no-model")[1]
    assert shell.house.asked_as[-1] == "triage-service"


def test_answers_wait_are_reviewed_and_reported(shell):
    call = json.loads(shell("incident", "triage", shell.incident, "--json")[1])["model"]["call"]
    assert call in shell("review", "list")[1]
    said = ("correct", call, "--judgment", "false-positive", "--reason", "a drill")
    assert shell("review", *said)[:2] == (0, f"corrected by ana: {call}\n")
    assert call not in shell("review", "list")[1]
    assert call in shell("review", "list", "--all")[1]
    printed = shell("review", "report")[1]
    assert "soc-triage: triage" in printed
    assert "0 accepted, 1 corrected, 0 rejected" in printed


def test_what_it_was_worth_is_told_printed_and_counted(shell):
    shell("incident", "triage", shell.incident)
    code, printed, _ = shell("value", "report")
    assert (code, printed.splitlines()[0][:17]) == (0, "1 incident opened")
    assert "the program does not declare value.minutes.triage" in printed
    code, told = shell.json("value", "report", "--path", "soc-triage")
    assert (code, told["incidents"], told["asks"]["waiting"]) == (0, 1, {"review": 1})
    page = shell.folder / "value.html"
    assert shell("value", "report", "--page", page)[0] == 0
    assert page.read_bytes().startswith(b"<!doctype html>")
    assert shell("value", "report", "--page", page)[2] == "file-unwritable"
    assert (
        shell("value", "report", "--from", "2026-01-01T00:00:00Z", "--to", "2025-01-01T00:00:00Z")[2]
        == "window-invalid"
    )


def test_a_report_is_written_to_a_new_file_alone(shell):
    file = shell.folder / "incident.md"
    assert shell("incident", "report", shell.incident, "--out", file)[0] == 0
    written = file.read_bytes()
    assert written.startswith(b"# ")
    opened = len(shell.house.writer.entries)
    assert shell("incident", "report", shell.incident, "--out", file)[2] == "file-unwritable"
    assert shell("incident", "report", shell.incident, "--out", shell.folder / "none" / "r.md")[2] == "file-unwritable"
    assert (file.read_bytes(), len(shell.house.writer.entries)) == (written, opened)  # asked before claims are opened


def test_advice_is_called_advice(shell):
    path = shell.house.writer.state.get(kept.PATHS, "soc-triage")
    assert "advice" not in shell("incident", "triage", shell.incident)[1]
    shell.house.writer.state.put(kept.PATHS, path.id, replace(path, autonomy="advise"))
    assert "advice: nothing rests on it" in shell("incident", "triage", shell.incident)[1]


def test_one_json_document(shell):
    document = json.loads(shell("incident", "triage", shell.incident, "--no-model", "--json")[1])
    assert {"id", "author", "text", "evidence", "outcome", "reason"} <= document["claims"][0].keys()


def test_claims_exit_one_when_a_stored_field_changed(shell):
    document = json.loads(shell("incident", "triage", shell.incident, "--no-model", "--json")[1])
    code, printed, _ = shell("incident", "claims", shell.incident)
    total = len(document["claims"])
    assert (code, printed) == (0, f"{total} of {total} claims verified now\n")
    piece = document["claims"][0]["evidence"][0]
    stored = shell.house.events.get(piece["event"])
    shell.house.events._events[stored.id] = with_field(stored, piece["pointer"], f"{piece['quote']}~")
    code, printed, _ = shell("incident", "claims", shell.incident)
    shell.house.events._events[stored.id] = stored
    assert code == 1
    assert "quote-differs, grounding/2" in printed
    assert "was verified when it was recorded" in printed


def test_a_response_by_commands(shell):
    shell("incident", "triage", shell.incident, "--no-model")
    code, printed, _ = shell("action", "propose", shell.incident, ATTACKER, "--json")
    assert code == 0
    made = json.loads(printed)["id"]
    assert shell("action", "approve", made, by="ana")[::2] == (3, "own-proposal")
    assert shell("action", "run", made)[::2] == (1, "action-proposed")
    assert "bo voted: approve" in shell("action", "approve", made, by="bo")[1]
    assert "proposed > approved > executing > done > verified" in shell("action", "run", made)[1]
    assert made in shell("action", "list")[1]
    printed = shell("action", "rollback", made, by="bo")[1]
    assert "verified > rolled-back" in printed
    assert "seen to be gone: verified" in printed
    assert shell("action", "rollback", made, by="bo")[::2] == (1, "action-rolled-back")
    assert json.loads(shell("action", "show", made, "--json")[1])["absence"] == "verified"


def test_an_action_is_named_by_the_beginning_of_its_id(shell):
    shell("incident", "triage", shell.incident, "--no-model")
    other = json.loads(shell("action", "propose", shell.incident, ATTACKER, "--json")[1])["id"]
    shell("action", "approve", other, "--against", by="bo")
    made = json.loads(shell("action", "propose", shell.incident, ATTACKER, "--json")[1])["id"]
    size = next(size for size in range(len(made) + 1) if made[:size] != other[:size])
    assert json.loads(shell("action", "show", made[:size], "--json")[1])["id"] == made
    assert "bo voted: approve" in shell("action", "approve", made[:size], by="bo")[1]
    assert "verified" in shell("action", "run", made[:size])[1]
    assert "rolled-back" in shell("action", "rollback", made[:size], by="bo")[1]
    for command in ("show", "approve", "run", "rollback"):
        assert shell("action", command, made[: size - 1], by="bo")[::2] == (2, "action-unknown")


def test_a_vote_against_ends_it(shell):
    shell("incident", "triage", shell.incident, "--no-model")
    made = json.loads(shell("action", "propose", shell.incident, ATTACKER, "--json")[1])["id"]
    assert "rejected" in shell("action", "approve", made, "--against", by="bo")[1]


def test_what_policy_protects_is_refused_and_says_by_which_clause(shell):
    shell("incident", "triage", shell.incident, "--no-model")
    assert shell("action", "propose", shell.incident, "192.0.2.10")[::2] == (3, "never-act")
    assert shell("action", "propose", shell.incident, "nonsense")[::2] == (2, "not-an-address")


def test_the_lists_address_alone_on_standard_output(shell):
    code, printed, noted = shell("action", "list-token", "firewall-1", by="ops")
    assert code == 0
    assert printed.startswith("http://lists/edl/block-ip.txt?token=")
    assert printed.count("\n") == 1
    assert "firewall-1" in noted

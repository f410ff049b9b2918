import re
import stat

import pytest
import typer
from typer.testing import CliRunner

from safeconduct import settings
from safeconduct.access.authorization import call_schema, default_policies
from safeconduct.adapters.clock import SystemClock
from safeconduct.cli import freeze, grant, keys, path, policy, program, token
from safeconduct.kernel.instants import parse_rfc3339, seconds
from safeconduct.ledger.keys import SecretKey
from support.access_house import House, empty
from support.house_commands import HouseCommands, speaking_to
from support.programs import demo_program, in_force, signed_by_both
from support.restricting import setting

app = typer.Typer()
for module in (program, path, grant, token, policy, keys):
    app.add_typer(module.commands, name=module.__name__.rpartition(".")[2])
app.command()(freeze.freeze)
app.command()(freeze.unfreeze)
app.command("freeze-review")(freeze.review_freeze)
app.command("freeze-tag")(freeze.freeze_tag)


@pytest.fixture
def shell(tmp_path, monkeypatch):
    return speaking_to(monkeypatch, HouseCommands(app, House(in_force(now=SystemClock().now())), tmp_path, by="ops"))


SOURCE = demo_program()
CHANGED = SOURCE.replace(b"deadline_s: 120", b"deadline_s: 60")


def test_a_program_is_planned_applied_and_shown(shell):
    shell.house = house = empty()
    shell.house.writer.now = SystemClock().now()
    file = shell.file("program.yaml", SOURCE)
    code, printed, _ = shell("program", "plan", file)
    assert code == 0
    assert "+ path soc-triage\n" in printed
    assert "in force once northwind.example/witness has cosigned it" in printed
    assert house.writer.entries == []
    assert shell("program", "show")[1] == "no program is in force\n"
    code, printed, _ = shell("program", "apply", file)
    assert code == 0
    assert "in force by request" in printed
    assert "for the partner's witness: safeconduct.example/demo/ag-2026-01+" in printed
    assert shell("program", "apply", file)[:2] == (0, "nothing to change\n")
    assert shell("program", "show")[1].startswith("safeconduct.example/demo under ag-2026-01: ")


def test_a_pipeline_is_told_by_the_exit_code_whether_there_are_changes_or_drift(shell):
    same, other = shell.file("program.yaml", SOURCE), shell.file("changed.yaml", CHANGED)
    said = "nothing to change\nnothing is in force beside the program\n"
    code, printed, _ = shell("program", "plan", same, "--detailed-exitcode")
    assert (code, printed.startswith(said)) == (0, True)
    assert [shell("program", "plan", other, *more)[0] for more in ((), ("--detailed-exitcode",))] == [0, 1]
    shell.house.writer.run(setting("principal:bo", "suspend", now=shell.house.writer.now))
    code, printed, _ = shell("program", "plan", same, "--detailed-exitcode")
    assert (code, "! restriction principal:bo since " in printed) == (1, True)
    assert shell("program", "plan", same)[0] == 0


def test_a_plan_without_a_witness_says_that_it_can_not_be_applied(shell):
    shell.house = empty()
    lines = [line for line in SOURCE.split(b"\n") if not line.startswith(b"  witness:")]
    file = shell.file("program.yaml", signed_by_both(b"\n".join(lines)))
    assert "can't be applied: the agreement names no witness" in shell("program", "plan", file)[1]
    assert shell("program", "apply", file)[::2] == (3, "no-witness")


def test_without_the_witness_apply_says_that_it_waits(shell):
    shell.house.witness_answers = False
    code, printed, _ = shell("program", "apply", shell.file("program.yaml", CHANGED))
    assert code == 4
    assert "limits.deadline_s: 120 -> 60" in printed
    assert "waits for northwind.example/witness; nothing has changed yet" in printed
    assert "the witness does not answer" in printed
    assert "program request" in shell("program", "show")[1]


def test_a_wrong_program_is_told_with_its_own_name(shell):
    file = shell.file("mine.yaml", SOURCE.replace(b"    tools: []", b"    provider_tools: [mcp]"))
    line = SOURCE[: SOURCE.index(b"    tools: []")].count(b"\n") + 1
    for verb in ("plan", "apply"):
        code, message, error = shell("program", verb, file)
        assert (code, error) == (2, "not-built-yet")
        assert message.startswith(f"{file}:{line}:21: path soc-triage: provider_tools 'mcp' is not built yet")


def test_a_file_that_is_not_there_is_told(shell):
    for words in (("program", "plan"), ("policy", "check")):
        code, message, error = shell(*words, shell.folder / "none")
        assert (code, error) == (2, "file-unreadable")
        assert "none" in message


def test_who_may_not_apply_is_refused(shell):
    assert shell("program", "apply", shell.file("p.yaml", CHANGED), by="ana")[::2] == (3, "role-missing")


def test_paths_and_grants(shell):
    code, listed = shell.json("path", "list")
    assert (code, [one["id"] for one in listed]) == (0, ["soc-triage"])
    shown = shell("path", "show", "soc-triage")[1]
    assert re.search(r"^limits +request_bytes 262144, output_tokens 1024, deadline_s 120$", shown, re.MULTILINE)
    assert shell("path", "show", "none")[::2] == (2, "path-unknown")
    assert "ana-triage" in shell("grant", "list")[1]
    assert "open now   yes" in shell("grant", "show", "ana-triage")[1]


def test_a_token_is_shown_once_alone_on_stdout(shell):
    code, printed, noted = shell("token", "issue", "ana", "--hours", "2", by="ana")
    secret = printed.strip()
    assert (code, secret[:4], len(secret)) == (0, "sck_", 47)
    (listed,) = shell.json("token", "list")[1]
    assert secret not in repr(listed) + noted
    life = parse_rfc3339(listed["expires_at"]) - parse_rfc3339(listed["issued_at"])
    assert abs(life - seconds(7200)) < seconds(60)
    assert shell("token", "revoke", listed["id"])[0] == 0
    assert shell("token", "list")[1] == "none\n"
    assert shell("token", "issue", "ana")[::2] == (3, "another-organization")


def test_a_freeze_from_preview_to_end(shell):
    assert shell.json("freeze", "principal:ana", "--dry-run")[1]["cut"]["grants"] == ["ana-triage"]
    assert shell("freeze", "principal:ana")[::2] == (2, "reason-missing")
    code, frozen = shell.json("freeze", "principal:ana", "--reason", "suspicion")
    assert code == 0
    assert frozen["id"] in shell("unfreeze")[1]
    assert "ana-triage" in shell("unfreeze", frozen["id"], "--dry-run")[1]
    shell.house.witness_answers = False
    code, printed, _ = shell("unfreeze", frozen["id"])
    assert code == 4
    assert "stays frozen until then" in printed
    assert shell("unfreeze", frozen["id"])[::2] == (1, "unfreeze-pending")
    assert shell("unfreeze", "none", "--dry-run")[::2] == (2, "freeze-unknown")
    shell.house.witness_answers = True
    _, printed, _ = shell("freeze", "all", "--everybody", "--reason", "suspicion")
    ended = shell("unfreeze", printed.split()[-1])
    assert ended[:2] == (0, f"freeze {printed.split()[-1]} has ended\n")
    assert shell("freeze", "path:typo", "--reason", "x")[::2] == (2, "nothing-to-freeze")
    unnamed = shell("freeze", "path:soc-triage", "--everybody", "--revoke-upstream", "--reason", "x")
    assert unnamed[::2] == (2, "revocation-unnamed")


def test_what_cuts_everybody_says_so_and_a_freeze_states_its_end_and_its_review(shell):
    assert shell("freeze", "all", "--reason", "a drill")[::2] == (3, "freeze-cuts-everybody")
    seen = shell.json("freeze", "all", "--dry-run")[1]["digest"]
    stated = ("--for", "90m", "--review", "1d", "--owner", "bo")
    code, frozen = shell.json("freeze", "all", "--reason", "a drill", "--seen", seen, *stated)
    assert (code, frozen["owner"], bool(frozen["ends_at"])) == (0, "bo", True)
    assert "looks at it again" in shell("freeze-review", frozen["id"], "--reason", "not over", "--again", "2d")[1]
    for wrong in ("90", "0m", "1w", "m"):
        assert shell("freeze", "path:soc-triage", "--reason", "x", "--for", wrong)[::2] == (2, "duration-invalid")


def test_a_nationality_is_sent_as_a_tag(shell, tmp_path):
    secret = tmp_path / "tags"
    secret.write_text(bytes(range(32)).hex())
    tag = shell.json("freeze-tag", "fr", "--tag-secret", str(secret))[1]["tag"]
    assert freeze.tagged("nationality:fr&!jurisdiction:us&path:fr", bytes(range(32))).startswith(
        f"nationality:{tag}&!j"
    )
    assert freeze.tagged("path:fr", bytes(range(32))) == "path:fr"
    secret.write_text("no hex")
    assert shell("freeze-tag", "fr", "--tag-secret", str(secret))[::2] == (2, "tag-secret-invalid")


def test_a_policy_file_is_checked_without_an_installation(shell):
    shell.house = None
    file = shell.file("p.cedar", default_policies().encode())
    result = CliRunner().invoke(app, ["policy", "check", str(file)])
    assert result.exit_code == 0
    assert result.stdout.startswith("6 policies: grant-covers-call, ")
    wrong = shell.file("q.cedar", default_policies().encode().replace(b"context.frozen", b"context.frozn"))
    result = CliRunner().invoke(app, ["policy", "check", str(wrong)])
    assert result.exception.message.startswith(f"{wrong}:17:16: policy not-while-frozen does not fit the schema")


def test_a_newcomer_gets_policies_to_begin_with_and_what_they_may_speak_of():
    assert CliRunner().invoke(app, ["policy", "default"]).stdout == default_policies()
    assert CliRunner().invoke(app, ["policy", "default", "--schema"]).stdout == call_schema().text


def test_a_decision_is_explained_and_a_refusal_is_exit_1(shell):
    code, printed, _ = shell("policy", "explain", "--principal", "ana", "--path", "soc-triage")
    assert (code, printed) == (0, "allow under grant ana-triage\n  determined by grant-covers-call\n")
    code, printed, _ = shell("policy", "explain", "--principal", "ana", "--path", "soc-triage", "--purpose", "hunting")
    assert code == 1
    assert "purpose-mismatch (path:soc-triage/purpose)" in printed
    assert "determined by purpose-matches" in printed


def test_a_call_that_a_person_must_approve_first_is_explained_as_held_and_is_exit_1(shell):
    house = shell.house
    house.writer.submit(setting("principal:ana", "hold", now=house.now()))
    code, printed, _ = shell("policy", "explain", "--principal", "ana", "--path", "soc-triage")
    assert code == 1
    assert printed.startswith("held under grant ana-triage\n  approval-required (restriction:")
    assert "a person approves exactly this call first" in printed


def test_a_call_and_what_a_call_would_be_are_not_explained_at_once(shell):
    assert shell("policy", "explain", "CALL", "--principal", "ana")[::2] == (2, "nothing-to-explain")


def test_a_new_key_is_the_owners_alone_and_never_overwritten(tmp_path):
    file = tmp_path / "eve.key"
    result = CliRunner().invoke(app, ["keys", "new", "eve", "--out", str(file)])
    assert result.exit_code == 0
    name, key = settings.read_key(file)
    assert (name, key.public.text) == ("eve", result.stdout.strip())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    again = CliRunner().invoke(app, ["keys", "new", "eve", "--out", str(file)])
    assert again.exception.code == "already-exists"
    assert file.read_bytes() == before
    assert SecretKey.parse(before.decode().split()[1]).text not in result.output
    for name, out, code in (("Eve", "x.key", "invalid-input"), ("eve", "no/such/folder", "file-unwritable")):
        refused = CliRunner().invoke(app, ["keys", "new", name, "--out", str(tmp_path / out)])
        assert refused.exception.code == code

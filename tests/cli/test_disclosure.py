"""`safeconduct log verify` on a disclosure: a file and a public key or a policy, and nothing else."""

import json

import pytest
import typer
from typer.testing import CliRunner

from safeconduct.adapters.clock import SystemClock
from safeconduct.cli import log
from safeconduct.cli.keys import write_key
from safeconduct.cli.output import EXIT_CODE
from safeconduct.gateway.events import CALL_INTENT
from safeconduct.kernel.errors import SafeconductError
from safeconduct.ledger.disclosures import encode_disclosure
from safeconduct.ledger.proofs import encode_proof
from support.calls import INTENT
from support.gateway_world import AGREEMENT, SIGNERS, laid_out, log_world
from support.logs import CALLS, Rig, add, signer
from support.programs import KEYS

KEY = signer(CALLS).verifier.text
app = typer.Typer()
app.add_typer(log.commands, name="log")


@pytest.fixture
def file(tmp_path):
    with Rig() as rig:
        rig.fill(2)
        entry = rig.run(add("k", sealed={"shown": "192.0.113.7", "hidden": "Hedy"})).value
        text = encode_disclosure(rig.reader.open_field(entry.id, "shown"), encode_proof(rig.reader.evidence(entry.id)))
    path = tmp_path / "shown.disclosure"
    path.write_text(text)
    return path


def run(*words):
    result = CliRunner().invoke(app, ["log", "verify", *map(str, words)])
    if isinstance(result.exception, SafeconductError):
        return EXIT_CODE[result.exception.kind], result.exception.code
    assert result.exception is None, result.exception
    return result.exit_code, result.stdout


def test_it_shows_the_field_and_the_entry(file, tmp_path):
    code, printed = run(file, "--key", KEY)
    assert code == 0
    assert "it committed to shown: 192.0.113.7" in printed
    policy = tmp_path / "policy"
    policy.write_text(f"log {KEY}\nquorum none\n")
    code, printed = run(file, "--policy", policy, "--no-quorum", "--json")
    document = json.loads(printed)
    assert (code, document["verified"], document["disclosed"]) == (0, True, {"shown": "192.0.113.7"})
    assert document["entry"]["body"] == {"key": "k"}


def test_another_value_is_refused(file):
    lines = file.read_text().split("\n")
    lines[3] = "value IjE5Mi4wLjExMy44Ig=="
    file.write_text("\n".join(lines))
    assert run(file, "--key", KEY) == (2, "commitment-mismatch")


def test_opening_a_field_writes_its_disclosure(tmp_path):
    data = laid_out(tmp_path / "data")
    with log_world(data) as world:
        world.clock.at = SystemClock().now()
        sealed = {"request": "a question", "sent": "what left"}
        draft = CALL_INTENT.draft(INTENT, sealed=sealed, subject="ana")
        call = world.run(lambda tx: tx.append(AGREEMENT, draft)).value.id
    write_key(tmp_path / "ana.key", "ana", KEYS["ana"])
    file = tmp_path / "request.disclosure"
    asked = ("open", call, "request", "--reason", "incident 7", "--out", str(file))
    result = CliRunner().invoke(app, ["log", *asked, "--data", str(data), "--key", str(tmp_path / "ana.key"), "--json"])
    assert result.exception is None, result.exception
    code, printed = run(file, "--key", SIGNERS[AGREEMENT].verifier.text, "--json")
    assert (code, json.loads(printed)["disclosed"]) == (0, {"request": "a question"})
    assert "what left" not in file.read_text()
    before = CliRunner().invoke(app, ["log", "show", "--data", str(data), "--json"]).stdout
    again = CliRunner().invoke(app, ["log", *asked, "--data", str(data), "--key", str(tmp_path / "ana.key")])
    assert getattr(again.exception, "code", None) == "file-unwritable"
    after = CliRunner().invoke(app, ["log", "show", "--data", str(data), "--json"]).stdout
    assert after == before, "an opening that could not be written down is not made"

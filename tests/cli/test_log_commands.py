"""`safeconduct log` on a real installation, and the partner's processes beside it."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from safeconduct.bootstrap.server import ask_once
from safeconduct.cli import keys, log
from safeconduct.cli.output import EXIT_CODE
from safeconduct.http.inprocess import Ask
from safeconduct.kernel.errors import SafeconductError
from safeconduct.ledger.checkpoints import SignedCheckpoint, open_checkpoint
from safeconduct.ledger.tiles import decode_bundle
from support.gateway_world import AGREEMENT, INSTALLATION, SIGNERS, laid_out, log_world
from support.logs import cosigner
from support.patience import PATIENCE_S
from support.programs import KEYS, WITNESS

app = typer.Typer()
app.add_typer(log.commands, name="log")
KEY = SIGNERS[AGREEMENT].verifier.text


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """An installation with a program in force, its joint log cosigned, closed."""
    folder = laid_out(tmp_path_factory.mktemp("data"))
    with log_world(folder) as world:
        signed = world.reader.checkpoint(AGREEMENT)
        note = signed.note.with_signatures([WITNESS.cosign(signed.note.text, 1)])
        world.writer.keep_cosigned(SignedCheckpoint(signed.checkpoint, note), WITNESS.verifier)
    return folder


def run(data, *words):
    result = CliRunner(env={"SAFECONDUCT_DATA": str(data)}).invoke(app, ["log", *map(str, words)])
    if isinstance(result.exception, SafeconductError):
        return EXIT_CODE[result.exception.kind], result.exception.code
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def read(data, *words):
    code, printed = run(data, *words, "--json")
    return code, json.loads(printed)


def test_show(data):
    code, shown = read(data, "show")
    assert code == 0
    assert [entry["origin"] for entry in shown["logs"]] == [INSTALLATION, AGREEMENT]
    assert shown["origin"] == AGREEMENT
    assert [entry["index"] for entry in shown["entries"]] == list(range(shown["logs"][1]["size"]))
    code, own = read(data, "show", "--origin", INSTALLATION, "--start", "1", "--count", "1")
    assert [entry["index"] for entry in own["entries"]] == [1]
    code, one = read(data, "show", own["entries"][0]["id"])
    assert {name: one[name] for name in own["entries"][0]} == own["entries"][0]
    assert run(data, "show", "01KAK00000000000000000000A") == (2, "not-found")
    assert run(data, "show", "--origin", "example.com/other") == (2, "log-unknown")


def test_prove_and_verify_the_evidence(data, tmp_path):
    entry = read(data, "show")[1]["entries"][0]
    file = tmp_path / "entry.tlog-proof"
    assert run(data, "prove", entry["id"], "--out", file)[0] == 0
    assert run(data, "verify", file, "--key", KEY) == (2, "signature-unknown")
    known = ("--key", KEY, "--witness", WITNESS.verifier.text)
    code, proven = read(data, "verify", file, *known)
    assert (code, proven["verified"], proven["entry"]["id"]) == (0, True, entry["id"])
    assert run(data, "prove", entry["id"], "--out", file) == (2, "file-unwritable")
    file.write_bytes(file.read_bytes().replace(b"index 0", b"index 1"))
    assert run(data, "verify", file, *known) == (2, "proof-invalid")


def policy_file(folder, *lines):
    file = folder / "auditor.policy"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def test_a_policy_file_says_whom_to_believe(data, tmp_path):
    export, proof = tmp_path / "export", tmp_path / "entry.tlog-proof"
    assert run(data, "export", export)[0] == 0
    assert run(data, "prove", read(data, "show")[1]["entries"][0]["id"], "--out", proof)[0] == 0
    ours, theirs = f"witness partner {WITNESS.verifier.text}", f"witness neutral {cosigner().verifier.text}"
    either = policy_file(tmp_path, f"log {KEY}", ours, theirs, "group g any partner neutral", "quorum g")
    for target in (export, proof):
        code, verified = read(tmp_path, "verify", target, "--policy", either)
        assert (code, verified["verified"], verified["cosigned_by"]) == (0, True, [WITNESS.verifier.name])
    both = policy_file(tmp_path, f"log {KEY}", ours, theirs, "group g all partner neutral", "quorum g")
    code, verified = read(tmp_path, "verify", export, "--policy", both)
    assert (code, verified["verified"]) == (1, False)
    assert "the quorum needs 2 of 2 (partner, neutral); cosigned by partner" in verified["findings"][0]["text"]
    assert run(tmp_path, "verify", proof, "--policy", both) == (2, "quorum-missing")
    assert run(tmp_path, "verify", proof, "--policy", both, "--witness", KEY) == (2, "usage")
    assert run(tmp_path, "verify", proof, "--policy", tmp_path / "missing") == (2, "file-unreadable")


def test_a_policy_that_asks_for_nothing_must_be_meant(data, tmp_path):
    export = tmp_path / "export"
    assert run(data, "export", export)[0] == 0
    nothing = policy_file(tmp_path, f"log {KEY}", f"witness partner {WITNESS.verifier.text}", "quorum none")
    assert run(tmp_path, "verify", export, "--policy", nothing) == (2, "quorum-none")
    assert read(tmp_path, "verify", export, "--policy", nothing, "--no-quorum")[1]["verified"]
    logless = policy_file(tmp_path, f"witness partner {WITNESS.verifier.text}", "quorum partner")
    assert run(tmp_path, "verify", export, "--policy", logless) == (2, "log-unknown")
    assert read(tmp_path, "verify", export, "--policy", logless, "--key", KEY)[1]["verified"]
    assert run(tmp_path, "verify", export, "--policy", policy_file(tmp_path, "quorum")) == (2, "policy-invalid")


def test_verify_in_place(data):
    code, checked = read(data, "verify")
    assert code == 0
    assert [(one["origin"], one["verified"]) for one in checked] == [(INSTALLATION, True), (AGREEMENT, True)]


def test_export_and_verify_offline(data, tmp_path):
    folder = tmp_path / "export"
    assert run(data, "export", folder, "--payloads")[0] == 0
    (tmp_path / "key").write_text(KEY)
    code, verified = read(tmp_path / "nowhere", "verify", folder, "--key", tmp_path / "key")
    assert (code, verified["verified"], verified["findings"]) == (0, True, [])
    (bundle,) = (folder / "tile" / "entries").iterdir()
    (file,) = bundle.iterdir()
    whole = file.read_bytes()
    first = decode_bundle(whole, verified["size"])[0]
    file.write_bytes(whole[:50] + bytes([whole[50] ^ 4]) + whole[51:])
    code, verified = read(tmp_path / "nowhere", "verify", folder, "--key", KEY)
    assert (code, verified["verified"]) == (1, False)
    assert verified["findings"][0]["index"] == 0
    assert verified["findings"][0]["entry"] in first.decode()
    assert run(data, "export", folder) == (2, "folder-not-empty")


def test_an_export_of_the_joint_log_waits_for_the_partner(tmp_path):
    with log_world(laid_out(tmp_path)):
        pass
    assert run(tmp_path, "export", tmp_path / "out") == (4, "witness-unreachable")
    assert not (tmp_path / "out").exists()
    assert run(tmp_path, "export", tmp_path / "out", "--origin", INSTALLATION)[0] == 0


def test_verifying_needs_a_key_and_a_place(data, tmp_path):
    assert run(data, "verify", tmp_path) == (2, "key-missing")
    assert run(data, "verify", tmp_path, "--key", "nonsense") == (2, "key-invalid")
    assert run(data, "verify", tmp_path / "missing", "--key", KEY) == (2, "file-unreadable")
    code, nothing = read(data, "verify", tmp_path, "--key", KEY)
    assert (code, nothing["verified"]) == (1, False)


def get(data, path, *, query=""):
    return asyncio.run(ask_once(data, Ask(method="GET", path=path, query=query)))


def test_the_routes_of_tiles(data):
    answer = get(data, f"/log/{AGREEMENT}/checkpoint")
    signed = open_checkpoint(answer.body, SIGNERS[AGREEMENT].verifier)
    size = signed.checkpoint.size
    assert len(get(data, f"/log/{AGREEMENT}/tile/0/000.p/{size}").body) == size * 32
    assert len(decode_bundle(get(data, f"/log/{AGREEMENT}/tile/entries/000.p/{size}").body, size)) == size
    assert len(decode_bundle(get(data, f"/log/{AGREEMENT}/tile/entries/000.p/1").body, 1)) == 1
    for path, status in [
        (f"/log/{AGREEMENT}/tile/0/000.p/{size + 1}", 404),
        (f"/log/{AGREEMENT}/tile/entries/000", 404),
        (f"/log/{AGREEMENT}/tile/0/1", 400),
        ("/log/example.com/other/checkpoint", 404),
        ("/api/v1/logs/export", 400),
    ]:
        assert get(data, path).status == status, path
    for count in (0, 1001):
        assert get(data, "/api/v1/logs/entries", query=f"origin={AGREEMENT}&count={count}").status == 400


@contextlib.contextmanager
def process(*words, data=None):
    """Starts a `safeconduct` of its own; yields its first line or JSON document of output."""
    command = [sys.executable, "-m", "safeconduct.cli.main", *map(str, words)]
    environment = os.environ | ({"SAFECONDUCT_DATA": str(data)} if data else {})
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        yield started
    finally:
        started.terminate()
        started.communicate(timeout=PATIENCE_S)


def told(started):
    """Reads one JSON document, which a command prints over several lines."""
    lines = []
    for line in started.stdout:
        lines.append(line)
        if line == "}\n":
            break
    return json.loads("".join(lines))


def test_a_partner_of_its_own_processes(data, tmp_path):
    keys.write_key(tmp_path / "bo.key", "bo", KEYS["bo"])
    arguments = ("witness", "--dir", tmp_path / "w", "--listen", "127.0.0.1:0", "--trust", KEY, "--json")
    with (
        process("log", *arguments, "--name", "partner.example/w") as partner,
        process("serve", "--port", "0", "--no-local-model", data=data) as serving,
    ):
        witness = told(partner)
        assert witness["key"].startswith("partner.example/w+")
        url = next(line for line in serving.stdout if line.startswith("serving on ")).split()[-1]
        pull = ("mirror", f"{url}/log/{AGREEMENT}", "--dir", tmp_path / "m", "--log-key", KEY)
        code, pulled = read(tmp_path, *pull, "--key", tmp_path / "bo.key")
        assert (code, pulled["before"]) == (0, 0)
        code, again = read(tmp_path, *pull, "--key", tmp_path / "bo.key")
        assert (code, again["before"], again["size"]) == (0, pulled["size"], pulled["size"])
        assert run(tmp_path, *pull) == (4, "log-refused")
    code, verified = read(tmp_path, "verify", tmp_path / "m", "--key", KEY)
    assert (code, verified["verified"], verified["size"]) == (0, True, pulled["size"])
    other = cosigner().verifier.text
    assert run(tmp_path, "witness", "--dir", tmp_path / "new", "--listen", "127.0.0.1:0") == (2, "no-witness-here")
    assert run(tmp_path, "witness", "--dir", tmp_path / "w", "--listen", "nowhere", "--trust", KEY)[0] == 2
    assert run(tmp_path, "witness", "--dir", tmp_path / "w", "--listen", "127.0.0.1:65536", "--trust", other)[0] == 2


def test_a_pipe_or_a_folder_where_a_file_is_expected_is_refused_and_never_waited_for(data, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert run(data, "verify", pipe, "--key", KEY) == (2, "file-unreadable")
    assert run(data, "verify", tmp_path, "--policy", pipe) == (2, "file-unreadable")
    assert run(data, "verify", tmp_path, "--policy", tmp_path) == (2, "file-unreadable")


def test_a_folder_without_a_log_is_said_to_be_none(data, tmp_path):
    code, nothing = read(data, "verify", tmp_path, "--key", KEY)
    assert (code, nothing["size"]) == (1, 0)
    assert "a folder that holds a log, an export or a mirror, has one" in nothing["findings"][0]["text"]

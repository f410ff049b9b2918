"""Commands on a real folder, with the partner's witness as a process of its own."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safeconduct.cli.demo.program import Parties, render
from safeconduct.cli.keys import write_key
from safeconduct.cli.main import app
from support.programs import KEYS, NAMES, READER_KEYS, signed_by_both
from support.shell import witness


@pytest.fixture
def shell(tmp_path):
    for name in NAMES:
        write_key(tmp_path / f"{name}.key", name, KEYS[name])

    def run(*words, by="ops"):
        environment = {"SAFECONDUCT_DATA": str(tmp_path / "data"), "SAFECONDUCT_KEY": str(tmp_path / f"{by}.key")}
        result = CliRunner(env=environment).invoke(app, [*map(str, words), "--json"])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, json.loads(result.stdout)

    return run


def program(folder, told):
    keys = {f"{name}_key": KEYS[name].public.text for name in NAMES} | READER_KEYS
    file = folder / "program.yaml"
    file.write_bytes(signed_by_both(render(Parties(**keys, witness_key=told["key"], witness_url=told["url"]))))
    return file


def test_a_program_comes_into_force_and_changes_with_the_partner_and_a_freeze_without(shell, tmp_path):
    _, made = shell("init", "--origin", "safeconduct.example/demo")
    with witness(tmp_path / "witness", made["key"]) as told:
        file = program(tmp_path, told)
        code, applied = shell("program", "apply", file)
        assert (code, applied["state"]) == (0, "in-force"), applied
    code, issued = shell("token", "issue", "ana", by="ana")
    assert code == 0
    assert shell("policy", "explain", "--principal", "ana", "--path", "soc-triage")[0] == 0

    # The partner is away: a freeze holds at once, its end has to wait, and so has a change.
    code, frozen = shell("freeze", "principal:ana", "--reason", "a drill")
    assert code == 0
    assert shell("policy", "explain", "--principal", "ana", "--path", "soc-triage")[0] == 1
    code, waiting = shell("unfreeze", frozen["id"])
    assert (code, waiting["state"]) == (4, "waiting")
    file.write_bytes(file.read_bytes().replace(b"deadline_s: 120", b"deadline_s: 60"))
    code, waiting = shell("program", "apply", file)
    assert (code, waiting["state"]) == (4, "waiting")
    assert len(shell("program", "show")[1]["waiting"]) == 2

    # It comes back, and what waited comes into force with the next command that changes something.
    with witness(tmp_path / "witness", applied["log_key"], listen=told["url"].removeprefix("http://")):
        file.write_bytes(file.read_bytes().replace(b"deadline_s: 60", b"deadline_s: 90"))
        code, applied = shell("program", "apply", file)
        assert (code, applied["state"]) == (0, "in-force"), applied
    assert shell("unfreeze") == (0, [])
    assert shell("program", "show")[1]["waiting"] == []
    assert shell("path", "show", "soc-triage")[1]["limits"]["deadline_s"] == 90

    kept = b"".join(path.read_bytes() for path in Path(tmp_path / "data").rglob("*") if path.is_file())
    assert b"access.token.issued/1" in kept
    assert issued["secret"].encode() not in kept

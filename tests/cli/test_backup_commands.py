"""`safeconduct backup` on an installation that is written to meanwhile."""

import json
import os
import shutil
import sqlite3
import threading
from contextlib import closing

import pytest
from typer.testing import CliRunner

from safeconduct.adapters.backups import copy_database
from safeconduct.adapters.files import file_name, write_secret
from safeconduct.bootstrap.installation import opened
from safeconduct.cli import backup
from safeconduct.cli.output import EXIT_CODE
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.backups import HEADER, Listed, Manifest, open_manifest
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import Note, NoteError
from safeconduct.ledger.sealing import HOUSE_ONLY
from support.gateway_world import AGREEMENT, INSTALLATION, SIGNERS, log_world
from support.logs import CALLS, START, sqlite_keys, thing
from support.patience import until
from support.programs import WITNESS

OWN = SIGNERS[INSTALLATION]
KEY = ("--key", OWN.verifier.text)


def laid_out(folder):
    for name in ("log-keys", "raw"):
        (folder / name).mkdir(parents=True)
    (folder / "raw" / ("a" * 64)).write_bytes(b"telemetry")
    (folder / "raw" / ".1.part").write_bytes(b"half")
    for number, origin in enumerate(SIGNERS):
        write_secret(folder / "log-keys" / file_name(origin), SecretKey(bytes([number]) * 32).text)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = laid_out(tmp_path_factory.mktemp("house") / "data")
    with log_world(folder):
        pass
    return folder


@pytest.fixture
def copy(data, tmp_path):
    assert run("create", tmp_path / "copy", "--data", data)[0] == 0
    return tmp_path / "copy"


def run(*words):
    result = CliRunner().invoke(backup.commands, [*map(str, words), "--json"])
    if isinstance(result.exception, SafeconductError):
        return EXIT_CODE[result.exception.kind], result.exception.code
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, json.loads(result.stdout)


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_backup_holds_what_is_needed_and_no_key(data, tmp_path):
    code, made = run("create", tmp_path / "copy", "--data", data)
    assert (code, made["key"], made["origin"]) == (0, OWN.verifier.text, INSTALLATION)
    heads = [f"heads/{file_name(origin)}" for origin in SIGNERS]
    assert names(tmp_path / "copy") == sorted([*heads, "manifest", f"raw/{'a' * 64}", "safeconduct.db"])
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "copy").rglob("*") if path.name != "manifest"} == {0}
    code, checked = run("verify", tmp_path / "copy", *KEY)
    assert (code, checked["verified"], checked["logs"]) == (0, True, made["logs"])
    wrapped = [path.read_bytes() for path in (data / "kek").iterdir()]
    everything = b"".join((tmp_path / "copy" / name).read_bytes() for name in names(tmp_path / "copy"))
    assert not any(key.strip() in everything for key in wrapped)


def test_keys_go_elsewhere_and_only_if_asked_for(data, tmp_path):
    code, _made = run("create", tmp_path / "copy", "--data", data, "--log-keys", "--keys", tmp_path / "keys")
    assert code == 0
    assert {f"log-keys/{file_name(origin)}" for origin in SIGNERS} <= set(names(tmp_path / "copy"))
    assert names(tmp_path / "keys") == ["keys.db"]
    for keys in (tmp_path / "copy2", tmp_path / "copy2" / "keys", tmp_path, data / "keys"):
        assert run("create", tmp_path / "copy2", "--data", data, "--keys", keys)[1] == "folder-not-apart"
    assert run("create", data / "copy", "--data", data)[1] == "folder-not-apart"
    assert run("create", tmp_path / "copy", "--data", data) == (2, "folder-not-empty")
    assert run("create", tmp_path / "x", "--data", tmp_path / "nowhere") == (2, "no-installation")


def test_a_restored_backup_opens_and_its_fields_with_the_keys_from_elsewhere(data, tmp_path):
    run("create", tmp_path / "copy", "--data", data, "--log-keys", "--keys", tmp_path / "keys")
    again = tmp_path / "again"
    code, restored = run("restore", tmp_path / "copy", *KEY, "--data", again, "--keys", tmp_path / "keys")
    assert (code, restored["logs"].keys()) == (0, {INSTALLATION, AGREEMENT})
    shutil.copytree(data / "kek", again / "kek")
    with opened(again) as installation:
        assert installation.findings == []
        assert [log.findings for log in installation.logs.verify()] == [(), ()]
    assert run("restore", tmp_path / "copy", *KEY, "--data", again) == (2, "folder-not-empty")
    assert run("restore", tmp_path / "copy", *KEY) == (2, "data-missing")


def test_a_backup_of_the_data_keys_does_not_undo_a_destruction(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    drafts = [thing("x")._replace(subject=subject) for subject in ("ana", "bo", "cy")]
    names = [HOUSE_ONLY.key_name(CALLS, draft, START) for draft in drafts]
    with closing(sqlite_keys(data, os.urandom)) as keys:
        made = [keys.make(name, HOUSE_ONLY) for name in names]
        keys.commit()
        copy_database(data / "keys.db", tmp_path / "keys.db")
        keys.destroy([made[0].id])
        assert [keys.get(key.id) for key in made] == [None, made[1].key, made[2].key]
    shutil.copy(tmp_path / "keys.db", data / "keys.db")
    with pytest.raises(UnavailableError) as refused:  # none of it opens any more: the next copy is made after it
        sqlite_keys(data, os.urandom)
    assert refused.value.code == "wrapping-key-missing"


def test_a_backup_is_as_of_one_commit_whatever_is_written_meanwhile(tmp_path):
    data = laid_out(tmp_path / "data")
    with log_world(data) as world:
        stop, written = threading.Event(), []

        def write():
            while not stop.is_set():
                written.append(world.token("bo"))

        writing = threading.Thread(target=write)
        writing.start()
        try:
            sizes = []
            for n in range(4):
                written.clear()
                until(lambda: written, says="another entry")
                code, made = run("create", tmp_path / f"copy{n}", "--data", data)
                assert code == 0
                assert run("verify", tmp_path / f"copy{n}", *KEY)[0] == 0
                sizes.append(made["logs"][INSTALLATION])
        finally:
            stop.set()
            writing.join()
        assert sizes == sorted(sizes)
        assert sizes[0] < sizes[-1]


def flipped(file):
    whole = file.read_bytes()
    file.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])


def test_what_is_wrong_with_a_backup_is_found(data, copy, tmp_path):
    for name in names(copy):
        kept = (copy / name).read_bytes()
        flipped(copy / name) if len(kept) > 40 else (copy / name).write_bytes(b"?")
        code, told = run("verify", copy, *KEY)
        assert (code, told if name == "manifest" else any(name in one for one in told["findings"])) in {
            (1, True),
            (2, "signature-invalid"),
            (2, "invalid-input"),
        }, name
        assert run("restore", copy, *KEY, "--data", tmp_path / "again")[0] in {2, 4}
        (copy / name).write_bytes(kept)
    (copy / "more").write_bytes(b"")
    assert run("verify", copy, *KEY)[1]["findings"] == ["more: the manifest does not know it"]
    (copy / "more").unlink()
    (copy / f"raw/{'a' * 64}").unlink()
    assert "it is missing" in run("verify", copy, *KEY)[1]["findings"][0]
    assert not (tmp_path / "again").exists()
    assert run("verify", copy, "--key", SIGNERS[AGREEMENT].verifier.text)[0] == 2
    assert run("verify", data, *KEY) == (2, "no-backup")


def test_a_backup_of_damaged_data_does_not_verify(tmp_path):
    data = laid_out(tmp_path / "data")
    with log_world(data):
        pass
    with sqlite3.connect(data / "safeconduct.db") as connection:
        connection.execute("UPDATE entries SET leaf = CAST(replace(leaf, 'ana', 'bob') AS BLOB)")
        connection.execute("DELETE FROM records WHERE collection = 'grants'")
    connection.close()
    assert run("create", tmp_path / "copy", "--data", data)[0] == 0
    code, told = run("verify", tmp_path / "copy", *KEY)
    assert code == 1
    assert any("not the one that was hashed" in one for one in told["findings"])
    code, tried = run("drill", "--data", data)
    assert (code, tried["good"]) == (1, False)


def test_a_drill_says_what_would_be_lost(data, tmp_path):
    (tmp_path / "room").mkdir()
    code, tried = run("drill", "--data", data, "--in", tmp_path / "room")
    assert (code, tried["good"], tried["findings"]) == (0, True, [])
    assert list(tried["seconds"]) == ["create", "verify", "restore", "compare"]
    assert tried["behind"] == {INSTALLATION: 0, AGREEMENT: 0}
    assert tried["missing"] == ["keys.db", "log-keys", "kek"]
    assert list((tmp_path / "room").iterdir()) == []


MANIFEST = Manifest(
    origin=Origin(INSTALLATION), at=START, logs={OWN.verifier: 7}, files={"heads/a b": Listed("0" * 64, 9)}
)


def test_a_manifest_is_these_bytes():
    encoded = MANIFEST.signed(OWN)
    assert encoded.startswith(
        f"{HEADER}\n{INSTALLATION}\n2026-11-21T08:00:00.000000Z\n"
        f"log 7 {OWN.verifier.text}\nfile {'0' * 64} 9 heads/a b\n\n"
    )
    assert open_manifest(encoded.encode(), OWN.verifier) == MANIFEST


@pytest.mark.parametrize(
    "lines",
    [
        "safeconduct/export/v1\n{origin}\n{at}\n",
        "{header}\n{origin}\n",
        "{header}\nexample.com/other\n{at}\n",
        "{header}\n{origin}\nyesterday\n",
        "{header}\n{origin}\n{at}\nlog x {key}\n",
        "{header}\n{origin}\n{at}\nlog 7 nobody\n",
        "{header}\n{origin}\n{at}\nfile {digest} 9 ../x\n",
        "{header}\n{origin}\n{at}\nfile {digest} 9 /x\n",
        "{header}\n{origin}\n{at}\nfile {digest} 9 \n",
        "{header}\n{origin}\n{at}\nfile 00 9 x\n",
        "{header}\n{origin}\n{at}\nfile {digest} -9 x\n",
        "{header}\n{origin}\n{at}\nlink {digest} 9 x\n",
    ],
)
def test_a_manifest_of_another_form_is_refused(lines):
    given = {"header": HEADER, "origin": INSTALLATION, "at": "2026-11-21T08:00:00.000000Z", "digest": "0" * 64}
    text = lines.format(**given, key=OWN.verifier.text)
    with pytest.raises(SafeconductError):
        open_manifest(Note(text, (OWN.sign(text),)).encoded.encode(), OWN.verifier)
    with pytest.raises(NoteError):
        open_manifest(MANIFEST.signed(OWN).encode(), WITNESS.verifier)

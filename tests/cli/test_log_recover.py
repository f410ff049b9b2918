"""`safeconduct log recover` on a real installation whose witness answers."""

import hashlib
import json
import shutil
import sqlite3

import pytest
import typer
from typer.testing import CliRunner

from safeconduct.adapters.data_folder import Address, locked
from safeconduct.adapters.files import file_name, write_secret
from safeconduct.adapters.mirror import pull
from safeconduct.adapters.witness import WitnessFolder
from safeconduct.adapters.witness_client import WitnessClient
from safeconduct.bootstrap.installation import opened
from safeconduct.cli import recover
from safeconduct.cli.output import EXIT_CODE
from safeconduct.http.witness import WitnessApp
from safeconduct.kernel.errors import SafeconductError
from safeconduct.ledger.export import export_files
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.trust import Trust
from support.gateway_world import AGREEMENT, INSTALLATION, SIGNERS, log_world
from support.liars import served
from support.logs import Clock
from support.programs import WITNESS, demo_program

app = typer.Typer()
app.command()(recover.recover)
KEY = SIGNERS[AGREEMENT].verifier.text
OWN_KEY = SIGNERS[INSTALLATION].verifier.text


def copy_database(data, to):
    with sqlite3.connect(data / "safeconduct.db") as source, sqlite3.connect(to) as target:
        source.backup(target)
    for connection in (source, target):
        connection.close()


def mirror(world, folder, origin):
    files = dict(export_files(world.store, origin, SIGNERS[origin], payloads=False))
    pull(files.__getitem__, folder, Trust(log=SIGNERS[origin].verifier))


def cosign(world, witness, url):
    client, head = WitnessClient(url, witness.cosigner.verifier), world.reader.checkpoint(AGREEMENT)
    signed = client.cosign(world.reader, head, SIGNERS[AGREEMENT].verifier)
    world.writer.keep_cosigned(signed, witness.cosigner.verifier)


@pytest.fixture
def house(tmp_path):
    """An installation with a witness that saw all of its joint log, a mirror of it, and yesterday's backup."""
    WitnessFolder.create(
        tmp_path / "witness", WITNESS.verifier.name, lambda _count: hashlib.sha256(b"witness").digest()
    )
    witness = WitnessFolder(tmp_path / "witness", Clock())
    witness.trust(SIGNERS[AGREEMENT].verifier)
    data = tmp_path / "data"
    for name in ("log-keys", "raw"):
        (data / name).mkdir(parents=True)
    for number, origin in enumerate(SIGNERS):
        write_secret(data / "log-keys" / file_name(origin), SecretKey(bytes([number]) * 32).text)
    with served(WitnessApp(witness.add_checkpoint)) as url:
        program = demo_program().replace(b"http://127.0.0.1:1/", url.encode())
        with log_world(data, program=program) as world:
            copy_database(data, tmp_path / "backup.db")
            mirror(world, tmp_path / "early", AGREEMENT)
            world.run(world.freeze_command("path:soc-triage"))
            cosign(world, witness, url)
            mirror(world, tmp_path / "mirror", AGREEMENT)
            mirror(world, tmp_path / "own", INSTALLATION)
        yield tmp_path


def restore(house):
    for path in (house / "data").glob("safeconduct.db*"):
        path.unlink()
    shutil.copy(house / "backup.db", house / "data" / "safeconduct.db")


def run(house, *words):
    result = CliRunner(env={"SAFECONDUCT_DATA": str(house / "data")}).invoke(app, [*map(str, words), "--json"])
    if isinstance(result.exception, SafeconductError):
        return EXIT_CODE[result.exception.kind], result.exception.code
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, json.loads(result.stdout)


def sizes(house):
    with opened(house / "data") as installation:
        return {origin: installation.log.size(origin) for origin in installation.log.origins()}


def test_a_joint_log_comes_back_from_the_partner(house):
    before = sizes(house)
    restore(house)
    given = ("--from-mirror", house / "mirror", "--key", KEY)
    code, planned = run(house, *given, "--dry-run")
    assert (code, planned["done"], [log["origin"] for log in planned["logs"]]) == (0, False, [AGREEMENT])
    assert planned["logs"][0]["size"] == before[AGREEMENT]
    with opened(house / "data") as installation:
        assert {stop.code for stop in installation.writer.stopped().values()} == {"log-behind-head"}
    code, done = run(house, *given)
    assert (code, done["done"], done["findings"], done["refused"]) == (0, True, [], [])
    assert (done["logs"], done["records"] > 0) == (planned["logs"], True)
    assert sizes(house) == before | {AGREEMENT: before[AGREEMENT] + 1}
    with opened(house / "data") as installation:
        assert [log.findings for log in installation.logs.verify()] == [(), ()]
        assert installation.board.current.freezes  # what stood in the entries that were lost is in force again
    assert run(house, *given) == (0, {"done": False, "logs": [], "records": 0, "refused": [], "findings": []})


def test_a_witness_that_saw_more_than_the_mirror_holds_refuses(house):
    restore(house)
    for path in (house / "data" / "heads").iterdir():
        path.unlink()
    before = (house / "data" / "safeconduct.db").read_bytes()
    assert run(house) == (4, "log-behind-witness")
    assert run(house, "--from-mirror", house / "early", "--key", KEY) == (4, "log-behind-witness")
    assert (house / "data" / "safeconduct.db").read_bytes() == before
    assert list((house / "data" / "heads").iterdir()) == []
    code, done = run(house, "--from-mirror", house / "mirror", "--key", KEY)
    assert (code, done["findings"]) == (0, [])


def test_a_database_that_is_gone_comes_back_from_both_mirrors(house):
    before = sizes(house)
    for path in (house / "data").glob("safeconduct.db*"):
        path.unlink()
    joint, own = ("--from-mirror", house / "mirror", "--key", KEY), ("--from-mirror", house / "own", "--key", OWN_KEY)
    assert run(house, *joint)[1] in {"recovery-incomplete", "recovery-needs-mirror"}
    code, done = run(house, *joint, *own)
    assert (code, done["findings"], len(done["logs"])) == (0, [], 2)
    assert sizes(house) == {origin: size + 1 for origin, size in before.items()}


def test_records_that_no_entry_made_go(house):
    with sqlite3.connect(house / "data" / "safeconduct.db") as connection:
        connection.execute("INSERT INTO records SELECT collection, 'mallory', value FROM records LIMIT 1")
    connection.close()
    code, done = run(house)
    assert (code, done["records"], done["findings"]) == (0, 1, [])
    assert [(log["origin"], log["places"]) for log in done["logs"]] == [(INSTALLATION, ["records"])]


def test_no_state_is_made_from_entries_that_nobody_signed(house):
    with sqlite3.connect(house / "data" / "safeconduct.db") as connection:
        own = connection.execute("SELECT number FROM logs WHERE origin = ?", (INSTALLATION,)).fetchone()[0]
        connection.execute("UPDATE entries SET leaf = CAST(replace(leaf, 'ana', 'bob') AS BLOB) WHERE log = ?", (own,))
        connection.execute("DELETE FROM tiles WHERE log != ?", (own,))
    connection.close()
    assert run(house) == (4, "recovery-needs-mirror")
    assert run(house, "--from-mirror", house / "mirror", "--key", KEY) == (4, "recovery-needs-mirror")
    code, done = run(house, "--from-mirror", house / "own", "--key", OWN_KEY)
    assert (code, done["findings"]) == (0, [])


def test_entries_under_a_name_without_a_key_are_no_log(house):
    with sqlite3.connect(house / "data" / "safeconduct.db") as connection:
        connection.execute("INSERT INTO logs (number, origin) VALUES (9, 'safeconduct.example/mallory')")
        connection.execute("INSERT INTO entries SELECT 9, 0, '01KAK00000000000000000000A', leaf FROM entries LIMIT 1")
    connection.close()
    assert run(house) == (4, "log-key-missing")


def test_what_can_not_be_asked_for(house, tmp_path):
    assert run(house, "--from-mirror", house / "mirror") == (2, "key-missing")
    assert run(house, "--from-mirror", house / "mirror", "--key", WITNESS.verifier.text) == (2, "key-conflict")
    assert run(house, "--from-mirror", house / "mirror", "--key", OWN_KEY) == (4, "mirror-damaged")
    assert run(house, "--from-mirror", house / "nowhere", "--key", KEY) == (2, "folder-missing")
    assert run(house, "--data", tmp_path / "nowhere") == (2, "no-installation")
    witness = ("--witness", WITNESS.verifier.text)
    assert run(house, "--from-mirror", house / "mirror", "--key", KEY, *witness) == (4, "not-cosigned")
    with locked(house / "data") as lock:
        lock.announce(Address("http://127.0.0.1:1", "secret"))
        assert run(house) == (1, "data-in-use")

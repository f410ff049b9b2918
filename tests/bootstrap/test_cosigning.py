"""The partner's cosignature follows the joint log, and tells when the log was led back."""

import asyncio
import contextlib
import json
import shutil
import socket
import threading
from dataclasses import replace

import pytest
import uvicorn

from safeconduct.adapters.clock import SystemClock, system_entropy
from safeconduct.adapters.mirror_folder import MirrorFolder
from safeconduct.adapters.witness import WitnessFolder
from safeconduct.bootstrap import cosigning
from safeconduct.bootstrap.installation import opened
from safeconduct.http.mirror import MirrorApp
from safeconduct.http.witness import WitnessApp
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.notes import VerifierKey
from support.liars import Raw, says, served
from support.logs import cosigner
from support.patience import until_async
from support.shell import House, agreed, made

AGREEMENT = Origin("safeconduct.example/demo/ag-2026-01")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return agreed(tmp_path_factory.mktemp("template") / "house")[0]


@pytest.fixture
def house(template, tmp_path, monkeypatch):
    monkeypatch.setattr(cosigning, "INTERVAL_S", 0.01)
    monkeypatch.setattr(cosigning, "RETRY_S", 0.01)
    shutil.copytree(template.root, tmp_path / "house")
    return House(tmp_path / "house")


@contextlib.contextmanager
def partner(house):
    """Runs the partner's witness where the program says it is."""
    told = json.loads((house.root / "witness.out").read_text())
    folder = WitnessFolder(house.root / "witness", SystemClock())
    for log in house("log", "show", "--json").json["logs"]:
        folder.trust(VerifierKey.parse(log["key"]))
    listener = socket.create_server(("127.0.0.1", int(told["url"].rpartition(":")[2])))
    app = WitnessApp(folder.add_checkpoint, folder.kept.evidence)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield VerifierKey.parse(told["key"])
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


async def followed(installation, until, meanwhile=None):
    """Follows until something holds; `meanwhile` runs beside it. Fails if following ended by itself."""
    task = asyncio.create_task(cosigning.follow(installation))
    if meanwhile:
        await asyncio.to_thread(meanwhile)
    await until_async(lambda: task.done() or until())
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def grow(house):
    said = house("freeze", "principal:ana", "--reason", "a drill")
    assert said.code == 0, said


def stops(installation):
    return {origin: stop.code for origin, stop in installation.writer.stopped().items()}


def cosigned_all(installation, key):
    return installation.log.cosigned_size(AGREEMENT, key) == installation.log.size(AGREEMENT)


def test_a_head_that_grew_is_cosigned(house):
    grow(house)
    with partner(house) as key, opened(house.data) as installation:
        assert not cosigned_all(installation, key)
        asyncio.run(followed(installation, lambda: cosigned_all(installation, key)))
    (log,) = [one for one in house("log", "show", "--json").json["logs"] if one["origin"] == AGREEMENT]
    assert log["head_cosigned"]


def test_a_partner_that_is_away_is_asked_again(house, caplog):
    grow(house)
    key = VerifierKey.parse(json.loads((house.root / "witness.out").read_text())["key"])
    with opened(house.data) as installation:
        asyncio.run(followed(installation, lambda: len(caplog.records) >= 3))
        assert {record.name for record in caplog.records} == {cosigning.__name__}
        assert "does not answer" in caplog.text
        assert not cosigned_all(installation, key)
        assert stops(installation) == {}
    with partner(house), opened(house.data) as installation:
        asyncio.run(followed(installation, lambda: cosigned_all(installation, key)))


def test_without_a_program_there_is_nothing_to_follow(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(cosigning, "INTERVAL_S", 0.001)
    house, _ = made(tmp_path / "house")
    looks = []
    with opened(house.data) as installation:
        asyncio.run(followed(installation, lambda: looks.append(1) or len(looks) > 5))
        assert stops(installation) == {}
    assert caplog.records == []


def test_an_older_database_under_a_newer_head_stops_that_log(house):
    backup = (house.data / "safeconduct.db").read_bytes()
    grow(house)
    (house.data / "safeconduct.db").write_bytes(backup)
    with opened(house.data) as installation:
        assert stops(installation) == {AGREEMENT: "log-behind-head"}
        assert {finding.code for finding in installation.findings} == {"log-behind-head"}
    refused = house("freeze", "all", "--everybody", "--reason", "a drill")
    assert (refused.code, refused.error) == (4, "log-behind-head")
    assert house("token", "issue", "ana", by="ana").code == 0  # that is the installation's own log
    assert house("status").code == 0


@pytest.mark.parametrize("growth", [0, 1])
def test_a_backup_restored_whole_is_found_by_the_partner(house, growth):
    with partner(house) as key, opened(house.data) as installation:
        asyncio.run(followed(installation, lambda: cosigned_all(installation, key)))
    shutil.copytree(house.data, house.root / "backup")
    for _ in range(3):
        grow(house)
    with partner(house) as key:
        with opened(house.data) as installation:
            asyncio.run(followed(installation, lambda: cosigned_all(installation, key)))
        shutil.rmtree(house.data)
        (house.root / "backup").rename(house.data)
        for _ in range(growth):
            grow(house)  # head and database agree: nothing here can know
        with opened(house.data) as installation:
            asyncio.run(followed(installation, lambda: stops(installation)))
            assert stops(installation) == {AGREEMENT: "log-behind-witness"}


def test_what_nobody_foresaw_does_not_end_the_following(house, caplog, monkeypatch):
    grow(house)
    ask, failures = cosigning.cosign_by_quorum, [ValueError("a bug")] * 2

    def broken(*given, **named):
        if failures:
            raise failures.pop()
        return ask(*given, **named)

    monkeypatch.setattr(cosigning, "cosign_by_quorum", broken)
    with opened(house.data) as installation:
        asyncio.run(followed(installation, lambda: not failures))
    assert "a bug" in caplog.text


def quorum_of(*told, quorum="any"):
    names = [f"w{number}" for number in range(len(told))]
    lines = [f"witness {name} {key.text} {url}" for name, (key, url) in zip(names, told, strict=True)]
    return "".join(f"{line}\n" for line in (*lines, f"group g {quorum} {' '.join(names)}", "quorum g"))


@contextlib.contextmanager
def agreed_on(house, policy, monkeypatch):
    """Opens the house as if the agreement in force had this policy."""
    real = cosigning._agreement

    def with_policy(installation):
        agreement = real(installation)
        return replace(agreement, witness=replace(agreement.witness, policy=policy))

    monkeypatch.setattr(cosigning, "_agreement", with_policy)
    with opened(house.data) as installation:
        yield installation


def test_a_dead_and_a_lying_witness_hold_up_no_quorum(house, monkeypatch, caplog):
    grow(house)
    dead, liar = cosigner("dead.example/w").verifier, cosigner("liar.example/w").verifier
    url = json.loads((house.root / "witness.out").read_text())["url"]
    with Raw(says("999999\n", "409 Conflict")) as lies, partner(house) as key:
        policy = quorum_of((dead, "http://127.0.0.1:1"), (liar, lies.url), (key, url))
        with agreed_on(house, policy, monkeypatch) as installation:
            asyncio.run(followed(installation, lambda: cosigned_all(installation, key) and caplog.records))
            assert stops(installation) == {}
    assert "has seen 999999 entries" in caplog.text  # told, by whom is asked beside the quorum


def test_a_quorum_that_needs_the_dead_one_is_not_filled(house, monkeypatch, caplog):
    grow(house)
    dead = cosigner("dead.example/w").verifier
    url = json.loads((house.root / "witness.out").read_text())["url"]
    with partner(house) as key:
        policy = quorum_of((dead, "http://127.0.0.1:1"), (key, url), quorum="all")
        with agreed_on(house, policy, monkeypatch) as installation:
            asyncio.run(followed(installation, lambda: len(caplog.records) >= 2))
            assert cosigned_all(installation, key)  # what one answered is kept
            assert "1 of 2 witnesses cosigned" in caplog.text
            with pytest.raises(UnavailableError) as caught:
                cosigning.cosign_head(installation, AGREEMENT)
            assert caught.value.code == "quorum-missing"


def test_a_mirror_beside_the_quorum_gets_the_entries_in_the_background(house, monkeypatch, tmp_path):
    grow(house)
    MirrorFolder.create(tmp_path / "m", "partner.example/mirror", system_entropy)
    mirror = MirrorFolder(tmp_path / "m", SystemClock())
    for log in house("log", "show", "--json").json["logs"]:
        mirror.kept.trust(VerifierKey.parse(log["key"]))
    url, holds = json.loads((house.root / "witness.out").read_text())["url"], mirror.kept.cosigner.verifier
    with served(MirrorApp(mirror)) as at, partner(house) as key:
        policy = f"witness w {key.text} {url}\nwitness m {holds.text} {at}\nquorum w\n"
        with agreed_on(house, policy, monkeypatch) as installation:
            asyncio.run(followed(installation, lambda: cosigned_all(installation, holds)))
            names = {line.name for line in installation.log.checkpoint(AGREEMENT).note.signatures}
    assert names == {AGREEMENT, key.name, "partner.example/mirror"}

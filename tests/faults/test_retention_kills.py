"""A server is killed between the order to destroy telemetry and its end: the next one goes on, and it ends once."""

import json
import shutil

import pytest

from support.ahead import days_ahead
from support.keeping import DESTROYED, ORDERED
from support.kept_files import DAYS, destruction, held, keeping_a_day, left, raw_files
from support.shell import DATABASES, House, run, serving, until, witness

FILES = 4


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return keeping_a_day(tmp_path_factory.mktemp("kept") / "house", files=FILES)


@pytest.fixture(params=["sqlite", "postgres"])
def house(request, tmp_path, monkeypatch):
    """An installation whose files of some days ago are due, and whose processes are of today."""
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue("template").root, tmp_path / "house")
        found = House(tmp_path / "house")
    else:
        for name in DATABASES:
            monkeypatch.setenv(name, request.getfixturevalue("postgres").database())
        found = keeping_a_day(tmp_path / "house", files=FILES)
    with days_ahead(tmp_path / "ahead", DAYS):
        yield found


def served_until(house, found, *, kill):
    with serving(house.data) as (process, _):
        until(found, process, says=str(house.root))
        if kill:
            process.kill()
            process.wait()


def ended(house):
    return destruction(house).count(DESTROYED) > 0


@pytest.mark.parametrize("gone", [0, FILES // 2, FILES - 1])
def test_killed_after_some_files_it_goes_on_and_ends_with_one_entry(house, gone):
    files = raw_files(house)
    assert len(files) == FILES
    with held(files[gone:]):
        served_until(house, lambda: destruction(house) == [ORDERED] and raw_files(house) == files[gone:], kill=True)
    assert raw_files(house) == files[gone:]
    served_until(house, lambda: ended(house), kill=False)
    assert destruction(house) == [ORDERED, DESTROYED]
    assert (raw_files(house), left(house)) == ([], [])
    assert house("events", "list", "--json").json == {"files": [], "events": {}}


def test_what_a_backup_brought_back_is_destroyed_again_by_the_next_server(house):
    shutil.copytree(house.data / "raw", house.root / "backup")
    served_until(house, lambda: ended(house), kill=False)
    assert left(house) == []
    shutil.copytree(house.root / "backup", house.data / "raw", dirs_exist_ok=True)
    assert len(raw_files(house)) == FILES
    served_until(house, lambda: destruction(house).count(DESTROYED) == 2, kill=True)
    assert destruction(house) == [ORDERED, DESTROYED] * 2
    assert (raw_files(house), left(house)) == ([], [])


def test_after_restore_and_recovery_from_the_mirror_the_next_server_destroys_it_again(template, tmp_path):
    house, anew = House(shutil.copytree(template.root, tmp_path / "house")), House(tmp_path / "anew")
    backup = house("backup", "create", tmp_path / "backup", "--log-keys", "--keys", tmp_path / "keys", "--json")
    assert backup.code == 0, backup
    keys = {one["origin"]: one["key"] for one in house("log", "show", "--json").json["logs"]}
    with days_ahead(tmp_path / "ahead", DAYS):
        with serving(house.data) as (process, address):
            until(lambda: ended(house), process, says="destroyed")
            url = f"{address.url}/log/{house.agreement}"
            said = run(
                "log",
                "mirror",
                url,
                "--dir",
                tmp_path / "mirror",
                "--log-key",
                keys[house.agreement],
                key=house.key("ops"),
            )
            assert said.code == 0, said
        anew.root.mkdir()
        for key in house.root.glob("*.key"):
            shutil.copy(key, anew.root)
        restored = ("--key", backup.json["key"], "--keys", tmp_path / "keys", "--data", anew.data)
        assert run("backup", "restore", tmp_path / "backup", *restored).code == 0
        shutil.copytree(house.data / "kek", anew.data / "kek")
        assert len(raw_files(anew)) == FILES
        listen = json.loads((house.root / "witness.out").read_text())["url"].partition("//")[2]
        with witness(house.root / "witness", *keys.values(), listen=listen):
            said = anew("log", "recover", "--from-mirror", tmp_path / "mirror", "--key", keys[house.agreement])
            assert said.code == 0, said
        assert destruction(anew) == [ORDERED, DESTROYED]
        served_until(anew, lambda: destruction(anew).count(DESTROYED) == 2, kill=False)
        assert (raw_files(anew), left(anew)) == ([], [])
        assert anew("events", "list", "--json").json == {"files": [], "events": {}}

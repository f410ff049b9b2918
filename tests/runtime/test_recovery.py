"""What a start finds (R4): restored backups, forks and damage stop their log; a head that lags is brought up."""

import shutil
import sqlite3

import pytest

from safeconduct.adapters.files import file_name
from safeconduct.kernel.errors import UnavailableError
from support.logs import CALLS, OTHER, Rig, add


def fill(folder, calls, other=1, start=0):
    with Rig(folder) as rig:
        assert rig.findings == []
        if calls:
            rig.fill(calls, start=start)
        for n in range(other):
            rig.run(add(f"other-{start}-{n}", OTHER))


def restart(folder, code, *, what):
    """Opens the installation; the calls' log must be stopped with this code, and the other one run."""
    with Rig(folder) as rig:
        assert {finding.origin for finding in rig.findings} == {CALLS}
        assert any(what in finding.what for finding in rig.findings), rig.findings
        assert rig.writer.stopped()[CALLS].code == code
        before = list(rig.store.entries(CALLS))
        with pytest.raises(UnavailableError) as caught:
            rig.run(add("refused"))
        assert caught.value.code == code
        assert "log verify" in caught.value.remedy
        assert rig.run(add(f"still running {rig.store.size(OTHER)}", OTHER)).receipts
        assert list(rig.store.entries(CALLS)) == before


def backup(folder, to):
    shutil.copytree(folder, to)


def restore(backup_, folder):
    shutil.copy(backup_ / "safeconduct.db", folder / "safeconduct.db")


def test_a_restored_backup_of_the_database_is_noticed(tmp_path):
    live, saved = tmp_path / "live", tmp_path / "saved"
    live.mkdir()
    fill(live, 5)
    backup(live, saved)
    fill(live, 3, other=0, start=5)
    restore(saved, live)
    restart(live, "log-behind-head", what="signed at 8 entries, 5 are stored")
    restart(live, "log-behind-head", what="signed at 8 entries, 5 are stored")


@pytest.mark.parametrize("count", [8, 9])
def test_another_history_is_noticed(tmp_path, count):
    live, other = tmp_path / "live", tmp_path / "other"
    for folder in (live, other):
        folder.mkdir()
        fill(folder, 5)
    fill(live, 3, other=0, start=5)
    fill(other, count - 5, other=0, start=500)
    restore(other, live)
    restart(live, "log-damaged", what="a fork")


def test_a_missing_head_is_noticed_and_a_lagging_one_is_brought_up(tmp_path):
    fill(tmp_path, 1)
    path = tmp_path / "heads" / file_name(CALLS)
    early = path.read_bytes()
    fill(tmp_path, 4, other=0, start=1)
    late = path.read_bytes()
    path.write_bytes(early)
    with Rig(tmp_path) as rig:
        assert rig.findings == []
        assert rig.heads.read(CALLS) == rig.store.checkpoint(CALLS)
    path.unlink()
    restart(tmp_path, "log-damaged", what="no head")
    path.write_bytes(late)
    fill(tmp_path, 1, start=5)


def test_the_head_of_an_empty_log_is_kept_too(tmp_path):
    fill(tmp_path, 0, other=0)
    shutil.copytree(tmp_path, tmp_path / "saved")
    fill(tmp_path, 1)
    for name in ("safeconduct.db",):
        shutil.copy(tmp_path / "saved" / name, tmp_path / name)
    with Rig(tmp_path) as rig:
        assert {stop.code for stop in rig.writer.stopped().values()} == {"log-behind-head"}


def test_one_damaged_log_stops_alone(tmp_path):
    fill(tmp_path, 5)
    with sqlite3.connect(tmp_path / "safeconduct.db") as connection:
        connection.execute("UPDATE entries SET leaf = CAST(replace(leaf, '\"n\":3', '\"n\":4') AS BLOB) WHERE log = 1")
    connection.close()
    restart(tmp_path, "log-damaged", what="not the one that was hashed into the tree")


def test_another_key_than_the_log_s_is_noticed(tmp_path):
    fill(tmp_path, 2)
    with sqlite3.connect(tmp_path / "safeconduct.db") as connection:
        connection.execute(
            "UPDATE checkpoints SET note = replace(note, '— safeconduct', '— Safeconduct') WHERE log = 1"
        )
    connection.close()
    restart(tmp_path, "log-damaged", what="by no known key")

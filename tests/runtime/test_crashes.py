"""Killed at every step, with unsynced writes dropped: what was acknowledged is there, once, and the log verifies.

A real process is recorded write by write and sync by sync; then the disk is rebuilt as a crash after each step would
leave it, and the installation is opened on it. Two broken configurations show that these checks can fail.
"""

import itertools
import shutil

import pytest

from safeconduct.kernel.errors import ConflictError
from safeconduct.ledger.rebuild import check_sealed
from support.crashing import command, keys
from support.disks import HERE, Disk, recorded, shim, write_image
from support.logs import CALLS, OTHER, Rig, add
from support.patience import PATIENCE_S

SCRIPT = HERE / "crashing.py"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """An installation that ran before and was closed well."""
    folder = tmp_path_factory.mktemp("base")
    with Rig(folder) as rig:
        rig.run(add("before", sealed={"request": "secret"}))
    return folder


def crashes(library, base, tmp_path, mode):
    """Yields the rebuilt disk, the steps done so far and the acknowledged keys after each step of a run."""
    work = tmp_path / "work"
    shutil.copytree(base, work)
    disk = Disk(work)
    steps = recorded(library, work, tmp_path / "journal", SCRIPT, mode)
    for number, step in enumerate(steps):
        disk.apply(step)
        yield disk, number, disk.live["acks"].live.decode().split() if "acks" in disk.live else []


def violations(folder, acknowledged):
    """Opens an installation after a crash; returns what is wrong with it, then lets the clients try again."""
    wrong = []
    with Rig(folder) as rig:
        wrong += [finding.text for finding in rig.findings] + [finding.text for finding in rig.audit()]
        for origin in (CALLS, OTHER):
            wrong += [finding.text for finding in check_sealed(rig.reader, rig.store, origin)]
        found = [entry.body["key"] for origin in (CALLS, OTHER) for entry in rig.reader.entries(origin)]
        wrong += [f"{key} was acknowledged and is lost" for key in ["before", *acknowledged] if key not in found]
        if wrong:
            return wrong
        again = {key: rig.writer.submit(command(key)) for key in keys()}
        for key, future in again.items():
            refused = future.exception(timeout=PATIENCE_S)
            assert isinstance(refused, ConflictError) == (key in found), key
        again = [entry.body["key"] for origin in (CALLS, OTHER) for entry in rig.reader.entries(origin)]
        if sorted(again) != sorted(["before", *keys()]):
            wrong.append(f"after trying again there is {again}")
        return wrong + [finding.text for finding in rig.audit()]


def opened_on(image, folder, acknowledged):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_image(folder, image)
    return violations(folder, acknowledged)


@pytest.mark.parametrize("how", ["kill", "power", "names"])
def test_a_crash_at_any_step_loses_nothing_that_was_acknowledged(library, base, tmp_path, how):
    steps, last, different = 0, None, 0
    for disk, number, acknowledged in crashes(library, base, tmp_path, "full"):
        image, steps = disk.image(how), steps + 1
        image.pop("acks", None)
        if (image, acknowledged) != last:  # a write that was not synced leaves the same disk to a power loss
            assert opened_on(image, tmp_path / "opened", acknowledged) == [], number
            last, different = (image, acknowledged), different + 1
    assert steps > 80
    assert different > 20
    assert last[1] == keys()


@pytest.mark.parametrize("mode", ["off", "eager"])
def test_these_checks_turn_red_where_durability_is_broken(library, base, tmp_path, mode):
    wrong = (
        opened_on(disk.image("power"), tmp_path / "opened", acknowledged)
        for disk, _number, acknowledged in crashes(library, base, tmp_path, mode)
        if acknowledged
    )
    found = list(itertools.chain.from_iterable(itertools.islice(wrong, 30)))
    assert any("was acknowledged and is lost" in text for text in found)

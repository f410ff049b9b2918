"""A disk that is full, or breaks while it syncs, at every call of a run: nothing that was acknowledged is missing.

A sync that fails takes the written pages with it: the system holds them for written, and a second sync has nothing to
do (as Linux does since 4.13). So whoever tries again, or starts again, must write again.
"""

import errno
import shutil
from pathlib import Path

import pytest

from safeconduct.ledger.export import export_files, verify_files
from safeconduct.ledger.rebuild import check_sealed
from safeconduct.ledger.trust import Trust
from support.crashing import keys
from support.disks import HERE, Disk, run_with, shim, steps_of, write_image
from support.failing import ROUNDS
from support.logs import CALLS, OTHER, Rig, add, signer
from support.scratch import in_memory

SCRIPT = HERE / "failing.py"
FOREVER = 1_000_000


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    with Rig(folder) as rig:
        rig.run(add("before", sealed={"request": "secret"}))
    return folder


class Round:
    """One of the two runs over a disk: its steps, what it acknowledged, what it was told, and the disk after it."""

    def __init__(self, disk, folder, number, name):
        beside = f"{folder / str(number)}.{name}"
        self.steps = list(steps_of(Path(f"{beside}.journal").read_bytes(), f"{folder / str(number)}/"))
        for step in self.steps:
            disk.apply(step)
        self.acknowledged = Path(f"{beside}.acks").read_text().split()
        self.told = Path(f"{beside}.told").read_text().splitlines()
        self.images = {how: disk.image(how) for how in ("kill", "power", "names")}


@pytest.fixture(scope="module")
def ran(library, base):
    """Returns a function that makes two runs for each failure."""

    def two_runs(failures, mode="sound"):
        with in_memory() as folder:
            run_with(library, SCRIPT, base, folder, mode, *(":".join(map(str, failure)) for failure in failures))
            for number, failure in enumerate(failures):
                disk = Disk(base)
                yield failure, [Round(disk, folder, number, name) for name in ROUNDS]

    return two_runs


@pytest.fixture
def scratch():
    with in_memory() as folder:
        yield folder / "disk"


def wrong(image, folder, acknowledged):
    """Opens what is on the disk; returns what is wrong with it or missing."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_image(folder, image)
    with Rig(folder) as rig:
        found = [finding.text for finding in [*rig.findings, *rig.audit()]]
        for origin in (CALLS, OTHER):
            files = (
                dict(export_files(rig.store, origin, signer(origin), payloads=True)) if rig.store.size(origin) else {}
            )
            trust = Trust(log=signer(origin).verifier)
            found += [one.text for one in verify_files(files.get, sorted(files), trust).findings] if files else []
            found += [finding.text for finding in check_sealed(rig.reader, rig.store, origin)]
        there = {entry.body["key"] for origin in (CALLS, OTHER) for entry in rig.reader.entries(origin)}
    return found + [f"{key} was acknowledged and is lost" for key in ["before", *acknowledged] if key not in there]


def broken(rounds, folder):
    """Returns what is wrong after each of the two runs, however the machine then ends."""
    promised = []
    for one in rounds:
        promised += one.acknowledged
        for how, image in one.images.items():
            yield from (f"{how}: {found}" for found in wrong(image, folder, promised))


@pytest.fixture(scope="module")
def undisturbed(ran):
    """A run without failures: it tells how many calls of each kind there are."""
    ((_failure, rounds),) = ran([("x", 1, 0, 0)])
    return rounds


def calls(undisturbed, op):
    return range(1, 1 + sum(step.op == op for step in undisturbed[0].steps))


def test_a_run_without_failures_acknowledges_all(undisturbed, scratch):
    assert [len(one.acknowledged) for one in undisturbed] == [12, 12]
    assert [one.told for one in undisturbed] == [[], []]
    assert list(broken(undisturbed, scratch)) == []


def test_after_a_failed_sync_nothing_is_missing_and_the_writer_takes_no_more(ran, undisturbed, scratch):
    numbers = calls(undisturbed, "s")
    assert len(numbers) > 12
    stopped = 0
    for failure, rounds in ran([("s", number, 1, errno.EIO) for number in numbers]):
        assert list(broken(rounds, scratch)) == [], failure
        first, second = rounds
        refused = [line.split()[-1] for line in first.told]
        stopped += refused[:1] == ["disk-failed"]
        if refused[:1] == ["disk-failed"]:  # from then on everything is refused, and what came before is the beginning
            assert set(refused) == {"disk-failed"}
            assert first.acknowledged == [f"first-{key}" for key in keys()][: 12 - len(refused)]
        assert len(second.acknowledged) == 12, (failure, second.told)
    assert stopped > 12


@pytest.mark.parametrize("times", [1, 3, FOREVER])
def test_on_a_full_disk_nothing_is_missing(ran, undisturbed, scratch, times):
    numbers = calls(undisturbed, "w")[:: 5 if times == 1 else 13]
    assert len(numbers) > 10
    for failure, rounds in ran([("w", number, times, errno.ENOSPC) for number in numbers]):
        assert list(broken(rounds, scratch)) == [], failure
        assert len(rounds[1].acknowledged) == 12, (failure, rounds[1].told)  # there is room again
        if times == 1 and failure[1] > 20:
            assert len(rounds[0].acknowledged) >= 4, (failure, rounds[0].told)


def test_these_checks_turn_red_where_a_start_trusts_what_it_can_read(ran, undisturbed, scratch):
    failures = [("s", number, 1, errno.EIO) for number in calls(undisturbed, "s")[-4:]]
    found = [one for _failure, rounds in ran(failures, mode="trusting") for one in broken(rounds, scratch)]
    assert any("was acknowledged and is lost" in one for one in found)

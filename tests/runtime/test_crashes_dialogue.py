"""Five hundred crashes, drawn by a seed, of a process that does every kind of write: each promise it gave holds.

After each the installation is opened as it always is, its logs are exported and verified with public keys alone, and
what was recorded as promised is looked for. SAFECONDUCT_SEED draws others; a red one names its seed, step and kind.
"""

import os
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from safeconduct.adapters.files import file_name, write_secret
from safeconduct.bootstrap.backup import verify
from safeconduct.bootstrap.installation import opened
from safeconduct.kernel.errors import UnavailableError
from safeconduct.ledger.export import export_files, verify_files
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.trust import Trust
from safeconduct.runtime.abandoning import abandon_open_calls
from support.dialogue import BACKUP, DAMAGED, HOUSE, MIRROR, OTHER_KEYS
from support.disks import HERE, Disk, recorded, shim, write_image
from support.gateway_world import INSTALLATION, SIGNERS
from support.logs import CALLS, Counting, Rig, add, sqlite_keys
from support.patience import PATIENCE_S
from support.programs import WITNESS
from support.recovering import mirrored, recovered
from support.scratch import in_memory

SCRIPT = HERE / "dialogue.py"
POINTS = 500
PARTS = 4  # so that each takes its turn on a core
SEED = int(os.environ.get("SAFECONDUCT_SEED", "20261121"))
KINDS = ("kill", "power", "names")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """What was there before: an installation without entries, and one that is behind its head and damaged."""
    folder = tmp_path_factory.mktemp("base")
    for name in (f"{HOUSE}/log-keys", f"{HOUSE}/raw", OTHER_KEYS, DAMAGED):
        (folder / name).mkdir(parents=True)
    for number, origin in enumerate(SIGNERS):
        write_secret(folder / HOUSE / "log-keys" / file_name(origin), SecretKey(bytes([number]) * 32).text)
    with Rig(folder / DAMAGED) as rig:
        rig.fill(20)
        rig.run(add("sealed", sealed={"request": "secret"}))
        mirrored(rig, folder / MIRROR)
    with sqlite3.connect(folder / DAMAGED / "safeconduct.db") as connection:
        connection.execute("DELETE FROM entries WHERE idx IN (3, 20)")
        connection.execute("UPDATE tiles SET hashes = zeroblob(5)")
    connection.close()
    (folder / DAMAGED / "heads" / file_name(CALLS)).unlink()
    return folder


def journal(library, base, tmp_path, mode):
    """Returns the disk before the recorded process, and its steps."""
    work = tmp_path / "work"
    shutil.copytree(base, work)
    disk = Disk(work)
    return disk, recorded(library, work, tmp_path / "journal", SCRIPT, mode)


@pytest.fixture(scope="module")
def recording(library, base, tmp_path_factory):
    """Returns a function that gives the disk before and the steps, both to be used once."""
    tmp_path = tmp_path_factory.mktemp("recording")
    _disk, steps = journal(library, base, tmp_path, "full")
    return lambda: (Disk(base), steps)


@pytest.fixture
def scratch():
    with in_memory() as folder:
        yield folder / "disk"


def promises(disk):
    """Returns the promises given so far, by what they are of."""
    given = {}
    for line in disk.live["acks"].live.decode().splitlines() if "acks" in disk.live else ():
        kind, *rest = line.split()
        given.setdefault(kind, []).append(rest)
    return given


def broken(folder, given):
    """Opens all that a crash left; yields each promise that does not hold and all else that is wrong."""
    yield from broken_logs(folder / HOUSE, given)
    yield from broken_keys(folder / OTHER_KEYS, given)
    if "backup" in given:
        yield from verify(folder / BACKUP, SIGNERS[INSTALLATION].verifier).findings
    plans = recovered(folder / DAMAGED, calls=folder / MIRROR)
    if "recovered" in given and plans:
        yield f"the recovered log is damaged in {plans}"
    with Rig(folder / DAMAGED) as rig:
        yield from (finding.text for finding in [*rig.findings, *rig.audit()])
        if [entry.body["n"] for entry in rig.reader.entries(CALLS, 0, 20)] != list(range(20)):
            yield "an entry was not recovered"


def broken_logs(house, given):
    with opened(house) as installation:
        yield from (finding.text for finding in installation.findings)
        yield from (finding.text for log in installation.logs.verify() for finding in log.findings)
        for origin in installation.log.origins():
            with installation.logs.frozen() as frozen:
                yield from outside(dict(export_files(frozen, origin, SIGNERS[origin], payloads=True)), origin)
        there = {entry.id for origin in installation.log.origins() for entry in installation.log.entries(origin)}
        yield from (f"{entry} was promised and is lost" for (entry,) in given.get("entry", ()) if entry not in there)
        for origin, size in given.get("cosigned", ()):
            if int(size) > installation.log.cosigned_size(origin, WITNESS.verifier):
                yield f"the cosignature at {size} was promised and is lost"
        installation.writer.submit(lambda tx: abandon_open_calls(tx, "the next")).result(timeout=PATIENCE_S)
        yield from (finding.text for log in installation.logs.verify() for finding in log.findings)


def outside(files, origin):
    """Verifies an export with public keys alone."""
    trust = Trust(log=SIGNERS[origin].verifier, witnesses=(WITNESS.verifier,))
    yield from (finding.text for finding in verify_files(files.get, sorted(files), trust).findings)


def broken_keys(folder, given):
    keys = sqlite_keys(folder, Counting("after"))
    gone = {one for (one,) in given.get("destroyed", ())}
    for (one,) in given.get("key", ()):
        found = keys.get(one)
        if found is None and one not in gone and one != given["key"][-1][0]:
            yield f"the key {one} was promised and is lost"
        if found is not None and one in gone:
            yield f"the key {one} was destroyed and is there"
    keys.close()


def drawn(steps, part):
    """Returns one part of the crashes: pairs of step and kind, in order, each at most once."""
    every = [(step, kind) for step in range(len(steps)) for kind in KINDS]
    points = random.Random(SEED).sample(every, POINTS)  # noqa: S311 - it is to be the same each time
    return sorted(points[part::PARTS])


@pytest.mark.parametrize("part", range(PARTS))
def test_what_was_promised_holds_after_each_crash(recording, scratch, part):
    disk, steps = recording()
    points = drawn(steps, part)
    assert len(points) == POINTS // PARTS
    done = 0
    for step, kind in points:
        for one in steps[done : step + 1]:
            disk.apply(one)
        done = step + 1
        assert list(found_in(disk, kind, scratch)) == [], f"seed {SEED}, step {step} of {len(steps)}, {kind}"


def test_the_recorded_process_did_every_kind_of_write(recording):
    disk, steps = recording()
    for step in steps:
        disk.apply(step)
    assert len(steps) > 600
    assert promises(disk).keys() == {"entry", "cosigned", "key", "destroyed", "backup", "recovered"}
    written = {Path(step.path).parts[:2] for step in steps if step.op == "w"}
    for where in [
        *((HOUSE, name) for name in ("safeconduct.db", "safeconduct.db-wal", "keys.db-wal", "kek", "heads")),
        *((DAMAGED, name) for name in ("safeconduct.db-wal", "heads")),
        *((OTHER_KEYS, name) for name in ("keys.db", "keys.db-wal", "kek")),
        *((BACKUP, name) for name in ("safeconduct.db", "heads", "manifest.new")),
    ]:
        assert where in written, where
    assert {step.op for step in steps} == set("cwtsru")


@pytest.mark.parametrize("mode", ["off", "boasting"])
def test_these_checks_turn_red_where_a_promise_comes_too_early(library, base, tmp_path, scratch, mode):
    disk, steps = journal(library, base, tmp_path, mode)
    done, found = 0, []
    for step in sorted(random.Random(SEED).sample(range(len(steps)), 40)):  # noqa: S311 - as above
        for one in steps[done : step + 1]:
            disk.apply(one)
        done = step + 1
        found += found_in(disk, "power", scratch)
    assert any("was promised and is lost" in one for one in found)


def found_in(disk, kind, scratch):
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for name in (f"{HOUSE}/log-keys", f"{HOUSE}/raw", OTHER_KEYS):
        (scratch / name).mkdir(parents=True)
    image = disk.image(kind)
    image.pop("acks", None)
    write_image(scratch, image)
    try:
        yield from broken(scratch, promises(disk))
    except UnavailableError as error:
        yield f"{error.code}: {error.message}"

"""Yesterday's backup is put back: the database alone, with its heads, and everything that the house has.

The house can tell the first by itself. The others only the partner can tell - its witness at once, its mirror at the
next pull - and only from the partner can the log be taken back.
"""

import shutil

import pytest

from safeconduct.adapters.mirror import pull
from safeconduct.adapters.witness import WitnessFolder
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.ledger.export import export_files
from safeconduct.ledger.witness import CONFLICT, Submission
from support.logs import CALLS, OTHER, Clock, Counting, Rig, add, signer
from support.outside import wrong_from_outside
from support.recovering import TRUST, exported, mirrored, recovered

BEFORE, AFTER = 5, 8
PARTS = {
    "database": ["safeconduct.db"],
    "database and heads": ["safeconduct.db", "heads"],
    "everything": ["safeconduct.db", "heads", "keys.db", "kek"],
}


def put_back(backup, live, names):
    for name in names:
        if (live / name).is_dir():
            shutil.rmtree(live / name)
            shutil.copytree(backup / name, live / name)
        else:
            shutil.copy(backup / name, live / name)


def submitted(witness, rig, old):
    """Asks the witness for the log's present head; returns its answer."""
    signed = rig.reader.checkpoint(CALLS)
    proof = rig.reader.consistency(CALLS, old, signed.checkpoint.size) if old <= signed.checkpoint.size else []
    return witness.add_checkpoint(Submission(old, tuple(proof), signed).encoded)


@pytest.fixture
def house(tmp_path):
    """An installation whose partner saw and copied all of it, and its backup from before."""
    live = tmp_path / "live"
    live.mkdir()
    with Rig(live) as rig:
        rig.run(add("other", OTHER))
        rig.fill(BEFORE)
    shutil.copytree(live, tmp_path / "backup")
    WitnessFolder.create(tmp_path / "w", "partner.example/witness", Counting())
    witness = WitnessFolder(tmp_path / "w", Clock())
    witness.trust(signer().verifier)
    with Rig(live) as rig:
        rig.fill(AFTER - BEFORE - 1, start=BEFORE)
        rig.run(add("sealed", sealed={"request": "secret"}))
        assert submitted(witness, rig, 0).status == 200
        mirrored(rig, tmp_path / "mirror")
        exported(rig, tmp_path / "export")
    return tmp_path, witness


@pytest.mark.parametrize("parts", PARTS)
def test_a_restored_backup_is_told_and_taken_back(house, parts):
    folder, witness = house
    live = folder / "live"
    put_back(folder / "backup", live, PARTS[parts])
    with Rig(live) as rig:
        assert {finding.code for finding in rig.findings} == ({"log-behind-head"} if parts == "database" else set())
        answer = submitted(witness, rig, BEFORE)
        assert (answer.status, answer.body) == (CONFLICT, f"{AFTER}\n")
        files = dict(export_files(rig.store, CALLS, signer(), payloads=False))
        with pytest.raises(UnavailableError) as told:
            pull(files.__getitem__, folder / "mirror", TRUST[CALLS])
        assert told.value.code == "log-rolled-back"
    recovered(live, calls=folder / "export")
    with Rig(live) as rig:
        assert rig.findings == []
        assert rig.store.size(CALLS) == AFTER + 1
        assert submitted(witness, rig, AFTER).status == 200
        mirrored(rig, folder / "mirror")
        lost = [text for text in wrong_from_outside(rig) if "request" not in text and "data key" not in text]
        assert lost == []
        assert (wrong_from_outside(rig) == []) == (parts != "everything")  # a data key made since is in no backup


@pytest.mark.parametrize("parts", ["database and heads", "everything"])
def test_what_is_written_on_a_restored_backup_is_a_fork_that_nobody_takes(house, parts):
    folder, witness = house
    live = folder / "live"
    put_back(folder / "backup", live, PARTS[parts])
    with Rig(live) as rig:
        rig.fill(AFTER - BEFORE, start=500)
        assert submitted(witness, rig, AFTER).status == CONFLICT
        files = dict(export_files(rig.store, CALLS, signer(), payloads=False))
        with pytest.raises(UnavailableError) as told:
            pull(files.__getitem__, folder / "mirror", TRUST[CALLS])
        assert told.value.code == "log-forked"
    with pytest.raises(SafeconductError) as refused:
        recovered(live, calls=folder / "mirror")
    assert refused.value.code == "log-forked"

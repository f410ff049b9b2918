"""A partner's mirror follows a log through its keys, knowing only the first one."""

from dataclasses import replace

import pytest

from safeconduct.adapters.mirror import pull
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.checkpoints import parse_checkpoint
from safeconduct.ledger.export import export_files
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.log_events import KEY_ROTATED, OVERLAP, KeyRotated
from safeconduct.ledger.log_events import PROJECTIONS as LOGS
from safeconduct.ledger.notes import Note, NoteError, NoteSigner
from safeconduct.ledger.proofs import encode_proof, follow, verify_proof
from safeconduct.ledger.rotation import sign_succession
from safeconduct.ledger.tiles import CHECKPOINT_PATH
from safeconduct.ledger.trust import Trust
from support.logs import CALLS, PROJECTIONS, START, Rig, signer

FIRST, SECOND = signer(CALLS), NoteSigner(CALLS, SecretKey(bytes([2] * 32)))
KNOWN = Trust(log=FIRST.verifier)


@pytest.fixture
def made():
    signers = {one.verifier: one for one in (FIRST, SECOND)}
    with Rig(projections={**PROJECTIONS, **LOGS}, signer_of=signers.__getitem__) as rig:
        rig.fill(300)
        yield rig


def rotate(made):
    event = KeyRotated(
        statement=sign_succession(FIRST, SECOND),
        old=FIRST.verifier.text,
        new=SECOND.verifier.text,
        request="01K9ZZZZZZZZZZZZZZZZZZZZZZ",
    )
    return made.run(lambda tx: tx.append(CALLS, KEY_ROTATED.draft(event))).value.id


def fetch_of(made, **changed):
    files = dict(export_files(made.store, CALLS, FIRST, payloads=False)) | changed
    return files.__getitem__


def stolen(made):
    """Returns the log's checkpoint as whoever has the old key alone would sign it."""
    note = parse_checkpoint(made.store.checkpoint(CALLS)).note
    return Note(note.text, (FIRST.sign(note.text),)).encoded.encode()


def after_overlap(made):
    made.clock.time = START + OVERLAP
    made.fill(5, start=1000)


def test_a_mirror_goes_on_with_the_new_key_when_the_old_one_signs_no_more(made, tmp_path):
    pull(fetch_of(made), tmp_path, KNOWN)
    rotate(made)
    assert pull(fetch_of(made), tmp_path, KNOWN).size == 301
    assert pull(fetch_of(made), tmp_path, KNOWN).before == 301
    after_overlap(made)
    assert pull(fetch_of(made), tmp_path, KNOWN).size == 306
    assert pull(fetch_of(made), tmp_path, replace(KNOWN, log=SECOND.verifier)).size == 306


def test_a_mirror_that_holds_the_rotation_refuses_what_the_old_key_alone_signed(made, tmp_path):
    rotate(made)
    pull(fetch_of(made), tmp_path, KNOWN)
    made.fill(5, start=1000)
    forged = fetch_of(made, **{CHECKPOINT_PATH: stolen(made)})
    with pytest.raises(NoteError):
        pull(forged, tmp_path, KNOWN)
    assert pull(fetch_of(made), tmp_path, KNOWN).before == 301


def test_the_pull_that_brings_the_rotation_needs_the_new_key_already(made, tmp_path):
    pull(fetch_of(made), tmp_path, KNOWN)
    rotate(made)
    forged = fetch_of(made, **{CHECKPOINT_PATH: stolen(made)})
    with pytest.raises(NoteError):
        pull(forged, tmp_path, KNOWN)
    assert pull(fetch_of(made), tmp_path, KNOWN).before == 300  # nothing of it was kept


def test_who_slept_through_the_overlap_goes_on_with_the_evidence(made, tmp_path):
    pull(fetch_of(made), tmp_path, KNOWN)
    evidence = rotate(made)
    after_overlap(made)
    with pytest.raises(InvalidInputError):
        pull(fetch_of(made), tmp_path, KNOWN)
    proof = encode_proof(made.reader.evidence(evidence)).encode()
    assert pull(fetch_of(made), tmp_path, follow(proof, KNOWN)).size == 306
    with pytest.raises(NoteError):
        verify_proof(proof, KNOWN)
    assert verify_proof(proof, follow(proof, KNOWN)).entry.id == evidence

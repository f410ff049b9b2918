"""Evidence files: what proves an entry, and what does not."""

import pytest

from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.merkle import ProofError
from safeconduct.ledger.notes import NoteError
from safeconduct.ledger.proofs import PROOF_FILE_BYTES_MAX, encode_proof, verify_proof
from safeconduct.ledger.trust import Trust
from support.logs import CALLS, Rig, add, cosigner, signer

TRUST = Trust(log=signer().verifier, witnesses=(cosigner().verifier,))


@pytest.fixture(scope="module")
def proofs():
    """The evidence files of a small log whose latest checkpoint is cosigned."""
    with Rig() as rig:
        rig.fill(9)
        rig.run(add("last", sealed={"request": "secret"}))
        signed = rig.reader.checkpoint(CALLS)
        note = signed.note.with_signatures([cosigner().cosign(signed.note.text, 1_795_248_000)])
        rig.writer.keep_cosigned(SignedCheckpoint(signed.checkpoint, note), cosigner().verifier)
        return [encode_proof(rig.reader.evidence(e.id)).encode() for e in rig.reader.entries(CALLS)]


def test_each_entry_is_proven(proofs):
    for index, text in enumerate(proofs):
        proven = verify_proof(text, TRUST)
        assert (proven.entry.index, proven.entry.origin) == (index, CALLS)
        assert proven.checkpoint.checkpoint.size == 10
        assert proven.cosigned_by == ("partner.example/witness",)
    assert proofs[9].startswith(b"c2sp.org/tlog-proof@v1\nextra ")
    assert b"secret" not in proofs[9]


def test_every_flipped_bit_is_noticed(proofs):
    for text in (proofs[0], proofs[9]):
        for bit in range(0, len(text) * 8, 3):
            damaged = bytearray(text)
            damaged[bit // 8] ^= 1 << bit % 8
            with pytest.raises((ProofError, NoteError)):
                verify_proof(bytes(damaged), TRUST)


def test_evidence_for_one_entry_is_none_for_another(proofs):
    one, other = proofs[2].split(b"\n"), proofs[3].split(b"\n")
    swapped = [one[0], other[1], *one[2:]]
    with pytest.raises(ProofError, match="another root"):
        verify_proof(b"\n".join(swapped), TRUST)


def test_whose_signatures_count(proofs):
    with pytest.raises(NoteError, match="by no known key"):
        verify_proof(proofs[0], Trust(log=signer().verifier))
    with pytest.raises(NoteError):
        verify_proof(proofs[0], Trust(log=signer("example.com/other").verifier))


@pytest.mark.parametrize("text", [b"", b"c2sp.org/tlog-proof@v1\n", b"\xff\n\n", b"x" * (PROOF_FILE_BYTES_MAX + 1)])
def test_what_is_no_evidence(text):
    with pytest.raises(ProofError):
        verify_proof(text, TRUST)


def test_an_index_has_one_form(proofs):
    for bad in (b"index 02", b"index -2", b"index two", b"number 2"):
        with pytest.raises(ProofError):
            verify_proof(proofs[2].replace(b"index 2", bad), TRUST)

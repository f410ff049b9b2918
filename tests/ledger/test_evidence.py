"""Evidence against a log: what two checkpoints show, and that who lacks the log's key can make none."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.ledger import merkle
from safeconduct.ledger.checkpoints import Checkpoint, SignedCheckpoint, sign_checkpoint
from safeconduct.ledger.evidence import (
    EVIDENCE_BYTES_MAX,
    Claim,
    Evidence,
    EvidenceError,
    against,
    contradicts,
    fork,
    parse_evidence,
)
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import Note, NoteSigner
from safeconduct.ledger.witness import Submission
from support.logs import CALLS, cosigner, signer

LOG = signer().verifier
HONEST = [merkle.leaf_hash(bytes([n])) for n in range(40)]
SIZES = st.integers(1, 40)


def tree(hashes):
    def subtree(height, number):
        edge = merkle.Frontier()
        for node in hashes[number << height : (number + 1) << height]:
            edge.append(node)
        return edge.root()

    return subtree


def rewritten(at):
    return [*HONEST[:at], merkle.leaf_hash(b"another"), *HONEST[at + 1 :]]


def signed(size, hashes=HONEST, by=None):
    return sign_checkpoint(Checkpoint(CALLS, size, merkle.root(size, tree(hashes))), by or signer())


def proof(old, new, hashes):
    return tuple(merkle.consistency_proof(old, new, tree(hashes)))


def shown_by(old, new, hashes, held=HONEST):
    """What the larger of two trees shows against a smaller one."""
    return fork(signed(old, held), signed(new, hashes), merkle.root(old, tree(hashes)), proof(old, new, hashes))


def test_the_file_golden():
    assert fork(signed(3), signed(3, rewritten(1))).encoded == (
        f"safeconduct/evidence@v1\nclaim forked\n\n{signed(3).encoded}\n{signed(3, rewritten(1)).encoded}"
    )


@given(SIZES, SIZES, st.integers(0, 39))
def test_a_rewritten_entry_is_shown_by_any_two_sizes_that_cover_it(one, other, at):
    old, new = sorted((one, other))
    evidence = shown_by(old, new, rewritten(at))
    assert (evidence is not None) == (at < old)
    if evidence is not None:
        assert parse_evidence(evidence.encoded.encode(), LOG) == evidence
        swapped = replace(evidence, held=evidence.shown, shown=evidence.held)
        assert parse_evidence(swapped.encoded.encode(), LOG).proven


@given(SIZES, SIZES)
def test_honest_checkpoints_never_contradict_each_other(one, other):
    old, new = sorted((one, other))
    assert shown_by(old, new, HONEST) is None
    assert fork(signed(old), signed(new)) is None


@given(SIZES, SIZES, st.binary(min_size=32, max_size=32), st.lists(st.binary(min_size=32, max_size=32), max_size=8))
def test_no_proof_that_others_make_up_turns_two_honest_checkpoints_into_a_fork(one, other, root, nodes):
    forged = Evidence(
        claim=Claim.FORKED, held=signed(min(one, other)), shown=signed(max(one, other)), root=root, proof=tuple(nodes)
    )
    with pytest.raises(EvidenceError):
        parse_evidence(forged.encoded.encode(), LOG)


@given(st.integers(0, 4000), st.integers(0, 7))
def test_no_flipped_bit_leaves_other_evidence(at, bit):
    evidence = shown_by(3, 9, rewritten(1))
    raw = bytearray(evidence.encoded.encode())
    raw[at % len(raw)] ^= 1 << bit
    with pytest.raises(EvidenceError):
        parse_evidence(bytes(raw), LOG)


def test_another_s_signature_shows_nothing():
    stranger = NoteSigner(CALLS, SecretKey(bytes(32)))
    forged = Evidence(claim=Claim.FORKED, held=signed(3), shown=signed(3, rewritten(1), by=stranger))
    with pytest.raises(EvidenceError, match="did not sign"):
        parse_evidence(forged.encoded.encode(), LOG)
    assert parse_evidence(forged.encoded.encode(), LOG, stranger.verifier).proven  # two keys of one log
    witness = cosigner()
    text = signed(3, rewritten(1)).note.text
    unsigned = SignedCheckpoint(Checkpoint(CALLS, 3, bytes(32)), Note(text, (witness.cosign(text, 5),)))
    with pytest.raises(EvidenceError, match="did not sign"):
        parse_evidence(Evidence(claim=Claim.FORKED, held=signed(3), shown=unsigned).encoded.encode(), LOG)


def test_checkpoints_of_two_logs_show_nothing():
    other = signer("example.com/other")
    signed_other = sign_checkpoint(Checkpoint("example.com/other", 3, bytes(32)), other)
    forged = Evidence(claim=Claim.FORKED, held=signed(3), shown=signed_other)
    for keys in ((LOG,), (LOG, other.verifier)):
        with pytest.raises(EvidenceError):
            parse_evidence(forged.encoded.encode(), *keys)


def test_a_rollback_is_hearsay_and_said_to_be():
    evidence = against(Submission(0, (), signed(3)), signed(9), (LOG,))
    again = parse_evidence(evidence.encoded.encode(), LOG)
    assert (again.claim, again.proven) == (Claim.ROLLED_BACK, False)
    assert "whoever kept this says" in again.text
    for held, shown in ((3, 9), (9, 9)):
        forged = Evidence(claim=Claim.ROLLED_BACK, held=signed(held), shown=signed(shown))
        with pytest.raises(EvidenceError, match="from a larger to a smaller"):
            parse_evidence(forged.encoded.encode(), LOG)
    # One file a log, else anybody could fill a disk with old checkpoints; of each fork its own.
    assert evidence.name == against(Submission(0, (), signed(4)), signed(9), (LOG,)).name
    assert shown_by(3, 9, rewritten(1)).name != shown_by(3, 9, rewritten(2)).name


@pytest.mark.parametrize(("old", "shows"), [(3, True), (5, True), (9, True), (1, False), (4, False), (8, False)])
def test_a_submission_from_a_forked_tree_shows_the_fork_itself(old, shows):
    # The root of the old tree is no part of the proof where its size is a power of two.
    forked = Submission(old, proof(old, 20, rewritten(0)), signed(20, rewritten(0)))
    evidence = against(forked, signed(old), (LOG,))
    assert (evidence is not None and evidence.proven) == shows


def test_a_submission_with_a_proof_that_fails_shows_nothing():
    held = signed(5)
    for bad in ((), proof(4, 20, HONEST), (bytes(32),) * 5):
        assert against(Submission(5, bad, signed(20)), held, (LOG,)) is None
    assert against(Submission(5, proof(5, 20, HONEST), signed(20)), held, (LOG,)) is None
    assert against(Submission(4, proof(4, 20, rewritten(0)), signed(20, rewritten(0))), held, (LOG,)) is None
    assert against(Submission(0, (), signed(20)), None, (LOG,)) is None


def test_lines_of_strangers_are_not_carried_along():
    stuffed = signed(3, rewritten(1))
    stuffed = SignedCheckpoint(stuffed.checkpoint, stuffed.note.with_signatures([cosigner("x").cosign("x\n", 5)]))
    assert "— x " not in against(Submission(3, (), stuffed), signed(3), (LOG,)).encoded


def test_the_keeper_of_a_log_is_told_by_what_its_own_key_signed():
    fork_of_it = fork(signed(5), signed(5, rewritten(1))).encoded.encode()
    rollback = against(Submission(0, (), signed(3)), signed(9), (LOG,)).encoded.encode()
    mine = signed(3).checkpoint
    assert contradicts(fork_of_it, mine, LOG)
    assert contradicts(rollback, mine, LOG)
    assert not contradicts(rollback, signed(9).checkpoint, LOG)
    assert not contradicts(rollback, signed(12).checkpoint, LOG)
    assert contradicts(rollback, signed(9, rewritten(1)).checkpoint, LOG)
    assert not contradicts(rollback, mine, NoteSigner(CALLS, SecretKey(bytes(32))).verifier)
    assert not contradicts(b"", mine, LOG)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("safeconduct/evidence@v1", "safeconduct/evidence@v2"),
        ("claim forked", "claim guilty"),
        ("claim forked\n", "claim forked\nclaim forked\n"),
        ("root ", "root  "),
        ("root ", "roof "),
        ("\n\n", "\n\n\n"),
        ("\n\n", "\n"),
    ],
)
def test_malformed_evidence(old, new):
    text = shown_by(3, 9, rewritten(1)).encoded
    with pytest.raises(EvidenceError):
        parse_evidence(text.replace(old, new, 1).encode(), LOG)


def test_the_limits_at_their_edge_and_one_beyond():
    text = shown_by(3, 9, rewritten(1)).encoded
    lines = "A" * 43 + "=\n"
    with pytest.raises(EvidenceError, match="not shown to be in the larger tree"):
        parse_evidence(text.replace("\n\n", "\n" + lines * (63 - len(proof(3, 9, HONEST))) + "\n", 1).encode(), LOG)
    with pytest.raises(EvidenceError, match="at most 63 proof lines"):
        parse_evidence(text.replace("\n\n", "\n" + lines * (64 - len(proof(3, 9, HONEST))) + "\n", 1).encode(), LOG)
    with pytest.raises(EvidenceError, match="separated by empty lines"):
        parse_evidence(b"x" * EVIDENCE_BYTES_MAX, LOG)
    with pytest.raises(EvidenceError, match="at most 135168 bytes"):
        parse_evidence(b"x" * (EVIDENCE_BYTES_MAX + 1), LOG)

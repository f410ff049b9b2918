"""Receipts as bytes: what is signed, what ties a leaf to it, and every way in which a made-up one fails."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import EntryId, Origin, ulid_text
from safeconduct.kernel.instants import Instant
from safeconduct.ledger import merkle
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.merkle import ProofError
from safeconduct.ledger.notes import KEY_NAME_CHARS_MAX, NoteError, NoteSigner
from safeconduct.ledger.ports import NewEntry
from safeconduct.ledger.receipts import (
    DEADLINE_S,
    RECEIPT_BYTES_MAX,
    BatchTree,
    deadline_of,
    decode_receipt,
    encode_receipt,
    make_receipts,
    parse_promise,
    parse_receipt,
    receipt_text,
    verify_receipt,
)
from safeconduct.runtime.queued import BATCH_MAX
from support.logs import CALLS, OTHER, signer

HEADER_BYTES_MAX = 2048  # what a receipt may add to an answer's headers
KEY = SecretKey(bytes(range(32)))
WORKER = NoteSigner("worker.example/1", KEY)


def entries(count):
    hashes = (hashlib.sha256(str(n).encode()).digest() for n in range(count))
    return [NewEntry(EntryId(ulid_text(n)), b"", leaf, {}) for n, leaf in enumerate(hashes)]


def receipts(count=5, *, origin=CALLS, floor=7, by=None):
    by = by or signer(origin)
    return make_receipts(entries(count), origin, floor=floor, deadline_s=1_764_000_010, signer=by)


def test_the_bytes_of_a_receipt_are_pinned():
    receipt = receipts(3)[2]
    text = (
        "safeconduct/batch/v1\nsafeconduct.example/demo/ag-1\n7\n1764000010\n3\n"
        "D7DInzGDHDNOTN62ntIkW7WXFSGci3qG8N3Pk8sanIs=\n"
    )
    assert receipt.batch == f"{text}\n{signer().sign(text).line}"
    leaf, path = "1HNeOiZeFu7gP1lxi5tdAwGcB9i2xR+Q2jpmbuwTqzU=", ("d1khpOQo1XaJVe5EDIHRk5YGQcOlssH3GRb86+KF4sU=")
    assert receipt_text(receipt) == (
        f"entry=00000000000000000000000002;leaf={leaf};position=2;path={path};"
        f"batch={base64.b64encode(receipt.batch.encode()).decode()}"
    )
    assert encode_receipt(receipt) == (
        f"safeconduct/receipt@v1\n00000000000000000000000002\n{leaf}\n2\n{path}\n\n{receipt.batch}"
    )


@given(st.integers(1, 70), st.data())
def test_every_leaf_of_a_batch_is_tied_to_its_note(count, data):
    position = data.draw(st.integers(0, count - 1))
    receipt = receipts(count)[position]
    assert receipt.index == 7 + position
    promise = verify_receipt(receipt, [signer().verifier])
    assert (promise.floor, promise.count, promise.deadline_s) == (7, count, 1_764_000_010)
    assert parse_receipt(receipt_text(receipt)) == receipt == decode_receipt(encode_receipt(receipt))


@given(st.integers(1, 300))
def test_the_small_tree_is_that_of_rfc_6962(count):
    leaves = [entry.hash for entry in entries(count)]
    whole = merkle.Frontier()
    for leaf in leaves:
        whole.append(leaf)
    tree = BatchTree(leaves)
    assert tree.root == whole.root()
    assert len(tree.paths()) == count
    for position, path in enumerate(tree.paths()):
        merkle.verify_inclusion(position, count, leaves[position], path, tree.root)


def test_a_worker_s_receipt_says_no_place():
    receipt = receipts(by=WORKER)[3]
    assert receipt.index is None
    assert verify_receipt(receipt, [signer().verifier, WORKER.verifier]).floor == 7
    with pytest.raises(NoteError, match="no trusted key"):
        verify_receipt(receipt, [signer().verifier])


FORGED = {
    "another leaf": {"leaf_hash": bytes(32)},
    "another position": {"position": 1},
    "a position beyond the batch": {"position": 5},
    "a shorter path": {"path": ()},
    "another log": {"origin": OTHER},
    "another index": {"index": 8},
    "no index": {"index": None},
    "a floor that was not signed": {"batch": receipts()[0].batch.replace("\n7\n", "\n8\n")},
    "a deadline that was not signed": {"batch": receipts()[0].batch.replace("\n1764000010\n", "\n1764000009\n")},
    "another log's note": {"batch": receipts(origin=OTHER)[0].batch},
    "another note's signature": {
        "batch": receipts()[0].batch.partition("\n\n")[0] + "\n\n" + receipts(4)[0].batch.partition("\n\n")[2]
    },
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_a_forged_receipt_is_not_believed(change):
    receipt = receipts()[0]
    verify_receipt(receipt, [signer().verifier])
    with pytest.raises((ProofError, NoteError)):
        verify_receipt(receipt._replace(**change), [signer().verifier])


def test_a_checkpoint_is_no_promise_and_a_promise_no_checkpoint():
    note = receipts()[0].batch
    twice = note + note.rpartition("\n\n")[2]
    for bad in (note.replace("batch", "export"), note.replace("\n5\n", "\n0\n", 1), twice):
        with pytest.raises(NoteError):
            parse_promise(bad)


@pytest.mark.parametrize("text", ["", "entry=a", receipt_text(receipts()[0])[:-4], receipt_text(receipts()[0]) + "="])
def test_what_is_no_receipt(text):
    with pytest.raises(InvalidInputError):
        parse_receipt(text)


@pytest.mark.parametrize("cut", [0, 10, 60, -2])
def test_a_cut_file_is_no_receipt(cut):
    with pytest.raises(InvalidInputError):
        decode_receipt(encode_receipt(receipts()[0])[:cut])


def test_a_header_stays_small():
    origin = Origin("o" * KEY_NAME_CHARS_MAX)
    longest = NoteSigner(origin, KEY)
    made = make_receipts(entries(BATCH_MAX), origin, floor=2**40, deadline_s=2**40, signer=longest)
    assert max(len(receipt_text(receipt)) for receipt in made) <= HEADER_BYTES_MAX


def test_a_receipt_has_a_limit():
    receipt = receipts()[0]
    padded = receipt._replace(path=(bytes(32),) * 120)
    for text, read in ((receipt_text(padded), parse_receipt), (encode_receipt(padded), decode_receipt)):
        assert len(text) > RECEIPT_BYTES_MAX
        with pytest.raises(InvalidInputError):
            read(text)


def test_a_deadline_is_a_whole_second_and_never_early():
    assert deadline_of(Instant(5_000_000)) == 5 + DEADLINE_S
    assert deadline_of(Instant(5_000_001)) == 6 + DEADLINE_S

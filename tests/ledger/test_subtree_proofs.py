"""Subtree consistency proofs against the proofs that they generalize, and what no proof may show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.ledger import merkle
from safeconduct.ledger.merkle import ProofError
from safeconduct.ledger.subtree_proofs import Part, subtree_proof, verify_subtree

HASHES = [merkle.leaf_hash(number.to_bytes(2)) for number in range(600)]


def run_hash(start, end):
    edge = merkle.Frontier()
    for node in HASHES[start:end]:
        edge.append(node)
    return edge.root()


def subtree(height, number):
    return run_hash(number << height, (number + 1) << height)


@st.composite
def subtrees(draw):
    size = draw(st.integers(1, 600))
    height = draw(st.integers(0, 9))
    start = draw(st.integers(0, (size - 1) >> height)) << height
    end = draw(st.integers(start + 1, min(size, start + (1 << height))))
    return start, end, size


@given(subtrees())
def test_every_subtree_is_proven_and_nothing_else(drawn):
    start, end, size = drawn
    proof, node, root = subtree_proof(Part(start, end, size), subtree), run_hash(start, end), run_hash(0, size)
    verify_subtree(Part(start, end, size), proof, node, root)
    for wrong in (
        (Part(start, end, size), proof, bytes(32), root),
        (Part(start, end, size), proof, node, bytes(32)),
        (Part(start, end, size), [*proof, bytes(32)], node, root),
        (Part(start, end, size), proof[1:], node, root) if proof else (Part(start, end, size), [bytes(32)], node, root),
        *((Part(start, end, size), [*proof[:at], bytes(32), *proof[at + 1 :]], node, root) for at in range(len(proof))),
    ):
        with pytest.raises(ProofError):
            verify_subtree(*wrong)


@given(st.integers(1, 600), st.data())
def test_from_the_first_leaf_it_is_a_consistency_proof(size, data):
    old = data.draw(st.integers(1, size))
    assert subtree_proof(Part(0, old, size), subtree) == merkle.consistency_proof(old, size, subtree)


@given(st.integers(1, 600), st.data())
def test_of_one_leaf_it_is_an_audit_path(size, data):
    index = data.draw(st.integers(0, size - 1))
    assert subtree_proof(Part(index, index + 1, size), subtree) == merkle.inclusion_proof(index, size, subtree)


@pytest.mark.parametrize(("start", "end", "size"), [(0, 0, 5), (-1, 1, 5), (0, 6, 5), (1, 3, 5), (2, 5, 5), (4, 3, 5)])
def test_what_is_no_subtree(start, end, size):
    with pytest.raises(ProofError, match="no subtree"):
        subtree_proof(Part(start, end, size), subtree)
    with pytest.raises(ProofError, match="no subtree"):
        verify_subtree(Part(start, end, size), [], bytes(32), bytes(32))

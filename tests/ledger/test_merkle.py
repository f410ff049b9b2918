"""The tree against a naive reference written from RFC 6962's definitions, and against the public probes."""

import base64
import hashlib
import json
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger import merkle
from safeconduct.ledger.merkle import ProofError
from support.corpora import corpora


def naive_root(hashes):
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(hashes[:k]) + naive_root(hashes[k:])).digest()


def naive_path(index, hashes):
    if len(hashes) == 1:
        return []
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    if index < k:
        return [*naive_path(index, hashes[:k]), naive_root(hashes[k:])]
    return [*naive_path(index - k, hashes[k:]), naive_root(hashes[:k])]


def naive_consistency(old, hashes, *, whole=True):
    if old == len(hashes):
        return [] if whole else [naive_root(hashes)]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    if old <= k:
        return [*naive_consistency(old, hashes[:k], whole=whole), naive_root(hashes[k:])]
    return [*naive_consistency(old - k, hashes[k:], whole=False), naive_root(hashes[:k])]


def leaves(count):
    return [merkle.leaf_hash(str(number).encode()) for number in range(count)]


def source(hashes):
    return lambda height, number: naive_root(hashes[number << height : (number + 1) << height])


SIZES = st.integers(min_value=1, max_value=70)


@given(SIZES)
def test_frontier_and_root_agree_with_the_definition(size):
    hashes = leaves(size)
    edge = merkle.Frontier()
    for node in hashes:
        edge.append(node)
    assert edge.root() == naive_root(hashes)
    assert merkle.root(size, source(hashes)) == naive_root(hashes)
    assert merkle.frontier(size, source(hashes)).nodes == edge.nodes


def test_an_appended_leaf_closes_the_subtrees_it_completes():
    hashes = leaves(8)
    edge = merkle.Frontier()
    closed = [edge.append(node) for node in hashes]
    assert [len(nodes) for nodes in closed] == [1, 2, 1, 3, 1, 2, 1, 4]
    assert closed[7] == [hashes[7], naive_root(hashes[6:8]), naive_root(hashes[4:8]), naive_root(hashes)]


def test_empty_tree_has_the_hash_of_nothing():
    assert merkle.Frontier().root() == merkle.EMPTY_ROOT == hashlib.sha256(b"").digest()


def test_a_frontier_of_the_wrong_width_is_refused():
    with pytest.raises(InvalidInputError, match="2 edge nodes"):
        merkle.Frontier(3, [b"x"])


@given(SIZES, st.data())
def test_inclusion_proofs_are_those_of_the_definition_and_verify(size, data):
    index = data.draw(st.integers(0, size - 1))
    hashes = leaves(size)
    proof = merkle.inclusion_proof(index, size, source(hashes))
    assert proof == naive_path(index, hashes)
    merkle.verify_inclusion(index, size, hashes[index], proof, naive_root(hashes))


@given(SIZES, st.data())
def test_a_changed_inclusion_proof_does_not_verify(size, data):
    index = data.draw(st.integers(0, size - 1))
    hashes, root = leaves(size), naive_root(leaves(size))
    proof = merkle.inclusion_proof(index, size, source(hashes))
    damaged = bytearray(b"".join([hashes[index], *proof, root]))
    bit = data.draw(st.integers(0, len(damaged) * 8 - 1))
    damaged[bit // 8] ^= 1 << bit % 8
    parts = [bytes(damaged[at : at + 32]) for at in range(0, len(damaged), 32)]
    with pytest.raises(ProofError):
        merkle.verify_inclusion(index, size, parts[0], parts[1:-1], parts[-1])
    with pytest.raises(ProofError):
        merkle.verify_inclusion(index, size, hashes[index], [*proof, root], root)
    if proof:
        with pytest.raises(ProofError):
            merkle.verify_inclusion(index, size, hashes[index], proof[:-1], root)


@given(SIZES, st.data())
def test_consistency_proofs_are_those_of_the_definition_and_verify(size, data):
    old = data.draw(st.integers(1, size))
    hashes = leaves(size)
    proof = merkle.consistency_proof(old, size, source(hashes))
    assert proof == naive_consistency(old, hashes)
    merkle.verify_consistency(old, size, proof, naive_root(hashes[:old]), naive_root(hashes))


@given(SIZES, st.data())
def test_another_history_does_not_verify(size, data):
    old = data.draw(st.integers(1, size))
    hashes = leaves(size)
    other = [*hashes]
    other[data.draw(st.integers(0, old - 1))] = merkle.leaf_hash(b"another")
    proof = merkle.consistency_proof(old, size, source(other))
    with pytest.raises(ProofError):
        merkle.verify_consistency(old, size, proof, naive_root(hashes[:old]), naive_root(other))


def test_from_the_empty_tree_nothing_is_proven():
    assert merkle.consistency_proof(0, 3, source(leaves(3))) == []
    with pytest.raises(ProofError, match="at least 1"):
        merkle.verify_consistency(0, 3, [], merkle.EMPTY_ROOT, naive_root(leaves(3)))


def test_no_proof_for_what_is_not_in_the_tree():
    with pytest.raises(InvalidInputError, match="no entry 3 in a tree of 3"):
        merkle.inclusion_proof(3, 3, source(leaves(3)))
    with pytest.raises(InvalidInputError):
        merkle.consistency_proof(4, 3, source(leaves(3)))


@pytest.mark.corpora
@pytest.mark.parametrize(
    ("family", "total", "bad"),
    # Subtrees that begin at 0 are trees; the others belong to a draft that nothing here implements.
    [("inclusion", 98, 92), ("consistency", 98, 92), ("subtreeinclusion", 93, 87), ("subtreeconsistency", 91, 85)],
)
def test_public_probes(family, total, bad):
    seen = wanted = 0
    with tarfile.open(corpora() / "tlog" / "merkle-testdata.tar.xz") as members:
        for member in members:
            if not member.isfile() or not member.name.startswith(f"testdata/{family}/"):
                continue
            probe = json.load(members.extractfile(member))
            if probe.get("start", 0) == 0 and probe.get("end", 1) > 0:
                assert accepted(probe) is not probe["wantErr"], member.name
                seen, wanted = seen + 1, wanted + probe["wantErr"]
    assert (seen, wanted) == (total, bad)


def accepted(probe):
    proof = [raw(node) for node in probe["proof"] or []]
    try:
        if "leafIdx" in probe:
            size = probe.get("treeSize", probe.get("end"))
            merkle.verify_inclusion(probe["leafIdx"], size, raw(probe["leafHash"]), proof, raw(probe["root"]))
        else:
            old, new = probe.get("size1", probe.get("end")), probe.get("size2", probe.get("size"))
            merkle.verify_consistency(old, new, proof, raw(probe["root1"]), raw(probe["root2"]))
    except ProofError:
        return False
    return True


def raw(text):
    return base64.b64decode(text or "")

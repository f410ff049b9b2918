"""The Merkle tree of RFC 6962 section 2 (RFC 9162 section 2.1): roots, proofs and their verification. Pure.

Verification follows RFC 9162 sections 2.1.3.2 and 2.1.4.2 step by step. Proofs are made from any source of subtree
hashes, so that the same code serves a list in memory and tiles on disk.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

from safeconduct.kernel.errors import InvalidInputError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Subtree = Callable[[int, int], bytes]
"""Returns the hash of the complete subtree at (height, number): the leaves number * 2^height up to the next one."""


class ProofError(InvalidInputError):
    """A proof does not show what it must."""

    default_code = "proof-invalid"


_LEAF = hashlib.sha256(b"\x00")  # taking a copy up costs less than looking the algorithm up anew
_NODE = hashlib.sha256(b"\x01")


def leaf_hash(leaf: bytes) -> bytes:
    """Returns the hash of a leaf's bytes."""
    hashing = _LEAF.copy()
    hashing.update(leaf)
    return hashing.digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Returns the hash of a node over its children."""
    hashing = _NODE.copy()
    hashing.update(left + right)
    return hashing.digest()


class Frontier:
    """The right edge of a growing tree: one hash for each set bit of its size, largest subtree first."""

    __slots__ = ("nodes", "size")

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.nodes = list(nodes)
        if len(self.nodes) != size.bit_count():
            raise InvalidInputError(f"a tree of {size} leaves has {size.bit_count()} edge nodes, got {len(self.nodes)}")

    def append(self, node: bytes) -> list[bytes]:
        """Adds a leaf hash; returns the hashes of the complete subtrees that it closes, by height from 0."""
        closed = [node]
        size = self.size
        while size & 1:
            node = node_hash(self.nodes.pop(), node)
            closed.append(node)
            size >>= 1
        self.nodes.append(node)
        self.size += 1
        return closed

    def root(self) -> bytes:
        """Returns the root hash."""
        if not self.nodes:
            return EMPTY_ROOT
        node = self.nodes[-1]
        for left in reversed(self.nodes[:-1]):
            node = node_hash(left, node)
        return node

    def copy(self) -> "Frontier":
        """Returns an independent copy."""
        return Frontier(self.size, self.nodes)


def frontier(size: int, subtree: Subtree) -> Frontier:
    """Returns the right edge of the tree of `size` leaves."""
    return Frontier(size, [subtree(height, number) for height, number in _complete(0, size)])


def root(size: int, subtree: Subtree) -> bytes:
    """Returns the root hash of the first `size` leaves."""
    return frontier(size, subtree).root()


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Returns the audit path of the leaf at `index` in the tree of `size` leaves, from the leaf upwards.

    Raises:
        InvalidInputError: the index is not in the tree.
    """
    if not 0 <= index < size:
        raise InvalidInputError(f"there is no entry {index} in a tree of {size}", code="not-in-tree")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append(range_hash(middle, end, subtree))
            end = middle
        else:
            path.append(range_hash(start, middle, subtree))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """Returns the proof that the first `old` leaves of the tree of `new` leaves are unchanged.

    Raises:
        InvalidInputError: `old` is greater than `new`.
    """
    if not 0 <= old <= new:
        raise InvalidInputError(f"a tree of {old} can't be a part of a tree of {new}")
    if old in {0, new}:
        return []
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + split(end - start)
        if old <= middle:
            path.append(range_hash(middle, end, subtree))
            end = middle
        else:
            path.append(range_hash(start, middle, subtree))
            start, whole = middle, False
    if not whole:
        path.append(range_hash(start, end, subtree))
    return path[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], expected: bytes) -> None:
    """Returns if the proof shows the leaf hash at `index` of the tree with this size and root.

    Raises:
        ProofError: it does not.
    """
    if not 0 <= index < size:
        raise ProofError(f"the proof is for entry {index}, which a tree of {size} does not have")
    if len(leaf) != HASH_BYTES:
        raise ProofError(f"a leaf hash has {HASH_BYTES} bytes, got {len(leaf)}")
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the inclusion proof is longer than its tree is high")
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ProofError("the inclusion proof is shorter than its tree is high")
    if node != expected:
        raise ProofError("the inclusion proof leads to another root")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Returns if the proof shows that the old tree, which has at least one leaf, is the beginning of the new one.

    Raises:
        ProofError: it does not; or the old tree is empty, from which every tree follows and nothing is proven.
    """
    if not 0 < old <= new:
        raise ProofError(f"expected a proof from at least 1 up to {new} leaves, got one from {old}")
    if old == new:
        _verify_equal(proof, old_root, new_root)
        return
    if not proof:
        raise ProofError("the consistency proof is empty")
    old_node, new_node = _climb(old, new, [old_root, *proof] if old.bit_count() == 1 else list(proof))
    if old_node != old_root or new_node != new_root:
        raise ProofError("the consistency proof leads to other roots")


def implied_root(old: int, new: int, proof: Sequence[bytes], new_root: bytes) -> bytes | None:
    """Returns the root of the first `old` leaves that a consistency proof to the new root starts from, whatever it is.

    None where the proof does not lead to the new root, or `old` is a power of two: its root is then no part of the
    proof. What is returned is a statement about the new tree alone, as hard to forge as an inclusion proof.
    """
    if not 0 < old < new or old.bit_count() == 1 or not proof:
        return None
    try:
        old_node, new_node = _climb(old, new, list(proof))
    except ProofError:
        return None
    return old_node if new_node == new_root else None


def _climb(old: int, new: int, path: list[bytes]) -> tuple[bytes, bytes]:
    """Returns the two roots to which a path leads."""
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("the consistency proof is longer than its tree is high")
        if position & 1 or position == last:
            old_node, new_node = node_hash(sibling, old_node), node_hash(sibling, new_node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new_node = node_hash(new_node, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ProofError("the consistency proof is shorter than its tree is high")
    return old_node, new_node


def _verify_equal(proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    if proof:
        raise ProofError("no proof is needed between trees of one size, yet one came")
    if old_root != new_root:
        raise ProofError("two different trees of one size: the log was forked", code="log-forked")


def split(count: int) -> int:
    """Returns how many of at least two leaves are in the left subtree (RFC 6962 section 2.1)."""
    return 1 << ((count - 1).bit_length() - 1)


def _complete(start: int, end: int) -> list[tuple[int, int]]:
    """Returns the complete subtrees (height, number) that make up an aligned range, largest first."""
    parts = []
    while start < end:
        height = (end - start).bit_length() - 1
        parts.append((height, start >> height))
        start += 1 << height
    return parts


def range_hash(start: int, end: int, subtree: Subtree) -> bytes:
    """Returns the hash over the leaves from `start` up to `end`, a range that is a node of a tree."""
    nodes = [subtree(height, number) for height, number in _complete(start, end)]
    node = nodes.pop()
    while nodes:
        node = node_hash(nodes.pop(), node)
    return node

"""Subtree consistency proofs (draft-ietf-plants-merkle-tree-certs-02, as tlog-mirror cites it): a run within a tree.

A subtree is the tree over the leaves from `start` up to `end`, where `start` is a multiple of the power of two that is
at least as large as the run. With `start` 0 the proof is RFC 6962's consistency proof, with one leaf its audit path.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from safeconduct.ledger.merkle import ProofError, Subtree, node_hash, range_hash, split


@dataclass(frozen=True, slots=True)
class Part:
    """The subtree over the leaves from `start` up to `end` of a tree of `size` leaves."""

    start: int
    end: int
    size: int


class _Beside(Enum):
    """Where the sibling of a step stands, and whether the subtree reaches into it."""

    RIGHT = "right"
    LEFT = "left"
    WITHIN = "within"


def subtree_proof(of: Part, subtree: Subtree) -> list[bytes]:
    """Returns the proof that the subtree is part of the tree.

    Raises:
        ProofError: there is no such subtree.
    """
    path = []
    low, high, inside = 0, of.size, False
    for beside, middle in _steps(of.start, of.end, of.size):
        inside = inside or beside is _Beside.WITHIN
        if beside is _Beside.RIGHT:
            path.append(range_hash(middle, high, subtree))
            high = middle
        else:
            path.append(range_hash(low, middle, subtree))
            low = middle
    if inside:
        path.append(range_hash(low, high, subtree))
    return path[::-1]


def verify_subtree(of: Part, proof: Sequence[bytes], node: bytes, root: bytes) -> None:
    """Returns if the proof shows that the subtree with hash `node` is part of the tree with this root.

    Raises:
        ProofError: it does not, or there is no such subtree.
    """
    steps = list(_steps(of.start, of.end, of.size))
    inside = any(beside is _Beside.WITHIN for beside, _middle in steps)
    if len(proof) != len(steps) + inside:
        raise ProofError(f"expected a subtree proof of {len(steps) + inside} hashes, got {len(proof)}")
    part = whole = proof[0] if inside else node
    for (beside, _middle), sibling in zip(reversed(steps), proof[1:] if inside else proof, strict=True):
        if beside is _Beside.WITHIN:
            part = node_hash(sibling, part)
        whole = node_hash(whole, sibling) if beside is _Beside.RIGHT else node_hash(sibling, whole)
    if part != node or whole != root:
        raise ProofError("the subtree proof leads to other hashes")


def _steps(start: int, end: int, size: int) -> Iterator[tuple[_Beside, int]]:
    """Yields the way down from the root to the subtree, or to its last whole part: each sibling and where it begins."""
    if not 0 <= start < end <= size or start % (1 << (end - start - 1).bit_length()):
        raise ProofError(f"a tree of {size} has no subtree from {start} up to {end}")
    low, high = 0, size
    while (start, end) != (low, high):
        middle = low + split(high - low)
        if end <= middle:
            yield _Beside.RIGHT, middle
            high = middle
        elif middle <= start:
            yield _Beside.LEFT, middle
            low = middle
        else:
            yield _Beside.WITHIN, middle
            low = start = middle

"""A run of leaves in a tree and the nodes beside it, which lead to its root: these leaves stand there. Pure."""

from collections.abc import Iterator, Sequence

from safeconduct.ledger.merkle import ProofError, Subtree, node_hash, range_hash, split


def nodes_beside(start: int, end: int, size: int, subtree: Subtree) -> Iterator[bytes]:
    """Yields the largest subtrees beside the leaves from `start` up to `end`, left to right.

    Before a run that ends with the tree these are the edge of the tree of the first `start` leaves.
    """
    return _beside(start, end, 0, size, subtree)


def range_root(start: int, leaves: Sequence[bytes], size: int, nodes: Sequence[bytes]) -> bytes:
    """Returns the root to which a run of at least one leaf hash and the nodes beside it lead.

    Raises:
        ProofError: the run is not within a tree of that size, or there are too many or too few nodes.
    """
    end = start + len(leaves)
    if not 0 <= start < end <= size:
        raise ProofError(f"a tree of {size} has no leaves from {start} up to {end}")
    beside = iter(nodes)

    def hash_of(low: int, high: int) -> bytes:
        if high <= start or end <= low:
            return next(beside)
        if high - low == 1:
            return leaves[low - start]
        middle = low + split(high - low)
        return node_hash(hash_of(low, middle), hash_of(middle, high))

    try:
        root = hash_of(0, size)
    except StopIteration:
        raise ProofError("there are too few nodes beside the leaves") from None
    if next(beside, None) is not None:
        raise ProofError("there are too many nodes beside the leaves")
    return root


def _beside(start: int, end: int, low: int, high: int, subtree: Subtree) -> Iterator[bytes]:
    if high <= start or end <= low:
        yield range_hash(low, high, subtree)
    elif low < start or end < high:
        middle = low + split(high - low)
        yield from _beside(start, end, low, middle, subtree)
        yield from _beside(start, end, middle, high, subtree)

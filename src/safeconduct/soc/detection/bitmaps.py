"""Sets of rows as whole numbers, bit n for row n: `&`, `|` and `~` on them take one step for thousands of rows."""

from collections.abc import Iterable, Iterator


def bits_of(rows: Iterable[int], size: int) -> int:
    """Returns the set of rows, each below `size`."""
    found = bytearray(size // 8 + 1)
    for row in rows:
        found[row >> 3] |= 1 << (row & 7)
    return int.from_bytes(found, "little")


def rows_of(bits: int) -> Iterator[int]:
    """Yields the rows of a set, the lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest

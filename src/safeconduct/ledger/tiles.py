"""C2SP tlog-tiles 0.1.0: where tiles and entry bundles are, and what is in them."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.ledger import merkle
from safeconduct.ledger.merkle import HASH_BYTES, Frontier, Subtree

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
LEVEL_MAX = 63
LEAF_BYTES_MAX = 65_535  # an entry's length in a bundle is a uint16
INDEX_MAX = (1 << 53) - 1  # every JSON reader keeps it exactly

CHECKPOINT_PATH = "checkpoint"
_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<number>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One tile, or with `level` None one entry bundle. `width` is below 256 for a partial one."""

    level: int | None
    number: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Where it is, below the log's prefix."""
        level = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{_number_path(self.number)}{partial}"

    @classmethod
    def parse(cls, path: str) -> "Tile":
        """Reads a path.

        Raises:
            InvalidInputError: it is not one of a tile or an entry bundle.
        """
        match = _PATH.fullmatch(path)
        if match is None:
            raise InvalidInputError(f"{path!r} is no tile path such as tile/0/x001/234 or tile/entries/000.p/5")
        number = int(match["number"].replace("x", "").replace("/", ""))
        level = None if match["level"] == "entries" else int(match["level"])
        width = int(match["width"] or TILE_WIDTH)
        tile = cls(level, number, width)
        if tile.path != path or (level or 0) > LEVEL_MAX or width > TILE_WIDTH:
            raise InvalidInputError(f"{path!r} is not the one path of its tile; expected {tile.path}")
        return tile


class Row(Sequence[Tile]):
    """Neighbouring tiles of one level of a tree, each made when it is asked for: a log can claim any size."""

    def __init__(self, level: int | None, count: int, numbers: range | None = None) -> None:
        self._level, self._count = level, count
        self._numbers = range(-(-count // TILE_WIDTH)) if numbers is None else numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> Tile: ...

    @overload
    def __getitem__(self, place: slice) -> "Row": ...

    def __getitem__(self, place: int | slice) -> "Tile | Row":
        if isinstance(place, slice):
            return Row(self._level, self._count, self._numbers[place])
        number = self._numbers[place]
        return Tile(self._level, number, min(TILE_WIDTH, self._count - number * TILE_WIDTH))


def tiles_of(size: int) -> Iterator[Tile]:
    """Yields every hash tile of a tree, full and partial, lowest level first."""
    level, count = 0, size
    while count:
        yield from Row(level, count)
        level, count = level + 1, count >> TILE_HEIGHT


def bundles_of(size: int) -> Row:
    """Returns every entry bundle of a tree."""
    return Row(None, size)


def paths_of(size: int) -> set[str]:
    """Returns where all of a log of that size is: checkpoint, tiles and bundles. The tree covers their content."""
    return {CHECKPOINT_PATH, *(tile.path for tile in (*tiles_of(size), *bundles_of(size)))}


def encode_bundle(leaves: Iterable[bytes]) -> bytes:
    """Returns the entry bundle of the leaves.

    Raises:
        InvalidInputError: a leaf is longer than 65,535 bytes.
    """
    parts = []
    for leaf in leaves:
        if len(leaf) > LEAF_BYTES_MAX:
            raise InvalidInputError(f"an entry has at most {LEAF_BYTES_MAX} bytes, got {len(leaf)}")
        parts += [len(leaf).to_bytes(2), leaf]
    return b"".join(parts)


def decode_bundle(bundle: bytes, width: int) -> list[bytes]:
    """Returns the leaves of a bundle.

    Raises:
        InvalidInputError: it does not hold exactly `width` entries.
    """
    leaves = list(split_bundle(bundle))
    length = sum(len(leaf) + 2 for leaf in leaves)
    if len(leaves) != width or length != len(bundle):
        raise InvalidInputError(f"expected a bundle of exactly {width} entries; {len(leaves)} fit into {len(bundle)} B")
    return leaves


def split_bundle(bundle: bytes) -> Iterator[bytes]:
    """Yields the leaves of a bundle as far as they are whole."""
    offset = 0
    while offset + 2 <= len(bundle):
        start = offset + 2
        offset = start + int.from_bytes(bundle[offset:start])
        if offset <= len(bundle):
            yield bundle[start:offset]


class Edge:
    """A growing tree and the unfinished tile of each level: all that appending needs of what came before."""

    __slots__ = ("frontier", "rows")

    def __init__(self, edge: Frontier, rows: Sequence[bytes] = ()) -> None:
        self.frontier = edge
        self.rows = [bytearray(row) for row in rows]

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self.frontier.size

    def extend(self, hashes: Iterable[bytes]) -> dict[tuple[int, int], bytes]:
        """Appends leaf hashes; returns each tile that grew, by (level, number), with all it holds now."""
        grown: dict[tuple[int, int], bytes] = {}
        touched: set[int] = set()
        for leaf in hashes:
            index = self.frontier.size
            closed = self.frontier.append(leaf)
            for level, node in enumerate(closed[::TILE_HEIGHT]):
                if level == len(self.rows):
                    self.rows.append(bytearray())
                row = self.rows[level]
                row += node
                if len(row) == TILE_WIDTH * HASH_BYTES:
                    grown[level, index >> TILE_HEIGHT * (level + 1)] = bytes(row)
                    row.clear()
                    touched.discard(level)
                else:
                    touched.add(level)
        for level in touched:
            grown[level, self.size >> TILE_HEIGHT * (level + 1)] = bytes(self.rows[level])
        return grown

    def copy(self) -> "Edge":
        """Returns an independent copy."""
        return Edge(self.frontier.copy(), [bytes(row) for row in self.rows])


def load_edge(size: int, read: Callable[[Tile], bytes]) -> Edge:
    """Returns the right edge of a stored tree.

    Raises:
        UnavailableError: a tile is missing or too short.
    """
    rows = []
    level, count = 0, size
    while count:
        width = count % TILE_WIDTH
        rows.append(read(Tile(level, count >> TILE_HEIGHT, width)) if width else b"")
        level, count = level + 1, count >> TILE_HEIGHT
    return Edge(merkle.frontier(size, subtrees(size, read)), rows)


def subtrees(size: int, read: Callable[[Tile], bytes]) -> Subtree:
    """Returns the source of subtree hashes that proofs over stored tiles need. Each tile is read once.

    The returned function raises UnavailableError where a tile is missing or too short.
    """
    cache: dict[tuple[int, int], bytes] = {}

    def tile(level: int, number: int) -> bytes:
        if (level, number) not in cache:
            width = min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - number * TILE_WIDTH)
            data = read(Tile(level, number, width))
            if len(data) != width * HASH_BYTES:
                raise UnavailableError(
                    f"tile {Tile(level, number, width).path} has {len(data)} bytes, expected {width * HASH_BYTES}",
                    code="log-damaged",
                )
            cache[level, number] = data
        return cache[level, number]

    def subtree(height: int, number: int) -> bytes:
        level, above = divmod(height, TILE_HEIGHT)
        first = number << above
        data = tile(level, first >> TILE_HEIGHT)
        offset = first % TILE_WIDTH * HASH_BYTES
        return fold(data[offset : offset + (HASH_BYTES << above)])

    return subtree


def all_tiles(hashes: bytes) -> dict[tuple[int, int], bytes]:
    """Returns every tile, full and partial, of the tree over concatenated leaf hashes, by (level, number)."""
    tiles: dict[tuple[int, int], bytes] = {}
    level, width = 0, TILE_WIDTH * HASH_BYTES
    while hashes:
        above = []
        for number, at in enumerate(range(0, len(hashes), width)):
            tiles[level, number] = hashes[at : at + width]
            if at + width <= len(hashes):
                above.append(fold(hashes[at : at + width]))
        level, hashes = level + 1, b"".join(above)
    return tiles


def fold(hashes: bytes) -> bytes:
    """Returns the root over a power of two of concatenated hashes."""
    sha256 = hashlib.sha256
    while len(hashes) > HASH_BYTES:
        pairs = range(0, len(hashes), 2 * HASH_BYTES)
        hashes = b"".join([sha256(b"\x01" + hashes[at : at + 2 * HASH_BYTES]).digest() for at in pairs])
    return hashes


def _number_path(number: int) -> str:
    parts = [f"{number % 1000:03d}"]
    while number >= 1000:  # noqa: PLR2004 - three digits an element
        number //= 1000
        parts.append(f"x{number % 1000:03d}")
    return "/".join(reversed(parts))

"""A log by its static files (C2SP tlog-tiles), each read when needed, nothing believed but trusted keys."""

from collections.abc import Callable, Iterator

from safeconduct.kernel.errors import AbsentError, InvalidInputError, UnavailableError
from safeconduct.ledger import merkle
from safeconduct.ledger.merkle import HASH_BYTES, leaf_hash
from safeconduct.ledger.ocsf import PlacedLeaf
from safeconduct.ledger.tiles import (
    CHECKPOINT_PATH,
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    bundles_of,
    decode_bundle,
    encode_bundle,
    subtrees,
)
from safeconduct.ledger.trust import Trust

Read = Callable[[str], bytes | None]
"""Returns a file of a log by its path below the log's prefix, or None if there is none."""


class TiledLog:
    """A log as of the checkpoint that its files hold now.

    Raises:
        NoteError: the checkpoint is not signed by the log, or a known witness's cosignature in it fails.
        PolicyError: the cosignatures don't fill the quorum that is asked for.
    """

    def __init__(self, read: Read, trust: Trust) -> None:
        self._read = read
        self.trust = trust
        self.signed, now = trust.signed(read(CHECKPOINT_PATH) or b"")
        self.cosigned_by = tuple(key.name for key in now.cosigners(self.signed))
        self.origin, self.size = self.signed.checkpoint.origin, self.signed.checkpoint.size

    def leaves(self, start: int) -> Iterator[PlacedLeaf]:
        """Yields the leaves from an index on. Each is as its hash tile says.

        Raises:
            UnavailableError: a file is missing or is not what the tree has.
        """
        for bundle in bundles_of(self.size)[start // TILE_WIDTH :]:
            for position, leaf in enumerate(self._leaves(bundle)):
                if bundle.number * TILE_WIDTH + position >= start:
                    yield PlacedLeaf(origin=self.origin, index=bundle.number * TILE_WIDTH + position, leaf=leaf)

    def bundle(self, bundle: Tile) -> bytes:
        """Returns an entry bundle whose every leaf is as its hash tile says.

        Raises:
            UnavailableError: as `leaves`.
        """
        return encode_bundle(self._leaves(bundle))

    def hashes(self, tile: Tile) -> bytes:
        """Returns the hashes of a tile, cut from the widest there is: a tile only grows.

        Raises:
            UnavailableError: it is missing or too short.
        """
        level = tile.level or 0
        width = min(TILE_WIDTH, (self.size >> TILE_HEIGHT * level) - tile.number * TILE_WIDTH)
        widest = Tile(level, tile.number, width)
        found = self.file(widest)
        if len(found) != width * HASH_BYTES:
            raise self._damaged(widest, f"it has {len(found)} bytes, expected {width * HASH_BYTES}")
        return found[: tile.width * HASH_BYTES]

    def proven(self, index: int) -> PlacedLeaf:
        """Returns the leaf at an index, proven to lead to the checkpoint's root.

        Raises:
            AbsentError: the log is shorter.
            UnavailableError: a file is missing, or does not lead there.
        """
        if not 0 <= index < self.size:
            raise AbsentError(f"{self.origin} has {self.size} entries, none with index {index}", code="entry-unknown")
        bundle = bundles_of(self.size)[index // TILE_WIDTH]
        leaf = self._decoded(bundle)[index % TILE_WIDTH]
        proof = merkle.inclusion_proof(index, self.size, subtrees(self.size, self.hashes))
        try:
            merkle.verify_inclusion(index, self.size, leaf_hash(leaf), proof, self.signed.checkpoint.root)
        except merkle.ProofError as error:
            raise self._damaged(bundle, error.message) from error
        return PlacedLeaf(origin=self.origin, index=index, leaf=leaf)

    def file(self, tile: Tile) -> bytes:
        """Returns a tile or an entry bundle as it stands there.

        Raises:
            UnavailableError: it is missing.
        """
        found = self._read(tile.path)
        if found is None:
            raise self._damaged(tile, "it is missing")
        return found

    def _leaves(self, bundle: Tile) -> list[bytes]:
        leaves = self._decoded(bundle)
        hashes = self.hashes(Tile(0, bundle.number, bundle.width))
        for position, leaf in enumerate(leaves):
            if hashes[position * HASH_BYTES : (position + 1) * HASH_BYTES] != leaf_hash(leaf):
                raise self._damaged(bundle, f"entry {position} is not the one that its hash tile has")
        return leaves

    def _decoded(self, bundle: Tile) -> list[bytes]:
        try:
            return decode_bundle(self.file(bundle), bundle.width)
        except InvalidInputError as error:
            raise self._damaged(bundle, error.message) from error

    def _damaged(self, tile: Tile, what: str) -> UnavailableError:
        return UnavailableError(f"{tile.path} of {self.origin}: {what}", code="log-damaged")

"""A log published as static files: immutable tiles first, then the checkpoint that covers them, which never goes back.

What is published once can't be taken back, so that each tile is checked before: hashes against leaves, tiles against
their parents, the tree's edge against the checkpoint's root. docs/spec/export.md section 4 is the definition.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger import merkle
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.merkle import HASH_BYTES
from safeconduct.ledger.notes import NoteError
from safeconduct.ledger.rotation import rotations_in
from safeconduct.ledger.tiled import TiledLog
from safeconduct.ledger.tiles import (
    CHECKPOINT_PATH,
    TILE_WIDTH,
    Tile,
    bundles_of,
    fold,
    subtrees,
    tiles_of,
)
from safeconduct.ledger.trust import Trust


@dataclass(frozen=True, slots=True)
class Held:
    """A file of a store: its content, and the tag that changes with it."""

    content: bytes
    tag: str


class PublishedStore(Protocol):
    """Where a log is published. A file that is there is never replaced by another, but for the checkpoint."""

    def get(self, path: str) -> Held | None:
        """Returns a file, or None if there is none.

        Raises:
            UnavailableError: the store does not answer.
        """
        ...

    def put(self, path: str, content: bytes) -> None:
        """Writes a file for good. One that is there with the same content is left.

        Raises:
            UnavailableError: there is one with another content (`published-otherwise`), or the store does not answer.
        """
        ...

    def replace(self, path: str, content: bytes, held: Held | None) -> None:
        """Writes a file in place of the one that was held, or of none.

        Raises:
            UnavailableError: somebody else wrote it meanwhile (`published-meanwhile`), or the store does not answer.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What publishing did: the store held `before` entries of a log and now holds `size`; `files` were written."""

    origin: Origin
    before: int
    size: int
    files: int


def publish(log: TiledLog, store: PublishedStore, trust: Trust) -> Published:
    """Brings a published log up to its present checkpoint.

    Raises:
        UnavailableError: what is published is no beginning of this log (`log-rolled-back`, `log-forked`), the log is
            damaged, or the store's own.
        NoteError: the published checkpoint is not signed by the log.
    """
    held = store.get(CHECKPOINT_PATH)
    before = 0 if held is None else _continued(log, held, trust)
    if merkle.root(log.size, subtrees(log.size, log.hashes)) != log.signed.checkpoint.root:
        raise UnavailableError(f"the tiles of {log.origin} do not lead to its checkpoint's root", code="log-damaged")
    known = {*tiles_of(before), *bundles_of(before)}
    files = 0
    for path, content in _checked(log, known):
        store.put(path, content)
        files += 1
    if held is None or before < log.size or _lines(held.content) < _lines(log.signed.encoded.encode()):
        store.replace(CHECKPOINT_PATH, log.signed.encoded.encode(), held)
        files += 1
    return Published(origin=log.origin, before=before, size=log.size, files=files)


def _lines(checkpoint: bytes) -> int:
    """Returns how many lines a checkpoint has: of two of the same size the one with more cosignatures has more."""
    return checkpoint.count(b"\n")


def _continued(log: TiledLog, held: Held, trust: Trust) -> int:
    """Returns how many entries are published, once it is known that they are this log's first."""
    said = _signed(log, held, trust).checkpoint
    if said.size > log.size:
        raise UnavailableError(
            f"{said.origin} is published with {said.size} entries and has {log.size}: it was led back",
            code="log-rolled-back",
        )
    if merkle.root(said.size, subtrees(said.size, log.hashes)) != said.root:
        raise UnavailableError(
            f"the first {said.size} entries of {said.origin} are not those that are published", code="log-forked"
        )
    return said.size


def _signed(log: TiledLog, held: Held, trust: Trust) -> SignedCheckpoint:
    """Returns the published checkpoint. Only where today's keys did not sign it are the log's rotations looked for."""
    try:
        return trust.signed(held.content)[0]
    except NoteError:
        found = rotations_in((placed.index, placed.leaf) for placed in log.leaves(0))
        return trust.following(found).signed(held.content)[0]


def _checked(log: TiledLog, known: set[Tile]) -> Iterator[tuple[str, bytes]]:
    for bundle in bundles_of(log.size):
        if bundle not in known:
            yield bundle.path, log.bundle(bundle)
    for tile in tiles_of(log.size):
        if tile not in known:
            hashes = log.hashes(tile)
            _check_parent(log, tile, hashes)
            yield tile.path, hashes


def _check_parent(log: TiledLog, tile: Tile, hashes: bytes) -> None:
    """Returns if a full tile is the one that the tile above knows. The checkpoint's root covers what is not full."""
    if tile.width < TILE_WIDTH:
        return
    level, place = (tile.level or 0) + 1, tile.number % TILE_WIDTH
    above = Tile(level, tile.number // TILE_WIDTH, place + 1)
    if log.hashes(above)[-HASH_BYTES:] != fold(hashes):
        raise UnavailableError(f"{tile.path} of {log.origin} is not the one that the tree has", code="log-damaged")

"""Receipts and the logs that keep or break them, as a test wants them."""

import hashlib

from safeconduct.kernel.ids import EntryId, ulid_text
from safeconduct.ledger import merkle
from safeconduct.ledger.checkpoints import Checkpoint, SignedCheckpoint, sign_checkpoint
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import NoteSigner
from safeconduct.ledger.ports import NewEntry
from safeconduct.ledger.receipts import make_receipts
from safeconduct.ledger.tiles import CHECKPOINT_PATH, all_tiles, subtrees, tiles_of
from safeconduct.ledger.trust import Trust
from support.logs import CALLS, cosigner, signer

DEADLINE_S = 1_764_000_010
WORKER = NoteSigner("worker.example/1", SecretKey(bytes(range(32))))
TRUST = Trust(log=signer().verifier, witnesses=(cosigner().verifier,))
FLOOR = 300


def leaf(name):
    return hashlib.sha256(str(name).encode()).digest()


def receipts(*names, by=None, floor=FLOOR, origin=CALLS):
    made = [NewEntry(EntryId(ulid_text(n)), b"", leaf(name), {}) for n, name in enumerate(names)]
    return make_receipts(made, origin, floor=floor, deadline_s=DEADLINE_S, signer=by or signer(origin))


def subtree_of(leaves):
    tiles = all_tiles(b"".join(leaves))
    return subtrees(len(leaves), lambda tile: tiles[tile.level, tile.number])


def cosigned(leaves, at_s=DEADLINE_S + 1, by=None, origin=CALLS):
    root = merkle.root(len(leaves), subtree_of(leaves))
    signed = sign_checkpoint(Checkpoint(origin, len(leaves), root), by or signer(origin))
    note = signed.note.with_signatures([cosigner().cosign(signed.note.text, at_s)] if at_s else [])
    return SignedCheckpoint(signed.checkpoint, note)


def tree(*names, size=FLOOR):
    """The leaves of a log: those before the floor, then the named ones."""
    return [leaf(f"before {n}") for n in range(size)] + [leaf(name) for name in names]


def files(leaves, signed):
    """A copy of the log: its tiles and checkpoint by their paths."""
    tiles = all_tiles(b"".join(leaves))
    held = {tile.path: tiles[tile.level, tile.number][: tile.width * 32] for tile in tiles_of(len(leaves))}
    return held | {CHECKPOINT_PATH: signed.encoded.encode()}


def mirror(leaves, signed):
    """Reads such a copy."""
    return files(leaves, signed).get

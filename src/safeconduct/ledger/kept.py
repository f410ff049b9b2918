"""Kept receipts against a copy of the log: which promises are proven, still open, broken. Pure.

The copy belongs to whoever keeps the receipts. Nothing in it is believed: what it shows must lead to the root of a
checkpoint that the log signed and a known witness cosigned.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.kernel.instants import Instant, rfc3339, seconds
from safeconduct.kernel.ports import Receipt
from safeconduct.ledger import merkle
from safeconduct.ledger.merkle import HASH_BYTES
from safeconduct.ledger.notes import NoteError, VerifierKey
from safeconduct.ledger.omission import Omission, cosigned_after, due, make_omission, promised, verify_omission
from safeconduct.ledger.receipts import Promise, deadline_of, parse_receipt, verify_receipt
from safeconduct.ledger.tiled import TiledLog
from safeconduct.ledger.tiles import TILE_WIDTH, Tile, subtrees
from safeconduct.ledger.trust import Trust

CLOCKS_APART_MAX_S = 60
"""Seconds that the keeper's clock may be ahead of the clock of who keeps a receipt, as with acts."""

_RECEIPT = re.compile(r"entry=[0-9A-Z]{26};leaf=[^;\s]{44};position=[0-9]+;path=[^;\s]*;batch=[A-Za-z0-9+/=]+")


class Standing(StrEnum):
    """How a promise stands."""

    PROVEN = "proven"  # the entry is where it was promised, under a cosigned checkpoint
    OPEN = "open"  # nothing that a witness cosigned after the deadline is here yet
    BROKEN = "broken"  # provably: there is an omission
    WORTHLESS = "worthless"  # no trusted key signed it, or it was damaged: nothing was promised


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One receipt, how it stands and why. A broken one has the omission that proves it."""

    receipt: Receipt
    standing: Standing
    why: str
    deadline_s: int = 0
    omission: Omission | None = None


def judge(receipt: Receipt, log: TiledLog, trust: Trust, workers: Sequence[VerifierKey] = ()) -> Judged:
    """Returns how a receipt stands against a copy of its log. The time is the witness's, never this machine's.

    Raises:
        UnavailableError: the copy is damaged.
    """
    try:
        promise = promised(receipt, trust, workers)
    except SafeconductError as error:
        return Judged(receipt=receipt, standing=Standing.WORTHLESS, why=error.message)
    leaves = _hashes(log, *due(receipt, promise.floor, log.size))
    if receipt.leaf_hash in leaves:
        return _included(receipt, promise, log, leaves.index(receipt.leaf_hash), trust)
    contradicted = bool(leaves) and receipt.index is not None
    if not contradicted and not cosigned_after(log.signed, trust, promise.deadline_s):
        why = (
            f"no checkpoint that a known witness cosigned after {rfc3339(Instant(seconds(promise.deadline_s)))} is here"
        )
        return _judged(receipt, Standing.OPEN, why, promise)
    omission = make_omission(receipt, promise.floor, log.signed, _subtree(log), leaves)
    try:
        broken = verify_omission(omission, trust, workers)
    except merkle.ProofError as error:
        raise _damaged(error) from error
    return Judged(
        receipt=receipt,
        standing=Standing.BROKEN,
        why=f"{broken.breach.value} in the tree of {log.size}",
        deadline_s=promise.deadline_s,
        omission=omission,
    )


def accept(receipt: Receipt, keys: Sequence[VerifierKey], now: Instant) -> Promise:
    """Returns what a receipt that is to be kept promises. Checked at once: later nobody can ask for a better one.

    Raises:
        NoteError: none of the keys signed it; or `deadline-too-far`: it promises nothing that could be broken soon.
        ProofError: the leaf is not in the batch.
    """
    promise = verify_receipt(receipt, keys)
    latest = deadline_of(now) + CLOCKS_APART_MAX_S
    if promise.deadline_s > latest:
        raise NoteError(
            f"the receipt promises its entry by {promise.deadline_s}; expected {latest} at the latest",
            code="deadline-too-far",
            remedy="compare this machine's clock with the log keeper's",
        )
    return promise


def receipts_in(text: str) -> Iterator[Receipt]:
    """Yields the receipts in a text: headers as they came, a stream with its comments, a file of receipts.

    Raises:
        InvalidInputError: something looks like a receipt and is none.
    """
    for match in _RECEIPT.finditer(text):
        yield parse_receipt(match.group())


def _included(receipt: Receipt, promise: Promise, log: TiledLog, offset: int, trust: Trust) -> Judged:
    index, said = due(receipt, promise.floor, log.size)[0] + offset, log.signed.checkpoint
    proof = merkle.inclusion_proof(index, said.size, _subtree(log))
    try:
        merkle.verify_inclusion(index, said.size, receipt.leaf_hash, proof, said.root)
    except merkle.ProofError as error:
        raise _damaged(error) from error
    if not cosigned_after(log.signed, trust, 0):
        return _judged(receipt, Standing.OPEN, f"at index {index}, which no known witness has cosigned yet", promise)
    return _judged(receipt, Standing.PROVEN, f"at index {index}", promise)


def _hashes(log: TiledLog, start: int, end: int) -> list[bytes]:
    """Returns the leaf hashes from `start` up to `end`, which the tree has."""
    found = bytearray()
    first = start // TILE_WIDTH
    for number in range(first, -(-end // TILE_WIDTH)):
        found += log.hashes(Tile(0, number, min(TILE_WIDTH, end - number * TILE_WIDTH)))
    return [
        bytes(found[at : at + HASH_BYTES])
        for at in range((start - first * TILE_WIDTH) * HASH_BYTES, len(found), HASH_BYTES)
    ]


def _subtree(log: TiledLog) -> merkle.Subtree:
    return subtrees(log.size, log.hashes)


def _judged(receipt: Receipt, standing: Standing, why: str, promise: Promise) -> Judged:
    return Judged(receipt=receipt, standing=standing, why=why, deadline_s=promise.deadline_s)


def _damaged(error: SafeconductError) -> UnavailableError:
    return UnavailableError(f"this copy does not lead to its own checkpoint: {error.message}", code="mirror-damaged")

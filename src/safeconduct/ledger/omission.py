"""A broken promise as a file (`safeconduct/omission@v1`) that anyone checks offline with public keys alone. Pure.

It holds a receipt, a checkpoint of the log, and what stands in that tree where the entry should. Where that is not a
contradiction in itself, a witness cosigned the checkpoint after the deadline (docs/spec/receipts.md section 3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from safeconduct.kernel.errors import InvalidInputError, TooLargeError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.ports import Receipt
from safeconduct.ledger.checkpoints import SignedCheckpoint, parse_checkpoint, parse_size
from safeconduct.ledger.merkle import HASH_BYTES, ProofError, Subtree
from safeconduct.ledger.notes import NOTE_BYTES_MAX, NoteError, VerifierKey, base64_text, unbase64
from safeconduct.ledger.ranges import nodes_beside, range_root
from safeconduct.ledger.receipts import (
    RECEIPT_BYTES_MAX,
    Promise,
    decode_receipt,
    encode_receipt,
    verify_receipt,
)
from safeconduct.ledger.trust import Trust, check_signatures

HEADER = "safeconduct/omission@v1"
LEAVES_MAX = 131_072
"""Leaf hashes in one file: what 13 seconds append at 10,000 a second, and a file that fits one sealed field."""

NODES_MAX = 128  # two a level, and a tree is at most 53 high
OMISSION_BYTES_MAX = (LEAVES_MAX + NODES_MAX) * 51 + RECEIPT_BYTES_MAX + NOTE_BYTES_MAX + 64
"""Bytes of a file: a line a hash, a receipt, a checkpoint."""

_PARTS = 6  # the run, the receipt, text and signature of its note, text and signatures of the checkpoint


class Breach(StrEnum):
    """How a promise was broken."""

    REPLACED = "replaced"  # something else stands at the place that was promised
    MISSING = "missing"  # it stands nowhere from the floor on
    SHORT = "short"  # the tree does not reach the place or the floor

    @property
    def rests_on(self) -> str:
        """Whose word it needs: `log` where its own signatures contradict each other, else the `witness`'s time."""
        return "log" if self is Breach.REPLACED else "witness"


@dataclass(frozen=True, slots=True, kw_only=True)
class Omission:
    """A receipt, and the leaf hashes that stand from `start` on in the checkpoint's tree, with the nodes beside them.

    Holding one proves nothing until `verify_omission` returned.
    """

    receipt: Receipt
    checkpoint: SignedCheckpoint
    start: int
    leaves: tuple[bytes, ...]
    nodes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """Who cosigned, and the POSIX second that they stated."""

    by: str
    at_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenPromise:
    """What a verified omission comes to: what was promised (`leaf` in hex, `deadline_s` POSIX) and what stands instead.

    `size` and `root` (hex) are the tree's, `cosigned` only who did after the deadline.
    """

    origin: Origin
    entry: EntryId
    leaf: str
    index: int | None
    floor: int
    deadline_s: int
    breach: Breach
    size: int
    root: str
    cosigned: tuple[Cosigned, ...]


def due(receipt: Receipt, floor: int, size: int) -> tuple[int, int]:
    """Returns the run of a tree of that size in which the promise is kept or broken: the place, or all from the floor.

    An empty run is where the tree does not reach so far.
    """
    start = floor if receipt.index is None else receipt.index
    return start, max(start, size if receipt.index is None else min(size, start + 1))


def make_omission(
    receipt: Receipt, floor: int, checkpoint: SignedCheckpoint, subtree: Subtree, leaves: Sequence[bytes]
) -> Omission:
    """Returns what a tree shows in place of a receipt's entry. `leaves` are the leaf hashes of the run that is due.

    Raises:
        TooLargeError: too many entries came before somebody looked.
    """
    size = checkpoint.checkpoint.size
    start, end = due(receipt, floor, size)
    if end - start > LEAVES_MAX:
        raise TooLargeError(
            f"{end - start} entries stand from the floor on, a proof holds {LEAVES_MAX}",
            remedy="check against a copy of the log from soon after the deadline, and check more often",
        )
    nodes = tuple(nodes_beside(start, end, size, subtree)) if start < end else ()
    return Omission(receipt=receipt, checkpoint=checkpoint, start=start, leaves=tuple(leaves), nodes=nodes)


def promised(receipt: Receipt, trust: Trust, workers: Sequence[VerifierKey] = ()) -> Promise:
    """Returns what a receipt promises. A key that was rotated before its floor promises nothing: it may be stolen.

    Raises:
        NoteError: none of the keys signed it.
        ProofError: the leaf is not in the batch.
    """
    floor = verify_receipt(receipt, [*trust.logs, *workers]).floor
    return verify_receipt(receipt, [*trust.signing_after(floor), *workers])


def verify_omission(omission: Omission, trust: Trust, workers: Sequence[VerifierKey] = ()) -> BrokenPromise:
    """Returns the broken promise that an omission proves. `workers` are further keys that give receipts for the log.

    Raises:
        NoteError: receipt or checkpoint are not the log's; or `not-yet-due`: it rests on the time, and no known witness
            cosigned after the deadline.
        ProofError: the entry is there, or what stands in its place does not lead to the checkpoint's root.
    """
    receipt = omission.receipt
    promise = promised(receipt, trust, workers)
    signed, trust = trust.signed(omission.checkpoint.encoded)
    if promise.origin != signed.checkpoint.origin:
        raise NoteError(f"the receipt is of {promise.origin}, the checkpoint of {signed.checkpoint.origin}")
    check_signatures(signed, trust)
    cosigned = cosigned_after(signed, trust, promise.deadline_s)
    breach = _breach(omission, promise.floor)
    if breach.rests_on == "witness" and not cosigned:
        raise NoteError(
            f"not enough known witnesses cosigned the checkpoint after the deadline, {promise.deadline_s}",
            code="not-yet-due",
        )
    return BrokenPromise(
        origin=promise.origin,
        entry=receipt.entry_id,
        leaf=receipt.leaf_hash.hex(),
        index=receipt.index,
        floor=promise.floor,
        deadline_s=promise.deadline_s,
        breach=breach,
        size=signed.checkpoint.size,
        root=signed.checkpoint.root.hex(),
        cosigned=cosigned,
    )


def cosigned_after(signed: SignedCheckpoint, trust: Trust, second: int) -> tuple[Cosigned, ...]:
    """Returns the known witnesses that cosigned later than a POSIX second, and when: none, if too few for the quorum.

    Raises:
        NoteError: a cosignature in a known witness's name does not verify.
    """
    times = {key: signed.note.signed_by(key).timestamp for key in trust.witnesses if signed.note.names(key)}
    late = {key: at_s for key, at_s in times.items() if at_s > second}
    if trust.quorum is not None and not trust.quorum.satisfied(late):
        return ()
    return tuple(Cosigned(by=key.name, at_s=at_s) for key, at_s in late.items())


def _breach(omission: Omission, floor: int) -> Breach:
    """Returns what the run shows. It must be all that the promise leaves open, and lead to the signed root."""
    said = omission.checkpoint.checkpoint
    start, end = due(omission.receipt, floor, said.size)
    if (omission.start, omission.start + len(omission.leaves)) != (start, end):
        raise ProofError(f"expected the leaves from {start} to {end}, got {len(omission.leaves)} from {omission.start}")
    if start == end and not omission.nodes:
        return Breach.SHORT
    if range_root(start, omission.leaves, said.size, omission.nodes) != said.root:
        raise ProofError("the leaves and the nodes beside them lead to another root")
    if omission.receipt.leaf_hash in omission.leaves:
        raise ProofError("the entry is where it was promised", code="promise-kept")
    return Breach.MISSING if omission.receipt.index is None else Breach.REPLACED


def encode_omission(omission: Omission) -> str:
    """Returns the file's text."""
    lines = [HEADER, f"start {omission.start}"]
    lines += [f"node {base64_text(node)}" for node in omission.nodes]
    lines += [f"leaf {base64_text(leaf)}" for leaf in omission.leaves]
    run = "\n".join(lines)
    return f"{run}\n\n{encode_receipt(omission.receipt)}\n{omission.checkpoint.encoded}"


def parse_omission(content: bytes) -> Omission:
    """Reads a file without trusting it.

    Raises:
        InvalidInputError: it is not one, or not in its one form.
        TooLargeError: it is over its limits.
    """
    if len(content) > OMISSION_BYTES_MAX:
        raise TooLargeError(f"an omission has at most {OMISSION_BYTES_MAX} bytes, got {len(content)}")
    parts = content.decode("utf-8", "replace").split("\n\n")
    if len(parts) != _PARTS or not parts[0].startswith(f"{HEADER}\nstart "):
        raise InvalidInputError(f"expected {HEADER}, a run of leaves, a receipt and a checkpoint")
    run, receipt, checkpoint = parts[0], "\n\n".join(parts[1:4]) + "\n", "\n\n".join(parts[4:])
    lines = run.split("\n")[2:]
    found = Omission(
        receipt=decode_receipt(receipt),
        checkpoint=parse_checkpoint(checkpoint),
        start=parse_size(run.split("\n")[1].removeprefix("start ")),
        leaves=_hashes(lines, "leaf ", LEAVES_MAX),
        nodes=_hashes(lines, "node ", NODES_MAX),
    )
    if encode_omission(found).encode() != content:
        raise InvalidInputError("the omission is not in its one form")
    return found


def _hashes(lines: Sequence[str], prefix: str, most: int) -> tuple[bytes, ...]:
    found = tuple(unbase64(line.removeprefix(prefix)) for line in lines if line.startswith(prefix))
    if len(found) > most or any(len(one) != HASH_BYTES for one in found):
        raise InvalidInputError(f"expected at most {most} lines of {prefix}and the base64 of {HASH_BYTES} bytes")
    return found

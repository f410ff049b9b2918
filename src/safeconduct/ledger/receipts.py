"""Receipts: what a commit promises about each entry it made durable, checked with public keys alone. Pure.

One note is signed for all entries of a commit and log, over the root of a small tree of their leaf hashes; a receipt
ties its leaf to that root (docs/spec/receipts.md). Signed in the log's own name the note also says where each
leaf stands; signed by another key of the log's, a worker's, only that it will stand somewhere from `floor` on.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import EntryId, Origin, is_ulid
from safeconduct.kernel.instants import SECOND, Instant
from safeconduct.kernel.ports import Receipt
from safeconduct.ledger import merkle
from safeconduct.ledger.checkpoints import parse_size
from safeconduct.ledger.merkle import HASH_BYTES, ProofError, node_hash
from safeconduct.ledger.notes import Note, NoteError, NoteSigner, VerifierKey, base64_text, parse_note, unbase64
from safeconduct.ledger.ports import NewEntry

HEADER = "safeconduct/batch/v1"
FILE_HEADER = "safeconduct/receipt@v1"
DEADLINE_S = 10
"""Seconds within which a receipt promises its entry to every reader: a dead sequencer's successor takes about five,
and the log is cosigned within one second of growing."""

RECEIPT_BYTES_MAX = 4096
"""Bytes of a receipt in either form: the longest origin and a batch of 2^24 entries fit."""

_LINES = 6
_FORM = re.compile(
    r"entry=([0-9A-Z]{26});leaf=([A-Za-z0-9+/=]{44});position=([0-9]+);path=([A-Za-z0-9+/=]*);batch=([A-Za-z0-9+/=]+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What a batch note says: `count` leaves under `root` are in the log, none below `floor`, by `deadline_s`.

    `floor` is the size of the tree that was committed before; `deadline_s` is POSIX seconds.
    """

    origin: Origin
    floor: int
    deadline_s: int
    count: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        root = base64_text(self.root)
        return f"{HEADER}\n{self.origin}\n{self.floor}\n{self.deadline_s}\n{self.count}\n{root}\n"


class BatchTree:
    """The small tree over one batch's leaf hashes. Its paths are RFC 6962's: a node without a sibling rises."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._rows = [list(leaves)]
        while len(self._rows[-1]) > 1:
            row = self._rows[-1]
            above = [node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
            self._rows.append(above + row[len(row) & ~1 :])

    @property
    def root(self) -> bytes:
        """The root hash."""
        return self._rows[-1][0]

    def paths(self) -> list[tuple[bytes, ...]]:
        """Returns the audit path of each leaf, from the leaf upwards. Made from the root down: two share their rest."""
        above: list[tuple[bytes, ...]] = [()]
        for row in reversed(self._rows[:-1]):
            last = len(row) - 1
            above = [
                above[at >> 1] if at == last and not at & 1 else (row[at ^ 1], *above[at >> 1])
                for at in range(len(row))
            ]
        return above


def deadline_of(now: Instant) -> int:
    """Returns the POSIX second by which what is committed now is promised."""
    return -(-now // SECOND) + DEADLINE_S


def make_receipts(
    entries: Sequence[NewEntry], origin: Origin, *, floor: int, deadline_s: int, signer: NoteSigner
) -> list[Receipt]:
    """Signs one promise for durable entries, at least one, and returns a receipt for each, in their order.

    In the log's own name it promises that they stand from `floor` on in this order.
    """
    tree = BatchTree([entry.hash for entry in entries])
    promise = Promise(origin=origin, floor=floor, deadline_s=deadline_s, count=len(entries), root=tree.root)
    note = Note(promise.text, (signer.sign(promise.text),))
    batch, first = note.encoded, _place(promise, note, 0)
    return [
        Receipt(origin, one.id, one.hash, position, path, batch, None if first is None else first + position)
        for position, (one, path) in enumerate(zip(entries, tree.paths(), strict=True))
    ]


def parse_promise(encoded: str | bytes) -> tuple[Promise, Note]:
    """Reads a batch note without trusting it.

    Raises:
        NoteError: it is not one, or not signed exactly once.
    """
    note = parse_note(encoded, bytes_max=RECEIPT_BYTES_MAX)
    lines = note.text.removesuffix("\n").split("\n")
    if len(lines) != _LINES or lines[0] != HEADER or len(note.signatures) != 1:
        raise NoteError(f"expected {HEADER}, origin, floor, deadline, count and root, and one signature")
    floor, deadline, count = map(parse_size, lines[2:5])
    root = unbase64(lines[5])
    if deadline == 0 or count == 0 or len(root) != HASH_BYTES:
        raise NoteError("a batch has a deadline, at least one leaf, and a root of 32 bytes")
    return Promise(origin=Origin(lines[1]), floor=floor, deadline_s=deadline, count=count, root=root), note


def verify_receipt(receipt: Receipt, keys: Sequence[VerifierKey]) -> Promise:
    """Returns what a receipt promises. `keys` are those that the log, or workers it announced, sign with.

    Raises:
        NoteError: none of the keys signed it, or it is another log's.
        ProofError: the leaf is not in the batch, or the receipt says another place than the note.
    """
    promise, note = parse_promise(receipt.batch)
    signed = [key for key in keys if note.names(key)]
    if not signed:
        raise NoteError(f"no trusted key signed the receipt of {receipt.entry_id}", code="unsigned")
    note.signed_by(signed[0])
    if promise.origin != receipt.origin:
        raise NoteError(f"the receipt says {receipt.origin}, its note {promise.origin}")
    merkle.verify_inclusion(receipt.position, promise.count, receipt.leaf_hash, receipt.path, promise.root)
    if receipt.index != _place(promise, note, receipt.position):
        raise ProofError(f"the receipt says index {receipt.index}, its note another")
    return promise


def receipt_text(receipt: Receipt) -> str:
    """Returns a receipt as one header value: `entry=...;leaf=...;position=...;path=...;batch=...`, in base64."""
    leaf, path, batch = map(base64_text, (receipt.leaf_hash, b"".join(receipt.path), receipt.batch.encode()))
    return f"entry={receipt.entry_id};leaf={leaf};position={receipt.position};path={path};batch={batch}"


def parse_receipt(text: str) -> Receipt:
    """Reads the header's form without trusting it.

    Raises:
        InvalidInputError: the text is no receipt.
    """
    match = _FORM.fullmatch(text) if len(text) <= RECEIPT_BYTES_MAX else None
    if match is None:
        raise InvalidInputError("expected a receipt: entry=...;leaf=...;position=...;path=...;batch=...")
    entry, leaf, position, path, batch = match.groups()
    return _receipt(entry, unbase64(leaf), position, unbase64(path), unbase64(batch))


def encode_receipt(receipt: Receipt) -> str:
    """Returns a receipt as a file: its lines, an empty line, and the batch note."""
    hashes = [base64_text(node) for node in receipt.path]
    lines = [FILE_HEADER, receipt.entry_id, base64_text(receipt.leaf_hash), str(receipt.position), *hashes]
    return "\n".join(lines) + "\n\n" + receipt.batch


def decode_receipt(content: str) -> Receipt:
    """Reads the file's form without trusting it.

    Raises:
        InvalidInputError: the content is no receipt.
    """
    head, _gap, batch = content.partition("\n\n")
    lines = head.split("\n")
    if len(content) > RECEIPT_BYTES_MAX or len(lines) < 4 or lines[0] != FILE_HEADER:  # noqa: PLR2004 - as written
        raise InvalidInputError(f"expected {FILE_HEADER}, entry, leaf hash, position, path, and a batch note")
    path = b"".join(unbase64(line) for line in lines[4:])
    receipt = _receipt(lines[1], unbase64(lines[2]), lines[3], path, batch.encode())
    if encode_receipt(receipt) != content:
        raise InvalidInputError("the receipt is not in its one form")
    return receipt


def _receipt(entry: str, leaf: bytes, position: str, path: bytes, batch: bytes) -> Receipt:
    if not is_ulid(entry) or len(leaf) != HASH_BYTES or len(path) % HASH_BYTES:
        raise InvalidInputError(f"a receipt has an entry's id and hashes of {HASH_BYTES} bytes")
    promise, note = parse_promise(batch)
    nodes = tuple(path[at : at + HASH_BYTES] for at in range(0, len(path), HASH_BYTES))
    at = parse_size(position)
    place = _place(promise, note, at)
    return Receipt(promise.origin, EntryId(entry), leaf, at, nodes, note.encoded, place)


def _place(promise: Promise, note: Note, position: int) -> int | None:
    """The log's own key gives places; a worker's can't know them."""
    return promise.floor + position if note.signatures[0].name == promise.origin else None

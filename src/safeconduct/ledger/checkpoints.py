"""C2SP tlog-checkpoint 1.0.0: a log's signed statement of its size and root."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.keys import KeyUnavailableError
from safeconduct.ledger.merkle import HASH_BYTES
from safeconduct.ledger.notes import (
    Note,
    NoteError,
    NoteSigner,
    VerifierKey,
    base64_text,
    check_key_name,
    parse_note,
    unbase64,
)
from safeconduct.ledger.tiles import INDEX_MAX

_LINES = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says. Extension lines are refused: no monitor can audit them."""

    origin: Origin
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64_text(self.root)}\n"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint and the note it came in. Holding one proves nothing until a key verified it."""

    checkpoint: Checkpoint
    note: Note

    @property
    def encoded(self) -> str:
        """The whole note."""
        return self.note.encoded

    @property
    def cosigned(self) -> bool:
        """Tells whether it bears lines in another name than the log's. Says nothing about whether they verify."""
        return any(line.name != self.checkpoint.origin for line in self.note.signatures)


def parse_checkpoint(encoded: str | bytes) -> SignedCheckpoint:
    """Reads a checkpoint without trusting it.

    Raises:
        NoteError: it is not origin, size and root, signed.
    """
    note = parse_note(encoded)
    lines = note.text.removesuffix("\n").split("\n")
    if len(lines) != _LINES:
        raise NoteError(f"a checkpoint has {_LINES} lines of text (origin, size, root), got {len(lines)}")
    size = parse_size(lines[1])
    root = unbase64(lines[2])
    checkpoint = Checkpoint(Origin(lines[0]), size, root)
    if len(root) != HASH_BYTES or checkpoint.text != note.text:
        raise NoteError(f"a checkpoint's root is the canonical base64 of {HASH_BYTES} bytes")
    check_key_name(lines[0])
    return SignedCheckpoint(checkpoint, note)


def open_checkpoint(encoded: str | bytes, *keys: VerifierKey) -> SignedCheckpoint:
    """Returns a checkpoint that at least one of the log's keys signed.

    Raises:
        NoteError: it is malformed, another log's, not signed by any of them, or a line in the name of one fails.
    """
    signed = parse_checkpoint(encoded)
    own = [key for key in keys if key.name == signed.checkpoint.origin]
    if not own:
        raise NoteError(f"expected a checkpoint of {keys[0].name}, got one of {signed.checkpoint.origin}")
    for key in [key for key in own if signed.note.names(key)] or own[:1]:
        signed.note.signed_by(key)
    return signed


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner, former: Sequence[NoteSigner] = ()) -> SignedCheckpoint:
    """Signs a checkpoint of the signer's own log. Who of the log's former keys can't sign any more is left out.

    Raises:
        InvalidInputError: it is another log's.
        KeyUnavailableError: the signer can't.
    """
    if signer.verifier.name != checkpoint.origin:
        raise InvalidInputError(f"the key of {signer.verifier.name} does not sign for {checkpoint.origin}")
    lines = [signer.sign(checkpoint.text)]
    for one in former:
        with contextlib.suppress(KeyUnavailableError):
            lines.append(one.sign(checkpoint.text))
    return SignedCheckpoint(checkpoint, Note(checkpoint.text, tuple(lines)))


def parse_size(text: str) -> int:
    """Reads a tree size: ASCII decimal without leading zeroes.

    Raises:
        NoteError: it is not one, or over INDEX_MAX.
    """
    if not (text.isascii() and text.isdigit()) or (text[0] == "0" and text != "0"):
        raise NoteError(f"expected a tree size in decimal without leading zeroes, got {text[:40]!r}")
    # Measured by digits first: reading a number of very many takes long.
    if len(text) > len(str(INDEX_MAX)) or int(text) > INDEX_MAX:
        raise NoteError(f"a tree has at most {INDEX_MAX} entries, got {text[:40]}")
    return int(text)

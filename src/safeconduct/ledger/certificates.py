"""The house's certificate that it destroyed data keys: a note by the log's key. docs/spec/opening.md section 4."""

import base64
import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339
from safeconduct.ledger.notes import Note, NoteError, NoteSigner, VerifierKey, parse_note

HEADER = "safeconduct/destruction/v1"
"""The first line. The second is no number, so a certificate can't be taken for a checkpoint."""

_LINES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What its signer says: `holder` destroyed so many keys of `order`, which stands in the log `origin`.

    `digest` is SHA-256 over the sorted key ids, each with a newline, in base64.
    """

    origin: Origin
    order: EntryId
    holder: Reader
    method: str
    at: Instant
    count: int
    digest: str

    @property
    def text(self) -> str:
        """The signed text."""
        lines = (
            HEADER,
            self.origin,
            self.order,
            self.holder.value,
            self.method,
            rfc3339(self.at),
            str(self.count),
            self.digest,
        )
        return "".join(f"{line}\n" for line in lines)

    def covers(self, keys: Collection[str]) -> bool:
        """Tells whether it is about exactly these keys."""
        return (self.count, self.digest) == (len(keys), keys_digest(keys))


def keys_digest(keys: Collection[str]) -> str:
    """Returns what stands for keys in a certificate."""
    return base64.b64encode(hashlib.sha256("".join(f"{key}\n" for key in sorted(keys)).encode()).digest()).decode()


def sign_certificate(certificate: Certificate, signer: NoteSigner) -> str:
    """Returns the certificate as a note."""
    return Note(certificate.text, (signer.sign(certificate.text),)).encoded


def read_certificate(encoded: str, key: VerifierKey) -> Certificate:
    """Returns what a certificate says, signed by the key.

    Raises:
        NoteError: it is none, or not the key's.
    """
    note = parse_note(encoded)
    note.signed_by(key)
    lines = note.text.split("\n")
    if len(lines) != _LINES + 1 or lines[0] != HEADER:
        raise NoteError(f"expected {_LINES} lines that begin with {HEADER}")
    try:
        found = Certificate(
            origin=Origin(lines[1]),
            order=EntryId(lines[2]),
            holder=Reader(lines[3]),
            method=lines[4],
            at=parse_rfc3339(lines[5]),
            count=int(lines[6]),
            digest=lines[7],
        )
    except (ValueError, InvalidInputError) as error:
        raise NoteError(f"the certificate can't be read: {error}") from error
    if found.text != note.text:
        raise NoteError("the certificate would be written otherwise")
    return found

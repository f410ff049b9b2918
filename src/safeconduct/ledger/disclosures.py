"""Disclosing one sealed field: a file that shows its value to whoever has public keys, and nothing of another field.

The text is ours: a header, the field's name, salt and value, an empty line, then the evidence for the entry as a
c2sp.org/tlog-proof@v1 file (proofs.py), whose leaf commits to the value.
"""

from dataclasses import dataclass

import msgspec

from safeconduct.kernel.canonical import JSONValue, canonical
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.ledger.envelope import SALT_BYTES, SEALED_BYTES_MAX, Opening, check_opening, decode_leaf
from safeconduct.ledger.merkle import ProofError
from safeconduct.ledger.notes import NoteError, base64_text, unbase64
from safeconduct.ledger.proofs import PROOF_FILE_BYTES_MAX, ProvenEntry, verify_proof
from safeconduct.ledger.trust import Trust

HEADER = "safeconduct/disclosure/v1"
DISCLOSURE_BYTES_MAX = SEALED_BYTES_MAX * 4 // 3 + 1024 + PROOF_FILE_BYTES_MAX  # base64 value, name and salt, evidence
_KEYS = ("field", "salt", "value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """A field whose value the entry commits to, and the entry, whose evidence verified."""

    field: str
    value: JSONValue
    proven: ProvenEntry


def encode_disclosure(opening: Opening, proof: str) -> str:
    """Returns the file's text: it discloses this one field to whoever reads it. `proof` is the entry's evidence."""
    salt, value = base64_text(opening.salt), base64_text(canonical(opening.value))
    return f"{HEADER}\nfield {opening.field}\nsalt {salt}\nvalue {value}\n\n{proof}"


def verify_disclosure(text: bytes, trust: Trust) -> Disclosed:
    """Returns the field that a disclosure shows, checked with public keys alone.

    Raises:
        ProofError: it is malformed, its entry is not proven, or the entry does not commit to the value
            (`commitment-mismatch`).
        NoteError: the checkpoint is not signed by the log, or carries a signature line that can't be checked.
        PolicyError: `quorum-missing`: its cosignatures don't fill the quorum.
    """
    if len(text) > DISCLOSURE_BYTES_MAX:
        raise ProofError(f"a disclosure has at most {DISCLOSURE_BYTES_MAX} bytes, got {len(text)}")
    head, _gap, proof = text.partition(b"\n\n")
    name, salt, value = _parts(head)
    proven = verify_proof(proof, trust)
    opening = Opening(entry_id=proven.entry.id, field=name, salt=salt, value=value)
    try:
        check_opening(decode_leaf(proven.leaf), opening)
    except UnavailableError as error:
        raise ProofError(error.message, code=error.code) from error
    return Disclosed(field=name, value=value, proven=proven)


def is_disclosure(text: bytes) -> bool:
    """Tells whether a file claims to be a disclosure."""
    return text.startswith(f"{HEADER}\n".encode())


def evidence_in(text: bytes) -> bytes:
    """Returns the evidence part of a disclosure; another file as it is. Nothing is checked."""
    return text.partition(b"\n\n")[2] if is_disclosure(text) else text


def _parts(head: bytes) -> tuple[str, bytes, JSONValue]:
    lines = head.decode("utf-8", "replace").split("\n")
    if lines[:1] != [HEADER] or [line.partition(" ")[0] for line in lines[1:]] != list(_KEYS):
        raise ProofError(f"expected {HEADER} with a line each for field, salt and value, then evidence")
    name, salt, value = (line.partition(" ")[2] for line in lines[1:])
    try:
        return name, _salt(unbase64(salt)), _value(unbase64(value))
    except NoteError as error:
        raise ProofError("expected canonical base64 in the salt and value lines") from error


def _salt(salt: bytes) -> bytes:
    if len(salt) != SALT_BYTES:
        raise ProofError(f"a salt has {SALT_BYTES} bytes, got {len(salt)}")
    return salt


def _value(encoded: bytes) -> JSONValue:
    try:
        value: JSONValue = msgspec.json.decode(encoded)
        same = canonical(value) == encoded
    except (msgspec.MsgspecError, UnicodeDecodeError, InvalidInputError) as error:
        raise ProofError(f"the value can't be read: {error}") from error
    if not same:
        raise ProofError("the value is not in canonical form")
    return value

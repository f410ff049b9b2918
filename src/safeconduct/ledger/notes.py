"""C2SP signed-note 1.0.0 and tlog-cosignature 1.1.0-rc: notes, verifier keys, signatures and timestamped cosignatures.

Reading is strict: a note has one form only, so that a changed byte is a changed note.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.cosignatures import (
    NAME_BYTES_MAX,
    TIMESTAMP_BYTES,
    TIMESTAMP_MAX,
    ed25519_message,
    mldsa44_message,
)
from safeconduct.ledger.keys import (
    ED25519_SIGNATURE_BYTES,
    MLDSA44_PUBLIC_BYTES,
    MLDSA44_SIGNATURE_BYTES,
    PostQuantumKey,
    PostQuantumSecret,
    PublicKey,
    SigningKey,
)

NOTE_BYTES_MAX = 65_536  # 16 signatures of nearly 5 kB, the most a verifier must accept, fit
SIGNATURES_MAX = 16  # what a verifier must accept at least; more is nobody's honest note here
KEY_ID_BYTES = 4
KEY_NAME_CHARS_MAX = 255
ED25519_PUBLIC_BYTES = 32
_DASH = "— "


class NoteError(InvalidInputError):
    """A note is malformed, or no trusted key signed it."""

    default_code = "note-invalid"


class SignatureType(IntEnum):
    """What a key signs: a note's text, or a timestamp and a checkpoint."""

    ED25519 = 0x01
    COSIGNATURE = 0x04
    ML_DSA_44 = 0x06

    @property
    def cosigns(self) -> bool:
        """Tells whether such a key signs a timestamp with a checkpoint: a witness's or a mirror's."""
        return self is not SignatureType.ED25519

    @property
    def key_bytes(self) -> int:
        """The length of its public key."""
        return MLDSA44_PUBLIC_BYTES if self is SignatureType.ML_DSA_44 else ED25519_PUBLIC_BYTES

    @property
    def signature_bytes(self) -> int:
        """The length of what stands in a signature line after the key's id."""
        if self is SignatureType.ED25519:
            return ED25519_SIGNATURE_BYTES
        own = MLDSA44_SIGNATURE_BYTES if self is SignatureType.ML_DSA_44 else ED25519_SIGNATURE_BYTES
        return TIMESTAMP_BYTES + own


@dataclass(frozen=True)
class VerifierKey:
    """A named key of one signature type; `text` is `<name>+<key id in hex>+<base64 of type and key>`."""

    name: str
    kind: SignatureType
    key: PublicKey | PostQuantumKey

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if self.kind is SignatureType.ML_DSA_44 and len(self.name.encode()) > NAME_BYTES_MAX:
            raise NoteError(f"the name of an ML-DSA-44 key has at most {NAME_BYTES_MAX} bytes")

    @cached_property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256 over name, newline, type and key."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.key.raw).digest()[:KEY_ID_BYTES]

    @cached_property
    def text(self) -> str:
        """The C2SP text form."""
        return f"{self.name}+{self.key_id.hex()}+{base64_text(bytes([self.kind]) + self.key.raw)}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Reads the text form.

        Raises:
            InvalidInputError: it is malformed, of a type we don't know, or its key id does not fit its key.
        """
        form = "a verifier key of the form <name>+<8 hex digits>+<base64>"
        parts = text.strip().split("+", 2)
        if len(parts) != 3:  # noqa: PLR2004 - name, id, key
            raise InvalidInputError(f"expected {form}, got {text[:80]!r}", code="key-invalid")
        raw = unbase64(parts[2])
        if not raw or raw[0] not in set(SignatureType) or len(raw) != 1 + SignatureType(raw[0]).key_bytes:
            raise InvalidInputError(
                f"expected {form} holding an Ed25519 key of type 1 or 4, or an ML-DSA-44 key of type 6",
                code="key-invalid",
            )
        kind = SignatureType(raw[0])
        made = PostQuantumKey if kind is SignatureType.ML_DSA_44 else PublicKey
        key = cls(parts[0], kind, made(raw[1:]))
        if key.text != text.strip():
            raise InvalidInputError(f"the key id of {parts[0]} does not fit its key", code="key-invalid")
        return key


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who says it is from them, and the bytes."""

    name: str
    key_id: bytes
    data: bytes

    @property
    def line(self) -> str:
        """The line with its newline."""
        return f"{_DASH}{self.name} {base64_text(self.key_id + self.data)}\n"

    def is_by(self, key: VerifierKey) -> bool:
        """Tells whether the line claims to be the key's. Says nothing about whether it verifies."""
        return self.name == key.name and self.key_id == key.key_id

    @property
    def timestamp(self) -> int:
        """The POSIX seconds that a cosignature states."""
        return int.from_bytes(self.data[:TIMESTAMP_BYTES])


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the signatures that stand under it, none of them verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    @property
    def encoded(self) -> str:
        """The whole note."""
        return f"{self.text}\n{''.join(signature.line for signature in self.signatures)}"

    def names(self, key: VerifierKey) -> bool:
        """Tells whether a line claims to be the key's. Says nothing about whether it verifies."""
        return any(signature.is_by(key) for signature in self.signatures)

    def signed_by(self, key: VerifierKey) -> Signature:
        """Returns the key's signature, verified.

        Raises:
            NoteError: the key did not sign, or one of its signatures does not verify.
        """
        own = [signature for signature in self.signatures if signature.is_by(key)]
        if not own:
            raise NoteError(
                f"{key.name} did not sign it (expected key id {key.key_id.hex()})",
                code="unsigned",
                remedy="pass the key that signed it; of a log whose key was rotated, the evidence with --rotation",
            )
        for signature in own:
            if not _verifies(key, self.text, signature):
                raise NoteError(f"the signature of {key.name} does not verify", code="signature-invalid")
        return own[0]

    def with_signatures(self, more: Iterable[Signature]) -> "Note":
        """Returns the note with further signatures after those it has."""
        return Note(self.text, (*self.signatures, *(one for one in more if one not in self.signatures)))


class NoteSigner:
    """Signs notes' texts in a key's name."""

    def __init__(self, name: str, key: SigningKey) -> None:
        self._key = key
        self.verifier = VerifierKey(name, SignatureType.ED25519, key.public)

    def sign(self, text: str) -> Signature:
        """Returns the signature of a text that ends in a newline."""
        key = self.verifier
        return Signature(key.name, key.key_id, self._key.sign(text.encode()))


class Cosigner:
    """Cosigns checkpoints in a witness's or a mirror's name. The key must serve nothing else (tlog-cosignature)."""

    def __init__(self, name: str, key: SigningKey | PostQuantumSecret) -> None:
        self._key = key
        post_quantum = isinstance(key.public, PostQuantumKey)
        self.verifier = VerifierKey(
            name, SignatureType.ML_DSA_44 if post_quantum else SignatureType.COSIGNATURE, key.public
        )

    def cosign(self, text: str, at_s: int) -> Signature:
        """Returns the cosignature of a checkpoint's text at a POSIX second.

        Raises:
            InvalidInputError: the time is out of bounds, or the text can't be signed with such a key.
        """
        if not 0 < at_s <= TIMESTAMP_MAX:
            raise InvalidInputError(f"a cosignature's time is between 1 and 2^63 - 1, got {at_s}")
        signature = self._key.sign(_cosigned(self.verifier, text, at_s))
        return Signature(self.verifier.name, self.verifier.key_id, at_s.to_bytes(TIMESTAMP_BYTES) + signature)


def parse_note(encoded: str | bytes, *, bytes_max: int = NOTE_BYTES_MAX) -> Note:
    """Reads a signed note.

    Raises:
        NoteError: it is not in the one form that signed-note 1.0.0 gives it, or over its limits.
    """
    text = _decoded(encoded, bytes_max)
    head, gap, tail = text.rpartition("\n\n")
    if not gap or not head or not tail.endswith("\n"):
        raise NoteError("expected a text, an empty line and signature lines")
    lines = tail.removesuffix("\n").split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise NoteError(f"expected at most {SIGNATURES_MAX} signatures, got {len(lines)}")
    note = Note(head + "\n", tuple(parse_signature(line) for line in lines))
    if note.encoded != text:
        raise NoteError("the note is not in canonical form")
    return note


def parse_signature(line: str) -> Signature:
    """Reads one signature line without its newline.

    Raises:
        NoteError: it is no signature line.
    """
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise NoteError(f"expected a signature line '{_DASH}<name> <base64>', got {line[:80]!r}")
    raw = unbase64(encoded)
    if len(raw) <= KEY_ID_BYTES:
        raise NoteError(f"the signature of {name} is too short to be one")
    check_key_name(name)
    return Signature(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def parse_signatures(lines: str) -> Sequence[Signature]:
    """Reads signature lines, each with its newline: what a witness answers.

    Raises:
        NoteError: there is none, or a line is no signature line.
    """
    if not lines.endswith("\n"):
        raise NoteError("expected signature lines, each ending in a newline")
    return [parse_signature(line) for line in lines.removesuffix("\n").split("\n")]


def check_key_name(name: str) -> None:
    """Returns if the name may name a key.

    Raises:
        NoteError: it is empty, too long, or holds a space, a plus sign or a control character.
    """
    odd = any(c.isspace() or c < " " or "\ud800" <= c <= "\udfff" for c in name)  # a surrogate has no UTF-8
    if not 0 < len(name) <= KEY_NAME_CHARS_MAX or "+" in name or odd:
        raise NoteError(f"a key name has 1 to {KEY_NAME_CHARS_MAX} characters, no space and no plus; got {name[:80]!r}")


def _decoded(encoded: str | bytes, bytes_max: int) -> str:
    try:
        raw = encoded if isinstance(encoded, bytes) else encoded.encode()
        text = raw.decode()
    except UnicodeError as error:
        raise NoteError("a note is UTF-8") from error
    if len(raw) > bytes_max:
        raise NoteError(f"a note has at most {bytes_max} bytes, got {len(raw)}")
    if any(letter < " " and letter != "\n" for letter in text):
        raise NoteError("a note holds no control characters other than newline")
    return text


def _verifies(key: VerifierKey, text: str, signature: Signature) -> bool:
    data = signature.data
    if len(data) != key.kind.signature_bytes:
        return False
    if not key.kind.cosigns:
        return key.key.verifies(data, text.encode())
    at_s = signature.timestamp
    try:
        # Time 0 says under ML-DSA-44 that the cosigner knows of a larger tree: less than we ask a cosigner for.
        return 0 < at_s <= TIMESTAMP_MAX and key.key.verifies(data[TIMESTAMP_BYTES:], _cosigned(key, text, at_s))
    except InvalidInputError:
        return False


def _cosigned(key: VerifierKey, text: str, at_s: int) -> bytes:
    if key.kind is SignatureType.ML_DSA_44:
        return mldsa44_message(key.name, text, at_s)
    return ed25519_message(text, at_s)


def base64_text(raw: bytes) -> str:
    """Returns base64 in its one canonical form."""
    return base64.b64encode(raw).decode()


def unbase64(text: str) -> bytes:
    """Reads base64 in its one canonical form.

    Raises:
        NoteError: it is not.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise NoteError(f"{text[:80]!r} is not base64") from error
    if base64_text(raw) != text:
        raise NoteError(f"{text[:80]!r} is not canonical base64")
    return raw

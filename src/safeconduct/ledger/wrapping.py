"""Wrapping a data key for another reader: HPKE (RFC 9180) with X25519, HKDF-SHA256 and AES-256-GCM, and its keys."""

import base64
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.keys import decode_key

SECRET_BYTES = 32
PUBLIC_PREFIX = "x25519:"
SECRET_PREFIX = "x25519-secret:"  # noqa: S105 - a text form's prefix, not a secret
READERS_MAX = 64  # parsed public keys kept; an agreement names at most one for each of four readers
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_BOUND = "safeconduct/wrapped-key/v1"


@dataclass(frozen=True, slots=True)
class ReaderPublic:
    """A reader's X25519 public key; `text` is `x25519:` and the base64 of its 32 bytes."""

    raw: bytes

    @property
    def text(self) -> str:
        """The form used in program files."""
        return PUBLIC_PREFIX + base64.b64encode(self.raw).decode()

    @classmethod
    def parse(cls, text: str) -> "ReaderPublic":
        """Reads the text form.

        Raises:
            InvalidInputError: not `x25519:` and the base64 of 32 bytes.
        """
        return cls(decode_key(text, PUBLIC_PREFIX))


class ReaderSecret:
    """A reader's X25519 secret key. Its repr shows the public half only."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._key = X25519PrivateKey.from_private_bytes(raw)
        self.public = ReaderPublic(self._key.public_key().public_bytes_raw())

    @property
    def text(self) -> str:
        """The form of a key file's one line. Secret."""
        return SECRET_PREFIX + base64.b64encode(self._raw).decode()

    @classmethod
    def parse(cls, text: str) -> "ReaderSecret":
        """Reads the text form.

        Raises:
            InvalidInputError: not `x25519-secret:` and the base64 of 32 bytes.
        """
        return cls(decode_key(text.strip(), SECRET_PREFIX))

    def unwrap(self, wrapped: bytes, origin: Origin, key_id: str, reader: Reader) -> bytes:
        """Returns a data key that was wrapped for this reader.

        Raises:
            UnavailableError: it was wrapped for another public key, reader, log or id, or is damaged.
        """
        try:
            return bytes(_SUITE.decrypt(wrapped, self._key, info=_bound(origin, key_id, reader)))
        except (InvalidTag, ValueError) as error:
            raise UnavailableError(
                f"the data key {key_id} does not open with {self.public.text}",
                code="data-key-damaged",
                remedy="use the secret key whose public half the agreement names for this role",
            ) from error

    def __repr__(self) -> str:
        return f"ReaderSecret(public={self.public.text})"


def wrap_for(public: str, key: bytes, origin: Origin, key_id: str, reader: Reader) -> bytes:
    """Returns a data key wrapped for a reader: encapsulated key, then ciphertext; bound to log, id and reader.

    Raises:
        InvalidInputError: the public key is none.
    """
    try:
        return bytes(_SUITE.encrypt(key, _public(public), info=_bound(origin, key_id, reader)))
    except ValueError as error:  # a point of small order, under which every secret is the same
        raise InvalidInputError(f"{public} is no X25519 public key", code="reader-key-unusable") from error


@lru_cache(maxsize=READERS_MAX)
def _public(text: str) -> X25519PublicKey:
    return X25519PublicKey.from_public_bytes(ReaderPublic.parse(text).raw)


def _bound(origin: Origin, key_id: str, reader: Reader) -> bytes:
    return f"{_BOUND}\n{origin}\n{key_id}\n{reader}".encode()

"""Keys and their text forms: Ed25519 for logs, people and cosigners; ML-DSA-44 (FIPS 204) for cosigners."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from safeconduct.kernel.errors import InvalidInputError, UnavailableError

SEED_BYTES = 32
PUBLIC_PREFIX = "ed25519:"
SECRET_PREFIX = "ed25519-secret:"  # noqa: S105 - a text form's prefix, not a secret
MLDSA44_SECRET_PREFIX = "ml-dsa-44-secret:"  # noqa: S105 - a text form's prefix, not a secret
MLDSA44_PUBLIC_BYTES = 1312
MLDSA44_SIGNATURE_BYTES = 2420
ED25519_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key; `text` is `ed25519:` and the base64 of its 32 bytes."""

    raw: bytes

    @property
    def text(self) -> str:
        """The form used in program files."""
        return PUBLIC_PREFIX + base64.b64encode(self.raw).decode()

    @property
    def fingerprint(self) -> str:
        """The first 16 hex digits of the key's SHA-256, for people."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tells whether the signature over the message is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    @classmethod
    def parse(cls, text: str) -> "PublicKey":
        """Reads the text form.

        Raises:
            InvalidInputError: not `ed25519:` and the base64 of 32 bytes.
        """
        return cls(decode_key(text, PUBLIC_PREFIX))


class KeyUnavailableError(UnavailableError):
    """Who keeps a secret key can't be reached, refuses, or does not have it."""

    default_code = "key-unavailable"


class SigningKey(Protocol):
    """An Ed25519 key that signs, wherever its secret is kept. Any thread may use it."""

    @property
    def public(self) -> PublicKey:
        """The public half. Known without asking whoever keeps the secret."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Returns the 64-byte signature (RFC 8032).

        Raises:
            KeyUnavailableError: whoever keeps the secret does not sign.
        """
        ...


class KeyKeeper(Protocol):
    """Keeps Ed25519 keys under names and never gives their secrets out. Any thread may use it."""

    def make(self, name: str) -> PublicKey:
        """Makes a key, durably, and returns its public half.

        Raises:
            KeyUnavailableError: it can't be reached, refuses, or has a key of that name.
        """
        ...

    def sign(self, name: str, message: bytes) -> bytes:
        """Returns the 64-byte signature of the key of that name.

        Raises:
            KeyUnavailableError: it can't be reached, refuses, or has no such key.
        """
        ...


class SecretKey:
    """`SigningKey` whose secret is in this process's memory. Its repr shows the public half only."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise InvalidInputError(f"an Ed25519 seed has {SEED_BYTES} bytes, got {len(seed)}")
        self._seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(self._key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Returns the 64-byte signature (RFC 8032)."""
        return self._key.sign(message)

    @property
    def text(self) -> str:
        """The form of a key file's one line. Secret."""
        return SECRET_PREFIX + base64.b64encode(self._seed).decode()

    @classmethod
    def parse(cls, text: str) -> "SecretKey":
        """Reads the text form.

        Raises:
            InvalidInputError: not `ed25519-secret:` and the base64 of 32 bytes.
        """
        return cls(decode_key(text.strip(), SECRET_PREFIX))

    def __repr__(self) -> str:
        return f"SecretKey(public={self.public.text})"


@dataclass(frozen=True, slots=True)
class PostQuantumKey:
    """An ML-DSA-44 public key in FIPS 204's encoding."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != MLDSA44_PUBLIC_BYTES:
            raise InvalidInputError(f"an ML-DSA-44 public key has {MLDSA44_PUBLIC_BYTES} bytes, got {len(self.raw)}")

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tells whether the signature over the message, with an empty context, is this key's."""
        try:
            MLDSA44PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class PostQuantumSecret:
    """An ML-DSA-44 secret key, kept as its seed. Its repr shows no part of it."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise InvalidInputError(f"an ML-DSA-44 seed has {SEED_BYTES} bytes, got {len(seed)}")
        self._seed = seed
        self._key = MLDSA44PrivateKey.from_seed_bytes(seed)
        self.public = PostQuantumKey(self._key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Returns a signature with an empty context. Two over one message differ: signing is hedged."""
        return self._key.sign(message)

    @property
    def text(self) -> str:
        """The form of a key file's one line. Secret."""
        return MLDSA44_SECRET_PREFIX + base64.b64encode(self._seed).decode()

    def __repr__(self) -> str:
        return f"PostQuantumSecret(public={hashlib.sha256(self.public.raw).hexdigest()[:16]})"


def parse_secret(text: str) -> SecretKey | PostQuantumSecret:
    """Reads a cosigner's secret key in either text form.

    Raises:
        InvalidInputError: it is neither.
    """
    if text.strip().startswith(MLDSA44_SECRET_PREFIX):
        return PostQuantumSecret(decode_key(text.strip(), MLDSA44_SECRET_PREFIX))
    return SecretKey.parse(text)


def decode_key(text: str, prefix: str) -> bytes:
    """Returns the 32 bytes of a key's text form.

    Raises:
        InvalidInputError: not the prefix and their base64.
    """
    form = f"{prefix} and the base64 of {SEED_BYTES} bytes"
    if not text.startswith(prefix):
        raise InvalidInputError(f"expected a key of the form {form}")
    try:
        raw = base64.b64decode(text.removeprefix(prefix), validate=True)
    except ValueError as error:
        raise InvalidInputError(f"expected a key of the form {form}; the base64 is broken") from error
    if len(raw) != SEED_BYTES:
        raise InvalidInputError(f"expected a key of the form {form}, got {len(raw)} bytes")
    return raw

"""Bearer secrets: random text that is shown once, and what is kept of it."""

import base64
import hashlib

from safeconduct.kernel.ports import Entropy

SECRET_BYTES = 32
"""Random bytes of a secret: beyond guessing, so that its plain SHA-256 may be stored."""


def make_secret(entropy: Entropy) -> str:
    """Returns a fresh secret, 43 characters that stand in a header or an address as they are."""
    return base64.urlsafe_b64encode(entropy(SECRET_BYTES)).decode().rstrip("=")


def secret_hash(secret: str) -> str:
    """Returns what is kept of a secret. It is random, so that the hash can't be searched."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()

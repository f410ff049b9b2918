"""Evidence as everybody here hands it in: a digest, what it is and where it is from. The document goes nowhere."""

import re

from safeconduct.access.reading import NAME
from safeconduct.kernel.errors import InvalidInputError

_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_evidence(kind: str, sha256: str, source: str) -> None:
    """Returns if these can be evidence: a SHA-256, and two names.

    Raises:
        InvalidInputError: `evidence-invalid`.
    """
    if not _SHA256.fullmatch(sha256):
        text = f"expected SHA-256 as 64 hex digits in lower case, got {sha256[:80]!r}"
        raise InvalidInputError(text, code="evidence-invalid")
    for name in (kind, source):
        if not re.fullmatch(NAME, name):
            text = f"kind and source of evidence are names such as civil-registry, got {name[:64]!r}"
            raise InvalidInputError(text, code="evidence-invalid")

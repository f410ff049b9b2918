"""What a cosignature signs (C2SP tlog-cosignature 1.1.0-rc): time and text with Ed25519, a struct with ML-DSA-44."""

import base64

from safeconduct.kernel.errors import InvalidInputError

TIMESTAMP_BYTES = 8
TIMESTAMP_MAX = 2**63 - 1
NAME_BYTES_MAX = 255  # cosigner_name and log_origin are opaque<1..2^8-1>
_LABEL = b"subtree/v1\n\x00"
_LINES = 3
_HASH_BYTES = 32


def ed25519_message(text: str, at_s: int) -> bytes:
    """Returns what a cosignature of type 0x04 signs: header, time and the checkpoint's whole text."""
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def mldsa44_message(name: str, text: str, at_s: int) -> bytes:
    """Returns what a cosignature of type 0x06 signs: `cosigned_message` over cosigner, time, origin, size and root.

    Raises:
        InvalidInputError: the text is not origin, size and root and no more - extension lines would stand there
            unsigned - or a name is too long for the struct.
    """
    lines = text.removesuffix("\n").split("\n")
    if len(lines) != _LINES or not text.endswith("\n"):
        raise InvalidInputError("an ML-DSA-44 cosignature covers origin, size and root, and no other line")
    origin, size, root = lines
    return b"".join(
        (_LABEL, _opaque(name), at_s.to_bytes(8), _opaque(origin), bytes(8), _size(size).to_bytes(8), _root(root))
    )


def _opaque(name: str) -> bytes:
    raw = name.encode()
    if not 0 < len(raw) <= NAME_BYTES_MAX:
        raise InvalidInputError(f"a name under ML-DSA-44 has 1 to {NAME_BYTES_MAX} bytes, got {len(raw)}")
    return len(raw).to_bytes(1) + raw


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(TIMESTAMP_MAX))) or str(int(text)) != text:
        raise InvalidInputError(f"expected a tree size in decimal, got {text[:40]!r}")
    return int(text)


def _root(text: str) -> bytes:
    try:
        root = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidInputError("expected a root in base64") from error
    if len(root) != _HASH_BYTES or base64.b64encode(root).decode() != text:
        raise InvalidInputError(f"expected the canonical base64 of {_HASH_BYTES} bytes")
    return root

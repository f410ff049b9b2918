"""What somebody with a disk can try: search it for secrets, and use all that is on it as keys."""

from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PIECE = 8  # bytes in a row that could not be there by chance
KEY_BYTES = 32


def contents(folder: Path) -> list[bytes]:
    """Returns what is in the files below a folder."""
    return [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]


def found(folder, secrets):
    """Returns those secrets of which a part is in any file."""
    there = {piece for content in contents(folder) for piece in pieces(content)}
    return [secret for secret in secrets if not there.isdisjoint(pieces(secret))]


def pieces(content):
    return {content[at : at + PIECE] for at in range(len(content) - PIECE + 1)}


def opened_by_any_key(blob, entry_id, field, content):
    """Tries every 32 bytes in a row as the data key of a sealed field; returns what opens, or None."""
    bound = f"safeconduct/sealed/v1\n{entry_id}\n{field}".encode()
    for key in {content[at : at + KEY_BYTES] for at in range(len(content) - KEY_BYTES + 1)}:
        try:
            return AESGCM(key).decrypt(blob[:12], blob[12:], bound)
        except InvalidTag:
            continue
    return None

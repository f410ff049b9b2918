"""Looks for secret keys as an attacker with a copy of the disk would: each 32 bytes, also within base64 and hex."""

import base64
import re
from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEED_BYTES = 32
DISTINCT_MIN = 20  # of 32 random bytes about 30 differ; 19 or fewer come once in 10^13


def exposed(folder, public_keys):
    """Returns the files that hold the secret of one of the public keys (32 bytes each)."""
    wanted = set(public_keys)
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(public(seed) in wanted for seed in candidates(path.read_bytes()))
    )


def candidates(content) -> Iterator[bytes]:
    raw = [content]
    raw += [base64.b64decode(text + b"=" * (-len(text) % 4)) for text in re.findall(rb"[A-Za-z0-9+/]{43}", content)]
    raw += [bytes.fromhex(text.decode()) for text in re.findall(rb"[0-9a-fA-F]{64}", content)]
    seen = set()
    for part in raw:
        for start in range(len(part) - SEED_BYTES + 1):
            seed = part[start : start + SEED_BYTES]
            if seed not in seen and len(set(seed)) >= DISTINCT_MIN:
                seen.add(seed)
                yield seed


def public(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()

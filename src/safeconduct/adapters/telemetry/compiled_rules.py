"""Compiled rules in a folder of the installation's, each file under a MAC that only this installation can make."""

import hmac
import os
import stat
from hashlib import sha256
from pathlib import Path

from safeconduct.adapters.files import write_atomically, write_secret
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ports import Entropy

KEY = "key"
KEY_BYTES = MAC_BYTES = 32

FILES_MAX = 16
"""Rule sets kept, the latest written. One of 3,000 rules takes some 14 MB."""

FILE_BYTES_MAX = 512 * 1024 * 1024
"""Bytes of one file; twenty times what all public rules take."""

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class CompiledRulesFolder:
    """`CompiledRules` as files. Nothing is read from a folder or file that somebody else could have written.

    Whatever is wrong with them, the rules are made anew; nothing raises.
    """

    def __init__(self, folder: Path, entropy: Entropy) -> None:
        self._folder = folder
        self._entropy = entropy

    def read(self, key: str) -> bytes | None:
        """As `CompiledRules.read`."""
        try:
            secret, content = self._secret(), self._own(key)
        except (OSError, ValueError, UnavailableError):
            return None
        mac, kept = content[:MAC_BYTES], content[MAC_BYTES:]
        return kept if hmac.compare_digest(mac, _mac(secret, key, kept)) else None

    def keep(self, key: str, content: bytes) -> None:
        """As `CompiledRules.keep`. Of more than FILES_MAX, the oldest go."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            write_atomically(self._folder / key, _mac(self._secret(), key, content) + content)
            kept = [path for path in self._folder.iterdir() if path.name != KEY]
            for path in sorted(kept, key=lambda one: one.stat().st_mtime)[:-FILES_MAX]:
                path.unlink(missing_ok=True)
        except (OSError, ValueError, UnavailableError):
            return

    def _secret(self) -> bytes:
        if not (self._folder / KEY).exists():
            write_secret(self._folder / KEY, self._entropy(KEY_BYTES).hex())
        found = bytes.fromhex(self._own(KEY).decode())
        if len(found) != KEY_BYTES:
            raise ValueError(f"expected {KEY_BYTES} bytes, got {len(found)}")
        return found

    def _own(self, name: str) -> bytes:
        """Returns a file's content, if only we can have written it."""
        _refuse_others(self._folder.stat())
        descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            _refuse_others(found)
            if found.st_size > FILE_BYTES_MAX:
                raise ValueError(f"over {FILE_BYTES_MAX} bytes")
            return file.read()


def _refuse_others(found: os.stat_result) -> None:
    if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_WRITE:
        raise ValueError("somebody else could have written it")


def _mac(secret: bytes, key: str, content: bytes) -> bytes:
    return hmac.new(secret, key.encode() + b"\0" + content, sha256).digest()

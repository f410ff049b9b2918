"""Key-encryption keys of the house as files, one each, named by their ids. Who reads one can open the data keys."""

import base64
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from safeconduct.adapters.files import sync_folder, translated, write_secret
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ports import Entropy
from safeconduct.ledger.key_ports import KeyWrapper

PREFIX = "aes256-secret:"
KEY_BYTES = 32
NONCE_BYTES = 12
ID_BYTES = 8
_FOLDER_MODE = 0o700


class FileWrapper:
    """`KeyWrapper` over a key in memory: AES-256-GCM with a random nonce before the ciphertext."""

    def __init__(self, key_id: str, key: bytes, entropy: Entropy) -> None:
        self.id = key_id
        self._cipher = AESGCM(key)
        self._entropy = entropy

    def wrap(self, key: bytes, bound: bytes) -> bytes:
        nonce = self._entropy(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, bound)

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound)
        except (InvalidTag, ValueError) as error:
            raise UnavailableError(
                f"a data key does not open under the key-encryption key {self.id}", code="data-key-damaged"
            ) from error


class FileWrappingKeys:
    """`WrappingKeys` as a folder. A file is overwritten before it is removed.

    A file system or a disk that keeps former versions of a file keeps the key too: there, hold it in a token.
    """

    def __init__(self, folder: Path, entropy: Entropy) -> None:
        self._folder = folder
        self._entropy = entropy
        with translated(folder):
            folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)

    def ids(self) -> list[str]:
        with translated(self._folder):
            return sorted(path.name for path in self._folder.iterdir())

    def find(self, key_id: str) -> KeyWrapper:
        path = self._folder / key_id
        if not path.is_file():
            raise missing(key_id)
        with translated(path):
            text = path.read_text(encoding="utf-8").strip()
        return FileWrapper(key_id, _decode(key_id, text), self._entropy)

    def make(self) -> KeyWrapper:
        key_id, key = self._entropy(ID_BYTES).hex(), self._entropy(KEY_BYTES)
        write_secret(self._folder / key_id, PREFIX + base64.b64encode(key).decode() + "\n")
        with translated(self._folder):
            sync_folder(self._folder)
        return FileWrapper(key_id, key, self._entropy)

    def destroy(self, key_id: str) -> None:
        path = self._folder / key_id
        with translated(path):
            if path.exists():
                with path.open("r+b") as file:
                    file.write(self._entropy(path.stat().st_size))
                    file.flush()
                    os.fsync(file.fileno())
                path.unlink()
            sync_folder(self._folder)


def missing(key_id: str) -> UnavailableError:
    """Returns what `find` raises where there is no such key."""
    return UnavailableError(
        f"the key-encryption key {key_id} is not here: data keys wrapped under it can't be opened",
        code="wrapping-key-missing",
        remedy="restore the keys.db and the key-encryption key that belong together; one that was destroyed is gone",
    )


def _decode(key_id: str, text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if not text.startswith(PREFIX) or len(key) != KEY_BYTES:
        raise UnavailableError(
            f"the key-encryption key {key_id} can't be read: expected {PREFIX} and the base64 of {KEY_BYTES} bytes",
            code="wrapping-key-damaged",
        )
    return key

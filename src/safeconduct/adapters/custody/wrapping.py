"""Key-encryption keys whose secrets a keeper has. The folder says which there are, and by which names it knows them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from safeconduct.adapters.custody.references import FILES, KEPT, unknown_keeper
from safeconduct.adapters.files import sync_folder, translated, write_secret
from safeconduct.adapters.wrapping_keys import ID_BYTES, FileWrappingKeys
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ports import Entropy
from safeconduct.ledger.key_ports import KeyWrapper, WrappingKeeper


class KeptWrapper:
    """`KeyWrapper` over a keeper's key."""

    def __init__(self, key_id: str, keeper: Callable[[], WrappingKeeper]) -> None:
        self.id = key_id
        self._keeper = keeper

    def wrap(self, key: bytes, bound: bytes) -> bytes:
        return self._keeper().wrap(name_of(self.id), key, bound)

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        opened = self._keeper().unwrap(name_of(self.id), wrapped, bound)
        if opened is None:
            raise UnavailableError(
                f"a data key does not open under the key-encryption key {self.id}", code="data-key-damaged"
            )
        return opened


class KeptWrappingKeys:
    """`WrappingKeys` as a folder of keys and of references to keepers' keys. New ones go to `place`.

    A key is looked for where its file says, and nowhere else. Destroyed is the keeper's key, then the reference.
    """

    def __init__(
        self, folder: Path, entropy: Entropy, *, keepers: Mapping[str, Callable[[], WrappingKeeper]], place: str
    ) -> None:
        self._files = FileWrappingKeys(folder, entropy)
        self._folder = folder
        self._entropy = entropy
        self._keepers = keepers
        self._place = place

    def ids(self) -> list[str]:
        return self._files.ids()

    def find(self, key_id: str) -> KeyWrapper:
        keeper = self._kept_by(key_id)
        return self._files.find(key_id) if keeper is None else KeptWrapper(key_id, self._keeper(keeper))

    def make(self) -> KeyWrapper:
        if self._place == FILES:
            return self._files.make()
        key_id, keeper = self._entropy(ID_BYTES).hex(), self._keeper(self._place)
        keeper().make_wrapping(name_of(key_id))
        write_secret(self._folder / key_id, f"{KEPT}{self._place}\n")
        with translated(self._folder):
            sync_folder(self._folder)
        return KeptWrapper(key_id, keeper)

    def destroy(self, key_id: str) -> None:
        keeper = self._kept_by(key_id)
        if keeper is not None:
            self._keeper(keeper)().destroy_wrapping(name_of(key_id))
        self._files.destroy(key_id)

    def _kept_by(self, key_id: str) -> str | None:
        path = self._folder / key_id
        if not path.is_file():
            return None
        with translated(path):
            text = path.read_text(encoding="utf-8").strip()
        return text.removeprefix(KEPT) if text.startswith(KEPT) else None

    def _keeper(self, name: str) -> Callable[[], WrappingKeeper]:
        return self._keepers.get(name) or unknown_keeper(name)


def name_of(key_id: str) -> str:
    """Returns what a keeper calls a key-encryption key. Others may keep theirs in the same place."""
    return f"safeconduct-kek-{key_id}"

"""Data keys in a database, and what is kept of them in memory.

None is stored unwrapped: the house's are under its key-encryption key, and so is, once more, what was wrapped for other
readers. Destroying keys ends in a new key-encryption key, so that an earlier copy of the database opens nothing.
"""

import math
import threading
import time
from collections.abc import Collection, Iterator, Mapping

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from safeconduct.adapters.key_rotation import finish, finishing
from safeconduct.adapters.key_tables import KeyTables, NewKey
from safeconduct.adapters.vault_tables import VaultTables
from safeconduct.boundary.spaces import Owner, Space
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Entropy
from safeconduct.ledger.key_ports import STALE_S
from safeconduct.ledger.sealing import HOUSE_ONLY, DataKey, DataKeyName, KeySelector, Readership, WrappedKey, new_key
from safeconduct.ledger.wrapping import wrap_for

CACHED_KEYS_MAX = 4096  # under a kilobyte each; above it the cache starts again
PAUSE_S = 0.001  # between parts of a destruction: whoever lets a lock go takes it again before one who waits

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while this process, or the machine, stands


class StoredKeys:
    """`DataKeys` and `Vault` over tables. `shared` says that other processes destroy keys there too."""

    def __init__(self, tables: KeyTables, entropy: Entropy, *, shared: bool = False) -> None:
        self._tables = tables
        self._shared = shared
        self._seen, self._seen_at = "", -math.inf  # the key-encryption key in use, and when that was looked up
        finish(tables)
        self._entropy = entropy
        self._lock = threading.Lock()  # guards all below: the writer makes keys while readers open fields
        self._known: dict[str, bytes] = {}
        self._current: dict[DataKeyName, tuple[Readership, DataKey]] = {}
        self._new: dict[str, NewKey] = {}
        self._vault = VaultTables(database=tables.database, cipher=self._cipher, entropy=entropy)
        self.generation = 0

    def get(self, key_id: str) -> bytes | None:
        with self._lock:
            if self._shared:
                self._catch_up()
            return self._get(key_id)

    def make(self, name: DataKeyName, readership: Readership) -> DataKey:
        with self._lock:
            return self._key(name, readership)

    def commit(self) -> None:
        with self._lock:
            self._commit()

    def key(self, space: Space) -> bytes:
        with self._lock:
            key = self._key(space.key_name, HOUSE_ONLY)
            self._commit()
            return key.key

    def keep(self, space: Space, owner: Owner, pairs: Mapping[str, str]) -> Mapping[str, str]:
        with self._lock:
            made_of, key = self._key(space.key_name, HOUSE_ONLY), self._key(owner.key_name, HOUSE_ONLY)
            self._commit()
            return self._vault.keep(space.tag(made_of.key), key, pairs)

    def find(self, space: Space, token: str) -> str | None:
        with self._lock:
            made_of = self._key(space.key_name, HOUSE_ONLY)
            self._commit()
            return self._vault.find(space.tag(made_of.key), token)

    def holders(self, origin: Origin, token: str) -> frozenset[str]:
        with self._lock:
            return self._vault.holders(origin, token)

    def wrapped(self, reader: Reader, after: int = 0) -> Iterator[WrappedKey]:
        while True:
            with self._lock:
                records = self._tables.records(reader, after)
            yield from records
            if not records:
                return
            after = records[-1].number

    def ids(self, selector: KeySelector) -> list[str]:
        with self._lock:
            return self._tables.ids(selector)

    def retire(self, key_ids: Collection[str]) -> None:
        with self._lock:
            self._forget(set(key_ids))
            self._tables.retire(key_ids)

    def destroy(self, key_ids: Collection[str]) -> None:
        self.retire(key_ids)
        parts = finishing(self._tables)
        while self._one_of(parts):
            time.sleep(PAUSE_S)

    def _key(self, name: DataKeyName, readership: Readership) -> DataKey:
        if self._shared:
            self._catch_up()
        current = self._current.get(name)
        if current is not None and (current[0] is readership or current[0] == readership):
            return current[1]
        key = self._stored(name, readership) or self._make(name, readership)
        if len(self._current) >= CACHED_KEYS_MAX:
            self._current.clear()
        self._current[name] = readership, key
        return key

    def _cipher(self, key_id: str) -> AESGCM | None:
        key = self._get(key_id)
        return AESGCM(key) if key else None

    def _commit(self) -> None:
        if self._new:
            self._tables.insert(self._new.values())
            self._new.clear()

    def _catch_up(self) -> None:
        """Forgets all that is remembered if keys were destroyed since: it may hold one of them."""
        began = time.clock_gettime(_CLOCK)
        if began - self._seen_at <= STALE_S:
            return
        in_use = self._tables.in_use()
        if in_use != self._seen:
            self._known.clear()
            self._current.clear()
            self._tables.forget()
            self.generation += 1
        self._seen, self._seen_at = in_use, began

    def _get(self, key_id: str) -> bytes | None:
        key = self._known.get(key_id)
        if key is None and key_id in self._new:
            new = self._new[key_id]
            return new.made.key if new.readership.house else None
        if key is None:
            key = self._tables.key(key_id)
            if key is not None:
                self._remember(key_id, key)
        return key

    def _remember(self, key_id: str, key: bytes) -> None:
        if len(self._known) >= CACHED_KEYS_MAX:
            self._known.clear()
        self._known[key_id] = key

    def _stored(self, name: DataKeyName, readership: Readership) -> DataKey | None:
        key_id = self._tables.find(name, readership.recipients) if readership.house else None
        key = self._get(key_id) if key_id else None
        return DataKey(key_id, key, name.readers) if key_id and key else None

    def _make(self, name: DataKeyName, readership: Readership) -> DataKey:
        made = new_key(name, readership, self._entropy)
        others = readership.wrap_for.items()
        wrapped = {reader: wrap_for(public, made.key, name.origin, made.id, reader) for reader, public in others}
        self._new[made.id] = NewKey(name, readership, made, wrapped)
        return made

    def _one_of(self, parts: Iterator[None]) -> bool:
        with self._lock:
            return next(parts, self) is None

    def _forget(self, key_ids: set[str]) -> None:
        self._current = {name: one for name, one in self._current.items() if one[1].id not in key_ids}
        for key_id in key_ids:
            self._known.pop(key_id, None)
            self._new.pop(key_id, None)
        self.generation += 1

"""Data keys in dictionaries: `DataKeys` and `WrappingKeys` without a disk."""

import threading
from collections.abc import Collection, Iterator

from safeconduct.adapters.wrapping_keys import ID_BYTES, KEY_BYTES, FileWrapper, missing
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.ports import Entropy
from safeconduct.ledger.key_ports import KeyWrapper
from safeconduct.ledger.sealing import (
    DataKey,
    DataKeyName,
    KeySelector,
    Readership,
    WrappedKey,
    fits,
    new_key,
)
from safeconduct.ledger.wrapping import wrap_for


class MemoryKeys:
    """`DataKeys` in dictionaries."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._lock = threading.Lock()  # guards all below: the writer makes keys while readers open fields
        self.keys: dict[str, bytes] = {}
        self._names: dict[str, DataKeyName] = {}
        self._current: dict[tuple[DataKeyName, str], DataKey] = {}
        self._made: dict[str, list[WrappedKey]] = {}
        self._records: list[WrappedKey] = []
        self._last = 0

    def get(self, key_id: str) -> bytes | None:
        return self.keys.get(key_id)

    def make(self, name: DataKeyName, readership: Readership) -> DataKey:
        with self._lock:
            current = name, readership.recipients
            if current not in self._current:
                self._current[current] = self._make(name, readership)
            return self._current[current]

    def commit(self) -> None:
        with self._lock:
            for records in self._made.values():
                self._records += records
            self._made.clear()

    def wrapped(self, reader: Reader, after: int = 0) -> Iterator[WrappedKey]:
        with self._lock:
            found = [record for record in self._records if record.reader == reader and record.number > after]
        yield from found

    def ids(self, selector: KeySelector) -> list[str]:
        with self._lock:
            return [key_id for key_id, name in self._names.items() if fits(name, selector)]

    def destroy(self, key_ids: Collection[str]) -> None:
        self.retire(key_ids)

    def retire(self, key_ids: Collection[str]) -> None:
        with self._lock:
            for key_id in key_ids:
                for kept in (self.keys, self._names, self._made):
                    kept.pop(key_id, None)
            self._current = {name: key for name, key in self._current.items() if key.id not in key_ids}
            self._records = [record for record in self._records if record.id not in key_ids]

    def _make(self, name: DataKeyName, readership: Readership) -> DataKey:
        made = new_key(name, readership, self._entropy)
        others = sorted(readership.wrap_for.items())
        self._made[made.id] = [self._record(name, made, reader, public) for reader, public in others]
        self._names[made.id] = name
        if readership.house:
            self.keys[made.id] = made.key
        return made

    def _record(self, name: DataKeyName, made: DataKey, reader: Reader, public: str) -> WrappedKey:
        self._last += 1
        return WrappedKey(
            number=self._last,
            id=made.id,
            origin=name.origin,
            reader=reader,
            retention=name.retention,
            day=name.day,
            wrapped=wrap_for(public, made.key, name.origin, made.id, reader),
        )


class MemoryWrappingKeys:
    """`WrappingKeys` in a dictionary."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self.wrappers: dict[str, KeyWrapper] = {}

    def ids(self) -> list[str]:
        return sorted(self.wrappers)

    def find(self, key_id: str) -> KeyWrapper:
        if key_id not in self.wrappers:
            raise missing(key_id)
        return self.wrappers[key_id]

    def make(self) -> KeyWrapper:
        key_id = self._entropy(ID_BYTES).hex()
        self.wrappers[key_id] = FileWrapper(key_id, self._entropy(KEY_BYTES), self._entropy)
        return self.wrappers[key_id]

    def destroy(self, key_id: str) -> None:
        self.wrappers.pop(key_id, None)

"""Data keys in dictionaries: `DataKeys` and `WrappingKeys` without a disk."""

import threading
from collections.abc import Collection, Iterator, Mapping

from safeconduct.adapters.wrapping_keys import ID_BYTES, KEY_BYTES, FileWrapper, missing
from safeconduct.boundary.pseudonyms import Known
from safeconduct.boundary.spaces import Owner, Space
from safeconduct.boundary.tokens import identity_of
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Entropy
from safeconduct.ledger.key_ports import KeyWrapper
from safeconduct.ledger.sealing import (
    HOUSE_ONLY,
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
    """`DataKeys` and `Vault` in dictionaries."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._lock = threading.Lock()  # guards all below: the writer makes keys while readers open fields
        self.keys: dict[str, bytes] = {}
        self._names: dict[str, DataKeyName] = {}
        self._current: dict[tuple[DataKeyName, str], DataKey] = {}
        self._made: dict[str, list[WrappedKey]] = {}
        self._records: list[WrappedKey] = []
        self._last = 0
        self._kept: dict[str, dict[tuple[str, str], str]] = {}  # by data key, each value by space and token
        self.generation = 0

    def get(self, key_id: str) -> bytes | None:
        return self.keys.get(key_id)

    def make(self, name: DataKeyName, readership: Readership) -> DataKey:
        with self._lock:
            return self._key(name, readership)

    def key(self, space: Space) -> bytes:
        with self._lock:
            return self._key(space.key_name, HOUSE_ONLY).key

    def keep(self, space: Space, owner: Owner, pairs: Mapping[str, str]) -> Mapping[str, str]:
        with self._lock:
            tag = space.tag(self._key(space.key_name, HOUSE_ONLY).key)
            identities, known = {identity_of(token) for token in pairs}, Known()
            for kept in self._kept.values():
                own = {token: value for (place, token), value in kept.items() if place == tag}
                known.learn({token: value for token, value in own.items() if identity_of(token) in identities})
            fit = {token: value for token, value in pairs.items() if known.fits(token, value)}
            mine = self._kept.setdefault(self._key(owner.key_name, HOUSE_ONLY).id, {})
            mine.update({(tag, token): value for token, value in fit.items()})
            return known.values | fit

    def find(self, space: Space, token: str) -> str | None:
        with self._lock:
            place = space.tag(self._key(space.key_name, HOUSE_ONLY).key), token
            return next((kept[place] for kept in self._kept.values() if place in kept), None)

    def holders(self, origin: Origin, token: str) -> frozenset[str]:
        with self._lock:
            keys = [key for key, kept in self._kept.items() if any(token == one for _, one in kept)]
            return frozenset(self._names[key].subject for key in keys if self._names[key].origin == origin)

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
                for kept in (self.keys, self._names, self._made, self._kept):
                    kept.pop(key_id, None)
            self.generation += 1
            self._current = {name: key for name, key in self._current.items() if key.id not in key_ids}
            self._records = [record for record in self._records if record.id not in key_ids]

    def _key(self, name: DataKeyName, readership: Readership) -> DataKey:
        current = name, readership.recipients
        if current not in self._current:
            self._current[current] = self._make(name, readership)
        return self._current[current]

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

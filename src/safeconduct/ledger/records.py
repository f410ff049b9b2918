"""Control state over stored bytes: reading it, and an overlay that holds what is not committed yet."""

import heapq
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from safeconduct.kernel.errors import ConflictError, UnavailableError
from safeconduct.kernel.ports import Collection
from safeconduct.ledger.ports import RawRecords

T = TypeVar("T")
_Layer = dict[str, dict[str, bytes | None]]
_UNREAD: Any = object()


_decoders: dict[type, msgspec.json.Decoder[Any]] = {}
_encoder = msgspec.json.Encoder()


def decode(collection: Collection[T], key: str, stored: bytes) -> T:
    """Returns a stored value.

    Raises:
        UnavailableError: it does not fit its collection: the state is damaged or from a newer release.
    """
    try:
        value: T = _decoder(collection.kind).decode(stored)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UnavailableError(f"{collection.name} {key} can't be read: {error}", code="state-unreadable") from error
    return value


class StoredRecords:
    """`Records` over a store's bytes."""

    def __init__(self, store: RawRecords) -> None:
        self._store = store

    def get(self, collection: Collection[T], key: str) -> T | None:
        stored = self._store.raw(collection.name, key)
        return None if stored is None else decode(collection, key, stored)

    def scan(self, collection: Collection[T], prefix: str = "") -> Iterator[tuple[str, T]]:
        for key, stored in self._store.raw_scan(collection.name, prefix):
            yield key, decode(collection, key, stored)


class Overlay:
    """`State` whose changes stay in memory above what is stored, in layers that can be thrown away.

    A command's changes are one layer: `settle` adds it to the batch's, `drop` forgets it. Nothing reaches the store
    until the batch is committed, so a failing command can't leave a trace in it.
    """

    def __init__(self, store: RawRecords) -> None:
        self._store = store
        self._batch: _Layer = {}
        self._layer: _Layer = {}
        self._unborn: set[str] = set()
        self._read: dict[tuple[str, str], Any] = {}  # what is stored, as read: every call of a batch asks the same

    @property
    def batch(self) -> dict[tuple[str, str], bytes | None]:
        """What the settled layers change, by (collection, key); None deletes."""
        return {(name, key): value for name, changed in self._batch.items() for key, value in changed.items()}

    def get(self, collection: Collection[T], key: str) -> T | None:
        name = collection.name
        for layer in (self._layer, self._batch):
            changed = layer.get(name)
            if changed is not None and key in changed:
                return self._decoded(collection, key, changed[key])
        if key in self._unborn:
            return None
        place = name, key
        found: T | None = self._read.get(place, _UNREAD)
        if found is _UNREAD:
            found = self._read[place] = self._decoded(collection, key, self._store.raw(name, key))
        return found

    def scan(self, collection: Collection[T], prefix: str = "") -> Iterator[tuple[str, T]]:
        changed = {
            key: value
            for layer in (self._batch, self._layer)
            for key, value in layer.get(collection.name, {}).items()
            if key.startswith(prefix)
        }
        stored = ((key, raw) for key, raw in self._store.raw_scan(collection.name, prefix) if key not in changed)
        new = sorted((key, raw) for key, raw in changed.items() if raw is not None)
        for key, raw in list(heapq.merge(stored, new)):
            yield key, decode(collection, key, raw)

    def put(self, collection: Collection[T], key: str, value: T) -> None:
        self._layer.setdefault(collection.name, {})[key] = _encoder.encode(value)

    def insert(self, collection: Collection[T], key: str, value: T) -> None:
        if self._raw(collection.name, key) is not None:
            raise ConflictError(f"{collection.name} {key} is there already", code="already-exists")
        self.put(collection, key, value)

    def delete(self, collection: Collection[T], key: str) -> None:
        self._layer.setdefault(collection.name, {})[key] = None

    def expect_none(self, entry_id: str) -> None:
        """Notes that an id was made just now: nothing stored has it for its key, and nobody needs to look."""
        self._unborn.add(entry_id)

    def settle(self) -> None:
        """Adds the layer to the batch."""
        for name, changed in self._layer.items():
            self._batch.setdefault(name, {}).update(changed)
        self._layer = {}

    def drop(self) -> None:
        """Forgets the layer."""
        self._layer = {}

    def clear(self) -> None:
        """Forgets the batch too: it is stored, or it failed."""
        self._layer, self._batch = {}, {}
        self._unborn.clear()
        self._read.clear()

    def _decoded(self, collection: Collection[T], key: str, stored: bytes | None) -> T | None:
        return None if stored is None else decode(collection, key, stored)

    def _raw(self, name: str, key: str) -> bytes | None:
        for layer in (self._layer, self._batch):
            changed = layer.get(name)
            if changed is not None and key in changed:
                return changed[key]
        return None if key in self._unborn else self._store.raw(name, key)


def _decoder(kind: type) -> msgspec.json.Decoder[Any]:
    if kind not in _decoders:
        _decoders[kind] = msgspec.json.Decoder(kind)
    return _decoders[kind]

"""Control state over stored bytes: reading it, and an overlay that holds what is not committed yet."""

import heapq
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from safeconduct.kernel.errors import ConflictError, UnavailableError
from safeconduct.kernel.ports import Collection
from safeconduct.ledger.ports import RawRecords

T = TypeVar("T")
KNOWN_MAX = 8192
"""Records that are known without being read again, at some 500 bytes each: those of all calls under way, and more."""

_Place = tuple[str, str]
_UNREAD: Any = object()

_decoders: dict[type, msgspec.json.Decoder[Any]] = {}
_encode = msgspec.json.Encoder().encode


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

    Where nobody else writes (`alone`), what was read or committed is known from then on, until `forget`.
    """

    def __init__(self, store: RawRecords, *, alone: bool = False) -> None:
        self._store = store
        self._alone = alone
        self._batch: dict[_Place, bytes | None] = {}
        self._layer: dict[_Place, bytes | None] = {}
        self._unborn: set[str] = set()
        self._stored: dict[_Place, bytes | None] = {}
        self._read: dict[_Place, Any] = {}  # what is stored, as read: every call asks the same

    @property
    def batch(self) -> Mapping[tuple[str, str], bytes | None]:
        """What the settled layers change, by (collection, key); None deletes."""
        return self._batch

    def get(self, collection: Collection[T], key: str) -> T | None:
        place = collection.name, key
        if place in self._layer:
            return _decoded(collection, key, self._layer[place])
        if place in self._batch:
            return _decoded(collection, key, self._batch[place])
        if key in self._unborn:
            return None
        found: T | None = self._read.get(place, _UNREAD)
        if found is _UNREAD:
            found = self._read[place] = _decoded(collection, key, self._from_store(place))
        return found

    def scan(self, collection: Collection[T], prefix: str = "") -> Iterator[tuple[str, T]]:
        changed = {
            key: value
            for layer in (self._batch, self._layer)
            for (name, key), value in layer.items()
            if name == collection.name and key.startswith(prefix)
        }
        stored = ((key, raw) for key, raw in self._store.raw_scan(collection.name, prefix) if key not in changed)
        new = sorted((key, raw) for key, raw in changed.items() if raw is not None)
        for key, raw in list(heapq.merge(stored, new)):
            yield key, decode(collection, key, raw)

    def put(self, collection: Collection[T], key: str, value: T) -> None:
        self._layer[collection.name, key] = _encode(value)

    def insert(self, collection: Collection[T], key: str, value: T) -> None:
        if self._raw((collection.name, key)) is not None:
            raise ConflictError(f"{collection.name} {key} is there already", code="already-exists")
        self.put(collection, key, value)

    def delete(self, collection: Collection[T], key: str) -> None:
        self._layer[collection.name, key] = None

    def expect_none(self, entry_id: str) -> None:
        """Notes that an id was made just now: nothing stored has it for its key, and nobody needs to look."""
        self._unborn.add(entry_id)

    def settle(self) -> None:
        """Adds the layer to the batch."""
        self._batch |= self._layer
        self._layer = {}

    def drop(self) -> None:
        """Forgets the layer."""
        self._layer = {}

    def clear(self, *, stored: bool = False) -> None:
        """Forgets the batch too: it failed, or it is `stored`."""
        if not self._alone or len(self._stored) + len(self._read) > KNOWN_MAX:
            self.forget()
        elif stored:
            self._stored |= self._batch
            for place in self._batch:
                self._read.pop(place, None)
        self._layer, self._batch = {}, {}
        self._unborn.clear()

    def forget(self) -> None:
        """Forgets what is stored: it may be something else."""
        self._stored.clear()
        self._read.clear()

    def _raw(self, place: _Place) -> bytes | None:
        for layer in (self._layer, self._batch):
            if place in layer:
                return layer[place]
        return None if place[1] in self._unborn else self._from_store(place)

    def _from_store(self, place: _Place) -> bytes | None:
        return self._stored[place] if place in self._stored else self._store.raw(*place)


def _decoded(collection: Collection[T], key: str, stored: bytes | None) -> T | None:
    return None if stored is None else decode(collection, key, stored)


def _decoder(kind: type) -> msgspec.json.Decoder[Any]:
    if kind not in _decoders:
        _decoders[kind] = msgspec.json.Decoder(kind)
    return _decoders[kind]

"""A mapping that never changes, of which a changed one is made without copying the whole."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar, overload

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

_SHARDS = 512  # a change copies one of them: 200 items of 100,000, about a microsecond
_NONE: dict[Any, Any] = {}

Places = tuple[tuple[int, object], ...]
"""Where some keys stand in a mapping, each with a mark of what stood there. Marks hold no items in memory."""


class PersistentMap(Mapping[K, V], Generic[K, V]):
    """An immutable mapping. Its items come in no order; equal items make equal mappings, also a plain `dict`."""

    __slots__ = ("_marks", "_shards")

    def __init__(
        self, shards: tuple[dict[K, V], ...] = (_NONE,) * _SHARDS, marks: tuple[object, ...] = (None,) * _SHARDS
    ) -> None:
        self._shards = shards
        self._marks = marks  # one of its own for each shard that was ever copied

    def patched(self, changes: Mapping[K, V | None]) -> "PersistentMap[K, V]":
        """Returns a mapping with these items changed or, where the value is None, removed. What did not is shared."""
        if not changes:
            return self
        shards, marks = list(self._shards), list(self._marks)
        copied = set[int]()
        for key, value in changes.items():
            at = hash(key) % _SHARDS
            if at not in copied:
                copied.add(at)
                shards[at], marks[at] = shards[at].copy(), object()
            if value is None:
                shards[at].pop(key, None)
            else:
                shards[at][key] = value
        return PersistentMap(tuple(shards), tuple(marks))

    def places(self, keys: Iterable[K]) -> Places:
        """Returns where keys stand, whether they are there or not: for `unchanged` of what is patched from this."""
        return tuple([(at, self._marks[at]) for at in {hash(key) % _SHARDS for key in keys}])

    def unchanged(self, places: Places) -> bool:
        """Tells whether nothing that stands at places is known to have changed. False may also mean neighbours did."""
        marks = self._marks
        for at, mark in places:  # noqa: SIM110 - for each call: a generator costs more than the comparisons
            if marks[at] is not mark:
                return False
        return True

    def __getitem__(self, key: K) -> V:
        return self._shards[hash(key) % _SHARDS][key]

    @overload
    def get(self, key: K, /) -> V | None: ...

    @overload
    def get(self, key: K, /, default: V | T) -> V | T: ...

    def get(self, key: K, /, default: Any = None) -> Any:
        """Returns the value, or the default."""
        return self._shards[hash(key) % _SHARDS].get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._shards[hash(key) % _SHARDS]

    def __iter__(self) -> Iterator[K]:
        for shard in self._shards:
            yield from shard

    def __len__(self) -> int:
        return sum(map(len, self._shards))

    def __repr__(self) -> str:
        return f"PersistentMap({dict(self)})"

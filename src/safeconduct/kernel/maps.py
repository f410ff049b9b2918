"""A mapping that never changes, of which a changed one is made without copying the whole."""

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar, overload

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

_SHARDS = 512  # a change copies one of them: 200 items of 100,000, about a microsecond
_NONE: dict[Any, Any] = {}


class PersistentMap(Mapping[K, V], Generic[K, V]):
    """An immutable mapping. Its items come in no order; equal items make equal mappings, also a plain `dict`."""

    __slots__ = ("_shards",)

    def __init__(self, shards: tuple[dict[K, V], ...] = (_NONE,) * _SHARDS) -> None:
        self._shards = shards

    def patched(self, changes: Mapping[K, V | None]) -> "PersistentMap[K, V]":
        """Returns a mapping with these items changed or, where the value is None, removed. What did not is shared."""
        if not changes:
            return self
        shards = list(self._shards)
        copied = set[int]()
        for key, value in changes.items():
            at = hash(key) % _SHARDS
            if at not in copied:
                copied.add(at)
                shards[at] = shards[at].copy()
            if value is None:
                shards[at].pop(key, None)
            else:
                shards[at][key] = value
        return PersistentMap(tuple(shards))

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

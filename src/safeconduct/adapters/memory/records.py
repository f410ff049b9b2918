"""Control state in dictionaries."""

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.ports import Collection

T = TypeVar("T")


class MemoryState:
    """`State` in dictionaries. Values pass through JSON, as on disk, so that nothing unstorable gets by."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, bytes]] = {}

    def get(self, collection: Collection[T], key: str) -> T | None:
        stored = self.rows.get(collection.name, {}).get(key)
        return None if stored is None else msgspec.json.decode(stored, type=collection.kind)

    def scan(self, collection: Collection[T], prefix: str = "") -> Iterator[tuple[str, T]]:
        for key, stored in sorted(self.rows.get(collection.name, {}).items()):
            if key.startswith(prefix):
                yield key, msgspec.json.decode(stored, type=collection.kind)

    def put(self, collection: Collection[T], key: str, value: T) -> None:
        self._rows(collection)[key] = msgspec.json.encode(value)

    def insert(self, collection: Collection[T], key: str, value: T) -> None:
        if key in self._rows(collection):
            raise ConflictError(f"{collection.name} {key} is there already", code="already-exists")
        self.put(collection, key, value)

    def delete(self, collection: Collection[T], key: str) -> None:
        self._rows(collection).pop(key, None)

    def copy(self) -> "MemoryState":
        """Returns an independent copy, for a savepoint."""
        twin = MemoryState()
        twin.rows = {name: dict(rows) for name, rows in self.rows.items()}
        return twin

    def _rows(self, collection: Collection[Any]) -> dict[str, bytes]:
        return self.rows.setdefault(collection.name, {})

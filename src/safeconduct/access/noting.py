"""Whoever writes a record that calls are judged by changes the standing, and what was written is noted with it.

No projection has to say so, and none can forget to.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

from safeconduct.access.facts import keep_facts
from safeconduct.access.records import STANDING, advance_epoch
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ports import Collection, Projection, State

T = TypeVar("T")


def noted(projections: Mapping[str, Projection]) -> dict[str, Projection]:
    """Returns projections that also count the changes of standing that they make, once an entry.

    Every feature that writes to a collection of `records.STANDING` passes its projections through this.
    """
    return {name: partial(_note, projection) for name, projection in projections.items()}


def _note(projection: Projection, state: State, entry: Entry) -> None:
    noting = _Noting(state)
    projection(noting, entry)
    if noting.touched:
        advance_epoch(state, noting.touched)
        keep_facts(state, entry.at, noting.touched)


class _Noting:
    """`State` that notes what of the standing is written or removed."""

    def __init__(self, state: State) -> None:
        self.touched: set[tuple[str, str]] = set()
        self._state = state

    def get(self, collection: Collection[T], key: str) -> T | None:
        return self._state.get(collection, key)

    def scan(self, collection: Collection[T], prefix: str = "") -> Iterator[tuple[str, T]]:
        return self._state.scan(collection, prefix)

    def put(self, collection: Collection[T], key: str, value: T) -> None:
        self._state.put(collection, key, value)
        self._touch(collection, key)

    def insert(self, collection: Collection[T], key: str, value: T) -> None:
        self._state.insert(collection, key, value)
        self._touch(collection, key)

    def delete(self, collection: Collection[T], key: str) -> None:
        self._state.delete(collection, key)
        self._touch(collection, key)

    def _touch(self, collection: Collection[Any], key: str) -> None:
        if collection.name in STANDING:
            self.touched.add((collection.name, key))

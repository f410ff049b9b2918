"""The meaning of an event worked out when somebody asks for it: of the thousands that come in a second, few are."""

from collections.abc import Iterator, Mapping
from typing import Any

from safeconduct.kernel.instants import Instant
from safeconduct.soc.inventory import NOTHING
from safeconduct.soc.ocsf.mapping import to_ocsf
from safeconduct.soc.windows import SOURCE as WINDOWS

DEFERRED = frozenset({WINDOWS})
"""Sources whose meaning waits: rules read their records by the record's own names, and ask for it only in a hit."""


class Meaning(Mapping[str, Any]):
    """The OCSF object of a record, made at the first look. It follows from the record alone, so it needs no keeping."""

    __slots__ = ("_at", "_made", "_raw", "_source")

    def __init__(self, source: str, raw: Mapping[str, Any], at: Instant) -> None:
        self._source = source
        self._raw = raw
        self._at = at
        self._made: dict[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - JSON
        return self._object()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._object())

    def __len__(self) -> int:
        return len(self._object())

    def __repr__(self) -> str:
        return repr(self._object())

    def _object(self) -> dict[str, Any]:
        if self._made is None:
            self._made = to_ocsf(self._source, self._raw, self._at, NOTHING)
        return self._made

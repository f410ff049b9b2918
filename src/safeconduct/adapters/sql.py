"""What is the same SQL on SQLite and PostgreSQL: reading a log, and repairing one. Placeholders are question marks."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import starmap
from typing import Any

from safeconduct.kernel.ids import Origin
from safeconduct.ledger.ports import LogRepair, StoredEntry

SIZE = "SELECT coalesce(max(idx) + 1, 0) FROM entries WHERE log = ?"
LEAVES = "SELECT leaf FROM entries WHERE log = ? AND idx >= ? ORDER BY idx"
BLOBS = 256  # payloads per read: they are larger than entries
_BEGUN = (
    "SELECT origin, idx, id, leaf FROM entries JOIN logs ON log = number WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
)
_AFTER_IDS = "~"  # sorts after each letter of a ULID, so after all that begin alike
_CHUNK = 4096  # rows per read, so that reading a long log neither holds a snapshot for long nor fills memory


class SqlLog(ABC):
    """`LogSource` without the blobs' order, over whatever runs a query."""

    @abstractmethod
    def _all(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Returns all rows of a query."""

    def damage(self) -> list[str]:
        return []  # PostgreSQL keeps checksums of its own; what it holds is held against the tree like everywhere

    def origins(self) -> list[Origin]:
        return [Origin(origin) for (origin,) in self._all("SELECT origin FROM logs ORDER BY number")]

    def size(self, origin: Origin) -> int:
        rows = self._all(SIZE, self._number(origin))
        return int(rows[0][0])

    def entries(self, origin: Origin, start: int = 0, count: int | None = None) -> Iterator[StoredEntry]:
        number, left = self._number(origin), count
        while left is None or left > 0:
            limit = _CHUNK if left is None else min(_CHUNK, left)
            rows = self._all(
                "SELECT idx, id, leaf FROM entries WHERE log = ? AND idx >= ? ORDER BY idx LIMIT ?",
                *(number, start, limit),
            )
            yield from starmap(StoredEntry, rows)
            if len(rows) < limit:
                return
            start, left = rows[-1][0] + 1, None if left is None else left - len(rows)

    def find(self, entry_id: str) -> tuple[Origin, StoredEntry] | None:
        rows = self._all("SELECT origin, idx, id, leaf FROM entries JOIN logs ON log = number WHERE id = ?", entry_id)
        return (Origin(rows[0][0]), StoredEntry(*rows[0][1:])) if rows else None

    def begun(self, beginning: str, most: int) -> Sequence[tuple[Origin, StoredEntry]]:
        rows = self._all(_BEGUN, beginning, beginning + _AFTER_IDS, most)
        return [(Origin(origin), StoredEntry(*stored)) for origin, *stored in rows]

    def tile(self, origin: Origin, level: int, number: int) -> bytes:
        rows = self._all(
            "SELECT hashes FROM tiles WHERE log = ? AND level = ? AND number = ?",
            *(self._number(origin), level, number),
        )
        return bytes(rows[0][0]) if rows else b""

    def tile_names(self, origin: Origin) -> list[tuple[int, int]]:
        names = "SELECT level, number FROM tiles WHERE log = ? ORDER BY level, number"
        return [(level, number) for level, number in self._all(names, self._number(origin))]

    def cosigned(
        self, origin: Origin, *, witness: str | None = None, newest: int | None = None
    ) -> list[tuple[int, str, str]]:
        notes = "SELECT size, note, witness FROM cosigned WHERE log = ?"
        values: list[object] = [self._number(origin)]
        if witness is not None:
            notes, values = f"{notes} AND witness = ?", [*values, witness]
        notes += " ORDER BY size DESC, witness DESC"
        if newest is not None:
            notes, values = f"{notes} LIMIT ?", [*values, newest]
        return [(size, str(note), str(key)) for size, note, key in reversed(self._all(notes, *values))]

    def checkpoint(self, origin: Origin) -> str | None:
        rows = self._all("SELECT note FROM checkpoints WHERE log = ?", self._number(origin))
        return str(rows[0][0]) if rows else None

    def blob(self, entry_id: str, name: str) -> bytes | None:
        rows = self._all("SELECT blob FROM payloads WHERE entry_id = ? AND field = ?", entry_id, name)
        return bytes(rows[0][0]) if rows else None

    def waiting(self, origin: Origin) -> Iterator[bytes]:  # noqa: ARG002 - one process writes and gives places at once
        return iter(())

    def _number(self, origin: Origin) -> int:
        rows = self._all("SELECT number FROM logs WHERE origin = ?", origin)
        return int(rows[0][0]) if rows else -1


def repairing(number: int, repair: LogRepair) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    """Yields the statements that take out what is damaged in a log, each with the rows to run it for."""
    yield "DELETE FROM entries WHERE log = ? AND (idx >= ? OR idx < 0)", [(number, repair.start)]
    yield "DELETE FROM entries WHERE id = ?", [(entry_id,) for entry_id in repair.ids]
    tiles = "DELETE FROM tiles WHERE log = ? AND level = ? AND number = ?"
    yield tiles, [(number, *tile) for tile in repair.tiles]
    cosigned = "DELETE FROM cosigned WHERE log = ? AND size = ? AND witness = ?"
    yield cosigned, [(number, *one) for one in repair.cosigned]
    for entry_id, name, blob in repair.blobs:
        yield "DELETE FROM payloads WHERE entry_id = ? AND field = ?", [(entry_id, name)]
        if blob is not None:
            yield "INSERT INTO payloads VALUES (?, ?, ?)", [(entry_id, name, blob)]

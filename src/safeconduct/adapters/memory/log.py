"""Control state and log in dictionaries: `Store` without a disk."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Records
from safeconduct.ledger.cosigned import choose
from safeconduct.ledger.merkle import leaf_hash
from safeconduct.ledger.ports import Batch, LogGrowth, LogRepair, StoredEntry
from safeconduct.ledger.records import StoredRecords


class MemoryStore:
    """`Store` in dictionaries, which tests may damage."""

    def __init__(self) -> None:
        self.logs: dict[Origin, list[StoredEntry]] = {}
        self.tiles: dict[tuple[Origin, int, int], bytes] = {}
        self.latest: dict[Origin, str] = {}
        self.with_cosignatures: dict[tuple[Origin, int, str], str] = {}
        self.stored_blobs: dict[tuple[str, str], bytes] = {}
        self.records: dict[tuple[str, str], bytes] = {}
        self._lock = threading.RLock()  # a reader in another thread sees the whole of a commit or nothing of it

    def origins(self) -> list[Origin]:
        return list(self.logs)

    def size(self, origin: Origin) -> int:
        return len(self.logs.get(origin, ()))

    def entries(self, origin: Origin, start: int = 0, count: int | None = None) -> Iterator[StoredEntry]:
        end = None if count is None else start + count
        yield from self.logs.get(origin, [])[start:end]

    def find(self, entry_id: str) -> tuple[Origin, StoredEntry] | None:
        with self._lock:
            logs = self.logs.items()
            return next(((origin, one) for origin, entries in logs for one in entries if one.id == entry_id), None)

    def begun(self, beginning: str, most: int) -> Sequence[tuple[Origin, StoredEntry]]:
        with self._lock:
            logs = self.logs.items()
            found = [(origin, one) for origin, entries in logs for one in entries if one.id.startswith(beginning)]
        return sorted(found, key=lambda each: each[1].id)[:most]

    def tile(self, origin: Origin, level: int, number: int) -> bytes:
        return self.tiles.get((origin, level, number), b"")

    def tile_names(self, origin: Origin) -> list[tuple[int, int]]:
        with self._lock:
            return sorted((level, number) for owner, level, number in self.tiles if owner == origin)

    def cosigned(
        self, origin: Origin, *, witness: str | None = None, newest: int | None = None
    ) -> list[tuple[int, str, str]]:
        with self._lock:
            rows = sorted(self.with_cosignatures.items())
        return choose([(size, note, key) for (owner, size, key), note in rows if owner == origin], witness, newest)

    def checkpoint(self, origin: Origin) -> str | None:
        return self.latest.get(origin)

    def blob(self, entry_id: str, name: str) -> bytes | None:
        return self.stored_blobs.get((entry_id, name))

    def blobs(self) -> Iterator[tuple[str, str, bytes]]:
        with self._lock:
            found = list(self.stored_blobs.items())
        for (entry_id, name), blob in found:
            yield entry_id, name, blob

    def waiting(self, origin: Origin) -> Iterator[bytes]:  # noqa: ARG002 - places are given at once
        return iter(())

    def raw(self, collection: str, key: str) -> bytes | None:
        return self.records.get((collection, key))

    def raw_scan(self, collection: str, prefix: str) -> Iterator[tuple[str, bytes]]:
        with self._lock:
            found = sorted(self.records.items())
        for (name, key), value in found:
            if name == collection and key.startswith(prefix):
                yield key, value

    def raw_all(self) -> dict[tuple[str, str], bytes]:
        return dict(self.records)

    def damage(self) -> list[str]:
        return []

    def commit(self, batch: Batch) -> None:
        with self._lock:
            before = self._copy() if batch.repairs else self
            try:
                for repair in batch.repairs:
                    self._repair(repair)
                for growth in batch.growths:
                    self._check(growth)
            except UnavailableError:
                self._take(before)
                raise
            for growth in batch.growths:
                self._grow(growth)
            for name, value in batch.changes.items():
                if value is None:
                    self.records.pop(name, None)
                else:
                    self.records[name] = value

    def keep_cosigned(self, origin: Origin, size: int, note: str, witness: str) -> None:
        with self._lock:
            self.with_cosignatures[origin, size, witness] = note

    def reader(self) -> "MemoryStore":
        return self

    @contextmanager
    def frozen(self) -> Iterator["MemoryStore"]:
        with self._lock:
            frozen = self._copy()
        yield frozen

    @contextmanager
    def snapshot(self) -> Iterator[Records]:
        with self.frozen() as frozen:
            yield StoredRecords(frozen)

    def close(self) -> None:
        """Holds nothing."""

    def _copy(self) -> "MemoryStore":
        copy = MemoryStore()
        copy._take(self)
        return copy

    def _take(self, other: "MemoryStore") -> None:
        self.logs = {origin: list(entries) for origin, entries in other.logs.items()}
        self.tiles, self.latest = dict(other.tiles), dict(other.latest)
        self.with_cosignatures = dict(other.with_cosignatures)
        self.stored_blobs, self.records = dict(other.stored_blobs), dict(other.records)

    def _repair(self, repair: LogRepair) -> None:
        for origin, entries in self.logs.items():
            start = repair.start if origin == repair.origin else len(entries)
            self.logs[origin] = [one for one in entries[:start] if one.id not in repair.ids]
        for tile in repair.tiles:
            self.tiles.pop((repair.origin, *tile), None)
        for cosigned in repair.cosigned:
            self.with_cosignatures.pop((repair.origin, *cosigned), None)
        for entry_id, name, blob in repair.blobs:
            self.stored_blobs.pop((entry_id, name), None)
            if blob is not None:
                self.stored_blobs[entry_id, name] = blob

    def _check(self, growth: LogGrowth) -> None:
        size = self.size(growth.origin)
        if size != growth.base:
            raise UnavailableError(
                f"{growth.origin} has {size} entries, expected {growth.base}: someone else wrote to it",
                code="log-changed",
            )
        for entry in growth.entries:
            if self.find(entry.id):
                raise UnavailableError(f"entry {entry.id} is there already", code="store-failed")
            if leaf_hash(entry.leaf) != entry.hash:
                raise UnavailableError(f"entry {entry.id} changed on its way to the store", code="log-damaged")

    def _grow(self, growth: LogGrowth) -> None:
        log = self.logs.setdefault(growth.origin, [])
        for entry in growth.entries:
            log.append(StoredEntry(len(log), entry.id, entry.leaf))
            self.stored_blobs |= {(entry.id, name): blob for name, blob in entry.blobs.items()}
        self.tiles |= {(growth.origin, *name): hashes for name, hashes in growth.tiles.items()}
        self.latest[growth.origin] = growth.checkpoint


class MemoryHeads:
    """`Heads` in a dictionary."""

    def __init__(self) -> None:
        self.heads: dict[Origin, str] = {}

    def read(self, origin: Origin) -> str | None:
        return self.heads.get(origin)

    def copies(self, origin: Origin) -> list[str]:
        return [self.heads[origin]] if origin in self.heads else []

    def replace(self, origin: Origin, head: str, *, previous: str | None) -> None:
        if self.heads.get(origin) != previous:
            raise UnavailableError(f"the head of {origin} was changed by someone else", code="head-changed")
        self.heads[origin] = head

    def flush(self) -> None:
        """Nothing outlives the process."""

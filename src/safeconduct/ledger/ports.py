"""What the ledger needs of a store. Each docstring is a promise that tests/adapters holds every adapter to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.ports import Records

DISK_FAILED = "disk-failed"
"""The code of a commit's error after which nothing may be written until a new start: what reached the disk is unknown,
and a second sync would not tell."""


class NewEntry(msgspec.Struct, frozen=True):
    """An entry to store: its id, its leaf's bytes, their hash, and the blobs of its sealed fields."""

    id: EntryId
    leaf: bytes
    hash: bytes
    blobs: Mapping[str, bytes]


class StoredEntry(msgspec.Struct, frozen=True, gc=False):
    """An entry as stored. Nothing about it has been checked."""

    index: int
    id: str
    leaf: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGrowth:
    """What one commit adds to one log: entries from index `base` on, the tiles that grew, the new checkpoint."""

    origin: Origin
    base: int
    entries: tuple[NewEntry, ...]
    tiles: Mapping[tuple[int, int], bytes]
    checkpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRepair:
    """What a recovery takes out of a damaged log before the growth that writes it anew.

    Out go the entries from index `start` on and those with one of `ids`, wherever a damaged row files them; the
    `tiles`, by (level, number); the `cosigned` checkpoints, by (size, witness's key). `blobs` are written over what is
    stored, by (entry id, field); None deletes.
    """

    origin: Origin
    start: int
    ids: frozenset[str]
    tiles: tuple[tuple[int, int], ...] = ()
    cosigned: tuple[tuple[int, str], ...] = ()
    blobs: Iterable[tuple[str, str, bytes | None]] = ()


Changes = Mapping[tuple[str, str], bytes | None]
"""Control state to write, by (collection, key); None deletes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Everything one commit writes: repairs first, then growths and changes."""

    repairs: tuple[LogRepair, ...] = ()
    growths: tuple[LogGrowth, ...] = ()
    changes: Changes = field(default_factory=dict)


class LogSource(Protocol):
    """A stored log, readable: what proofs, audits, exports and the log's HTTP routes are made from.

    Raw bytes as stored; the reader judges them. Reading shows only committed data.
    """

    def origins(self) -> list[Origin]:
        """Returns the logs there are."""
        ...

    def size(self, origin: Origin) -> int:
        """Returns how many entries there are; 0 for a log that is not there."""
        ...

    def entries(self, origin: Origin, start: int = 0, count: int | None = None) -> Iterator[StoredEntry]:
        """Yields stored entries in ascending index order, also where indexes are missing."""
        ...

    def find(self, entry_id: str) -> tuple[Origin, StoredEntry] | None:
        """Returns the entry with this id and its log, or None."""
        ...

    def begun(self, beginning: str, most: int) -> Sequence[tuple[Origin, StoredEntry]]:
        """Returns up to `most` entries whose ids begin so, by their ids, each with its log."""
        ...

    def waiting(self, origin: Origin) -> Iterator[bytes]:
        """Yields the leaves of entries that workers committed and that wait for their places, in the order of those.

        None where one process writes.
        """
        ...

    def tile(self, origin: Origin, level: int, number: int) -> bytes:
        """Returns all hashes stored of a tile, concatenated; empty if there is none."""
        ...

    def tile_names(self, origin: Origin) -> list[tuple[int, int]]:
        """Returns (level, number) of each stored tile in ascending order."""
        ...

    def cosigned(
        self, origin: Origin, *, witness: str | None = None, newest: int | None = None
    ) -> list[tuple[int, str, str]]:
        """Returns checkpoints that a witness cosigned: the size each is filed under, the note, the witness's key.

        All of them by size, or those of one witness, or of these the `newest` so many: reading those takes no longer
        the more there are.
        """
        ...

    def checkpoint(self, origin: Origin) -> str | None:
        """Returns the latest checkpoint, or None for an empty log."""
        ...

    def blob(self, entry_id: str, name: str) -> bytes | None:
        """Returns the stored blob of a sealed field, or None."""
        ...

    def blobs(self) -> Iterator[tuple[str, str, bytes]]:
        """Yields entry id, field and content of every stored blob."""
        ...


class RawRecords(Protocol):
    """Control state as stored bytes."""

    def raw(self, collection: str, key: str) -> bytes | None:
        """Returns the stored value, or None."""
        ...

    def raw_scan(self, collection: str, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Yields (key, value) in ascending key order for keys with the prefix. The store may change meanwhile."""
        ...

    def raw_all(self) -> dict[tuple[str, str], bytes]:
        """Returns everything, by (collection, key)."""
        ...


class FrozenStore(LogSource, RawRecords, Protocol):
    """Everything as one commit left it, whatever is committed meanwhile."""

    def damage(self) -> list[str]:
        """Returns what is wrong with how all this is kept, such as an index that lost a row. May read all of it."""
        ...


class Store(LogSource, RawRecords, Protocol):
    """Log and control state in one database. Used by one thread, except for `reader`, `frozen` and `snapshot`."""

    def commit(self, batch: Batch) -> None:
        """Writes all of the batch or nothing; on return it is on disk (R1).

        The leaves are read back and re-hashed within the transaction, so that nothing else than what was signed is
        ever committed.

        Raises:
            UnavailableError: nothing was written, or - if the error came from the commit itself - it can't be known
                whether everything was. DISK_FAILED if the disk failed
                other than for want of room. `log-changed` if a log's size is not the growth's base; an entry id or an
                index that is taken.
        """
        ...

    def keep_cosigned(self, origin: Origin, size: int, note: str, witness: str) -> None:
        """Stores a checkpoint that the witness of this key cosigned, in place of an earlier one of this size, durably.

        Raises:
            UnavailableError: it can't be stored.
        """
        ...

    def reader(self) -> LogSource:
        """Returns a reader that any thread may use while the writer writes."""
        ...

    def frozen(self) -> AbstractContextManager[FrozenStore]:
        """Opens all that is committed as of now, for one thread, whichever; later commits don't show in it."""
        ...

    def snapshot(self) -> AbstractContextManager[Records]:
        """Opens the committed control state as of now, from any thread; later commits don't show in it."""
        ...

    def close(self) -> None:
        """Releases what is held. Nothing may be called afterwards."""
        ...


class Heads(Protocol):
    """The last signed checkpoint of each log, kept apart from the database, to tell a restored backup (R4)."""

    def read(self, origin: Origin) -> str | None:
        """Returns the head as stored, or None if there is none.

        Raises:
            UnavailableError: it can't be read.
        """
        ...

    def copies(self, origin: Origin) -> list[str]:
        """Returns every stored copy of the head, the one that counts first; none may be damaged.

        Raises:
            UnavailableError: one can't be read.
        """
        ...

    def replace(self, origin: Origin, head: str, *, previous: str | None) -> None:
        """Replaces the head atomically; it survives the end of this process, and a power loss within a second.

        Raises:
            UnavailableError: the stored head is not `previous` (`head-changed`), or it can't be written.
        """
        ...

    def flush(self) -> None:
        """Makes the heads survive a power loss."""
        ...

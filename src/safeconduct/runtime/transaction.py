"""One command's view of state and logs while it runs on the writer's thread."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, TypeVar

from safeconduct.kernel.entries import Draft, Entry
from safeconduct.kernel.errors import ConflictError, InvalidInputError, UnavailableError
from safeconduct.kernel.ids import ENTROPY_BYTES, EntryId, Origin, is_ulid, ulid_number, ulid_text
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Clock, Collection, Entropy, Projection
from safeconduct.ledger.envelope import NOTHING_SEALED, Sealed, seal, write_entry
from safeconduct.ledger.key_ports import DataKeys
from safeconduct.ledger.log_events import LOG_SUCCEEDED, SUCCESSORS
from safeconduct.ledger.merkle import leaf_hash
from safeconduct.ledger.ports import NewEntry, RawRecords
from safeconduct.ledger.records import Overlay
from safeconduct.ledger.sealing import DataKey, Matrix, Readership
from safeconduct.runtime.entropy import DrawnAhead
from safeconduct.runtime.log_time import LogTime

T = TypeVar("T")
_MILLISECOND = 1000  # microseconds
_RANDOM_BITS = 80


class IdSource:
    """ULIDs and instants that only ever go forward, also when the clock goes back or the process restarts."""

    def __init__(self, clock: Clock, entropy: Entropy) -> None:
        self.time = LogTime(clock)
        self._clock = clock
        self._entropy = entropy
        self._last_id = 0

    def pass_by(self, entry_id: str, at: Instant) -> None:
        """Makes all that follows come after this id and instant."""
        self._last_id = max(self._last_id, ulid_number(entry_id))
        self.time.pass_by(at)

    def is_past(self, entry_id: str, at: Instant) -> bool:
        """Tells whether an id is one, and neither it nor the instant lies in the future."""
        now = self._clock.now()
        return is_ulid(entry_id) and ulid_number(entry_id) >> _RANDOM_BITS <= now // _MILLISECOND and at <= now

    def now(self) -> Instant:
        """Returns the present instant, never before one returned or passed by."""
        now = self.time.now()
        self.time.pass_by(now)
        return now

    def next_id(self, at: Instant) -> str:
        """Returns a ULID greater than all before: random where the millisecond is new, else the next number."""
        start = (at // _MILLISECOND) << _RANDOM_BITS
        if self._last_id >= start:
            self._last_id += 1
        else:
            self._last_id = start | int.from_bytes(self._entropy(ENTROPY_BYTES)) >> 1  # half is left to count up
        return ulid_text(self._last_id)


class AppendableLog(Protocol):
    """A log as commands append to it: what waits in `pending` is the running batch's."""

    pending: list[NewEntry]

    def require_running(self) -> None:
        """Returns if the log takes entries.

        Raises:
            UnavailableError: it does not.
        """
        ...


class BatchTransaction:
    """`Transaction` within a batch. A command that fails, or swallows a failed append, leaves no trace."""

    def __init__(self, batch: "BatchState", now: Instant) -> None:
        self._batch = batch
        self._now = now
        self.appended: list[tuple[AppendableLog, NewEntry, Entry]] = []
        self._error: Exception | None = None

    @property
    def now(self) -> Instant:
        return self._now

    def get(self, collection: Collection[T], key: str) -> T | None:
        return self._batch.overlay.get(collection, key)

    def scan(self, collection: Collection[T], prefix: str = "") -> Iterator[tuple[str, T]]:
        return self._batch.overlay.scan(collection, prefix)

    def new_id(self) -> str:
        return self._batch.ids.next_id(self._now)

    def append(self, origin: Origin, draft: Draft, *, entry_id: str | None = None) -> Entry:
        try:
            return self._append(origin, draft, entry_id)
        except Exception as error:
            self._error = error  # what it did to the state is undone even if the command catches this
            raise

    def _append(self, origin: Origin, draft: Draft, given_id: str | None) -> Entry:
        batch = self._batch
        origin = batch.current(origin)
        log = batch.log(origin)
        projection = batch.projections.get(draft.type)
        if projection is None:
            raise InvalidInputError(f"no projection is registered for entries of type {draft.type}")
        entry_id = EntryId(self._fresh_id() if given_id is None else batch.check_id(given_id))
        sealed = self._seal(origin, draft, entry_id) if draft.sealed else NOTHING_SEALED
        leaf, entry = write_entry(draft, entry_id, origin, self._now, sealed)  # what a replay sees, and nothing else
        projection(batch.overlay, entry)
        if draft.type == LOG_SUCCEEDED.name:
            batch.forget_successors()
        new = NewEntry(entry_id, leaf, leaf_hash(leaf), sealed.blobs)
        log.pending.append(new)
        batch.used_ids.add(entry_id)
        self.appended.append((log, new, entry))
        return entry

    def _fresh_id(self) -> str:
        entry_id = self.new_id()
        self._batch.overlay.expect_none(entry_id)
        return entry_id

    def _seal(self, origin: Origin, draft: Draft, entry_id: EntryId) -> Sealed:
        batch, keys = self._batch, dict[str, DataKey]()
        last: tuple[Readership, DataKey] | None = None
        for name in draft.sealed:
            readership = batch.matrix(batch.overlay, origin, draft.type, name)
            if last is None or (last[0] is not readership and last[0] != readership):  # mostly all have one key
                last = readership, batch.keys.make(readership.key_name(origin, draft, self._now), readership)
            keys[name] = last[1]
        return seal(draft, entry_id, keys, batch.entropy)

    def require_clean(self) -> None:
        """Returns if every append succeeded.

        Raises:
            Exception: what an append raised, whether the command let it through or not.
        """
        if self._error is not None:
            raise self._error

    def undo(self) -> None:
        """Takes back everything."""
        self._batch.overlay.drop()
        self._batch.forget_successors()
        for log, entry, _entry in reversed(self.appended):
            log.pending.pop()
            self._batch.used_ids.discard(entry.id)
        self.appended = []


class BatchState:
    """What the commands of one batch share. `alone` says that nobody else writes to the store."""

    def __init__(
        self,
        *,
        store: RawRecords,
        taken: Callable[[str], bool],
        keys: DataKeys,
        log_of: Callable[[Origin], AppendableLog | None],
        projections: Mapping[str, Projection],
        ids: IdSource,
        entropy: Entropy,
        matrix: Matrix,
        alone: bool = False,
    ) -> None:
        self.overlay = Overlay(store, alone=alone)
        self.keys = keys
        self.projections = projections
        self.ids = ids
        self.entropy = DrawnAhead(entropy)
        self.matrix = matrix
        self.used_ids: set[str] = set()
        self._alone = alone
        self._taken = taken
        self._log_of = log_of
        self._successors: dict[Origin, Origin] | None = None  # read once: each append asks

    def current(self, origin: Origin) -> Origin:
        """Returns the log that entries for this one go to: a closed one's successor."""
        if self._successors is None:
            self._successors = {Origin(old): found.origin for old, found in self.overlay.scan(SUCCESSORS)}
        while origin in self._successors:
            origin = self._successors[origin]
        return origin

    def forget_successors(self) -> None:
        """Makes `current` look again."""
        self._successors = None

    def log(self, origin: Origin) -> AppendableLog:
        """Returns a log that takes entries.

        Raises:
            UnavailableError: it is stopped or unknown.
        """
        log = self._log_of(origin)
        if log is None:
            raise UnavailableError(f"there is no log {origin} here", code="log-unknown")
        log.require_running()
        return log

    def check_id(self, entry_id: str) -> str:
        """Returns an id that a command chose, if it is one and free.

        Raises:
            InvalidInputError: it is no ULID.
            ConflictError: an entry has it.
        """
        if not is_ulid(entry_id):
            raise InvalidInputError(f"an entry's id is a ULID, got {entry_id!r}")
        if entry_id in self.used_ids or self._taken(entry_id):
            raise ConflictError(f"there is an entry {entry_id} already", code="already-exists")
        return entry_id

    def clear(self, *, stored: bool = False) -> None:
        """Forgets the batch: it ended, and is `stored` or failed."""
        self.overlay.clear(stored=stored)
        self.used_ids.clear()
        if not (self._alone and stored):
            self.forget_successors()

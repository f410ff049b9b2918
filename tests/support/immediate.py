"""A writer that runs each command at once on memory: enough log for tests of features above it."""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TypeVar

from safeconduct.adapters.memory.records import MemoryState
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.entries import Draft, Entry
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import EntryId, Origin, ulid
from safeconduct.kernel.instants import Instant, parse_rfc3339
from safeconduct.kernel.ports import Committed, Projection, Receipt, Transaction

T = TypeVar("T")
START = parse_rfc3339("2026-11-21T08:00:00Z")


class ImmediateWriter:
    """`Writer` without threads. `now` is set by the test; `drafts` keeps the sealed fields that entries don't show."""

    def __init__(self, projections: Mapping[str, Projection], now: Instant = START) -> None:
        self.projections = projections
        self.now = now
        self.state = MemoryState()
        self.entries: list[Entry] = []
        self.drafts: dict[str, Draft] = {}
        self.counter = 0

    def submit(self, command: Callable[[Transaction], T]) -> "Future[Committed[T]]":
        future: Future[Committed[T]] = Future()
        state, count = self.state.copy(), len(self.entries)
        try:
            value = command(_Immediate(self))
        except Exception as error:  # noqa: BLE001 - a future carries whatever its command raised
            self.state = state
            del self.entries[count:]
            future.set_exception(error)
        else:
            future.set_result(Committed(value, tuple(map(self._receipt, self.entries[count:]))))
        return future

    def run(self, command: Callable[[Transaction], T]) -> T:
        """Runs the command and returns its value or raises its error."""
        return self.submit(command).result().value

    def place(self, entry_id: str) -> int:
        """Returns an entry's index in its log."""
        (entry,) = (one for one in self.entries if one.id == entry_id)
        return [one.id for one in self.entries if one.origin == entry.origin].index(entry_id)

    def _receipt(self, entry: Entry) -> Receipt:
        leaf = hashlib.sha256(canonical(entry.body)).digest()
        return Receipt(entry.origin, entry.id, leaf, 0, (), "", self.place(entry.id))


class _Immediate:
    def __init__(self, writer: ImmediateWriter) -> None:
        self._writer = writer
        self.now = writer.now
        self.get = writer.state.get
        self.scan = writer.state.scan

    def new_id(self) -> str:
        self._writer.counter += 1
        return ulid(self.now, self._writer.counter.to_bytes(10))

    def append(self, origin: Origin, draft: Draft, *, entry_id: str | None = None) -> Entry:
        writer = self._writer
        if draft.type not in writer.projections:
            raise InvalidInputError(f"no projection for {draft.type}")
        canonical(draft.body)
        canonical(draft.sealed)
        entry = Entry(
            id=EntryId(entry_id or self.new_id()),
            origin=origin,
            at=self.now,
            type=draft.type,
            body=draft.body,
            act=draft.act,
        )
        writer.entries.append(entry)
        writer.drafts[entry.id] = draft
        writer.projections[draft.type](writer.state, entry)
        return entry

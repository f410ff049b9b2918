"""The ports that join pure features to the runtime. Each docstring is the contract its adapters are tested against."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from safeconduct.kernel.entries import Draft, Entry
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.instants import Instant

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Collection(Generic[T]):
    """A named map of text keys to frozen values of one type. Values are stored as JSON of that type."""

    name: str
    kind: type[T]


class Records(Protocol):
    """Control state, readable. Within a transaction it shows that transaction's own changes."""

    def get(self, collection: Collection[T], key: str) -> T | None:
        """Returns the value, or None if there is none."""
        ...

    def scan(self, collection: Collection[T], prefix: str = "") -> Iterator[tuple[str, T]]:
        """Yields (key, value) in ascending key order for the keys that start with the prefix."""
        ...


class State(Records, Protocol):
    """Control state, writable. Only projections get it, so that no state exists without its entry (R1)."""

    def put(self, collection: Collection[T], key: str, value: T) -> None:
        """Writes the value, replacing a former one."""
        ...

    def insert(self, collection: Collection[T], key: str, value: T) -> None:
        """Writes the value under a key that must be free.

        Raises:
            ConflictError: the key is taken.
        """
        ...

    def delete(self, collection: Collection[T], key: str) -> None:
        """Removes the key; a key that is not there is no error."""
        ...


Projection = Callable[[State, Entry], None]
"""How an entry of one type changes the control state. Deterministic; reads no clock."""


class Transaction(Records, Protocol):
    """One decision: read, validate, append entries. Their projections change the state in the same transaction (R1).

    A command that raises leaves no trace of itself; others in the same group commit are unaffected.
    """

    @property
    def now(self) -> Instant:
        """The instant of this transaction: one reading, used for every rule in it. Never before the last entry's."""
        ...

    def new_id(self) -> str:
        """Returns a fresh ULID, greater than those of all entries that this transaction comes after."""
        ...

    def append(self, origin: Origin, draft: Draft, *, entry_id: str | None = None) -> Entry:
        """Appends to the log of `origin` and applies the projection of the draft's type.

        Raises:
            UnavailableError: that log is damaged, behind its head, or unknown.
            InvalidInputError: the type has no projection, or the entry is over the leaf limit.
        """
        ...


class Receipt(NamedTuple):
    """That an entry is durable, and a signed promise that it stands in the log by a deadline.

    `batch` is a signed note over the root of a small tree (docs/spec/receipts.md); `position` and `path`, hashes
    of 32 bytes, tie the 32 bytes of `leaf_hash` to it. `index` is None where the place was not known at commit.
    """

    origin: Origin
    entry_id: EntryId
    leaf_hash: bytes
    position: int
    path: tuple[bytes, ...]
    batch: str
    index: int | None  # type: ignore[assignment]  # the place; nobody looks for a member of this tuple


class Committed(NamedTuple, Generic[T_co]):
    """What a command returned, after its transaction is durable, and a receipt for each entry it appended."""

    value: T_co
    receipts: tuple[Receipt, ...]


class Writer(Protocol):
    """The one way to change anything. Commands run one at a time, in order; many share a commit.

    When the future resolves, the transaction is on disk and its checkpoint signed. A command's exception is raised
    from the future. If the commit itself fails, every command in it fails with UnavailableError, nothing written.
    """

    def submit(self, command: Callable[[Transaction], T]) -> Future[Committed[T]]:
        """Queues the command; never blocks for the disk."""
        ...


class Clock(Protocol):
    """The time of day. Adapters read it; rules get it as an argument."""

    def now(self) -> Instant:
        """Returns the present instant."""
        ...


class Entropy(Protocol):
    """Unpredictable bytes."""

    def __call__(self, count: int) -> bytes:
        """Returns `count` fresh random bytes."""
        ...

"""What many writing processes, and the one that gives places, need of the database they share."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.ports import Changes, Heads, LogGrowth, LogSource, NewEntry, RawRecords


@dataclass(frozen=True, slots=True)
class Unplaced:
    """An entry that is to be committed before it has a place in its log."""

    origin: Origin
    at: Instant
    entry: NewEntry


class SharedStore(RawRecords, Protocol):
    """Control state and entries without places, which many processes write. One thread in each."""

    def deciding(self, *, alone: bool) -> AbstractContextManager[Instant]:
        """Opens a transaction: alone with the control state, or beside others that are not alone either.

        Yields the instant that everything in it must come after: the last decision made alone; for one that is alone,
        everything. What was appended is durable when the block ends without an error; then all that commits later
        comes after it, in the log too.

        Raises:
            UnavailableError: nothing was written, or - if the end of the block raised it - it can't be known whether
                everything was; `taken` tells, asked outside.
        """
        ...

    def append(self, entries: Sequence[Unplaced], changes: Changes) -> None:
        """Writes entries, in their order, and control state, within the transaction.

        Raises:
            UnavailableError: an entry's id is taken, here or in a log; or its log takes no entries.
        """
        ...

    def taken(self, entry_id: str) -> bool:
        """Tells whether an entry has this id, in a log or waiting for its place."""
        ...

    def floor(self, origin: Origin) -> int:
        """Returns how many entries of a log have places: whatever is appended now comes after them.

        Raises:
            UnavailableError: the log is stopped, for the reason that the sequencer gave.
        """
        ...

    def stopped(self) -> dict[Origin, str]:
        """Returns the logs that take no entries, and why. Any thread.

        Raises:
            UnavailableError: it can't be read.
        """
        ...

    def stop(self, origin: Origin, why: str) -> None:
        """Lets no process append to a log, until one begins anew to give places in it. Outside of transactions.

        Raises:
            UnavailableError: it can't be written.
        """
        ...

    def keep_cosigned(self, origin: Origin, size: int, note: str, witness: str) -> None:
        """Stores a checkpoint that a witness cosigned. Outside of transactions.

        Raises:
            UnavailableError: it can't be written.
        """
        ...


class SequencedStore(LogSource, Protocol):
    """The same database for whoever gives places: one process for each log, which holds its lock under a term."""

    def lock(self, origin: Origin) -> bool:
        """Takes a log's lock for as long as the session lasts; tells whether this process has it."""
        ...

    def enter(self, origin: Origin, term: int) -> None:
        """Begins a term. Whoever drains under an earlier one fails from here on.

        Raises:
            UnavailableError: a later one was begun (`term-over`).
        """
        ...

    def waiting_logs(self) -> list[Origin]:
        """Returns the logs of which entries wait."""
        ...

    def drain(self, origin: Origin, count: int, grow: Callable[[Sequence[NewEntry]], LogGrowth]) -> int:
        """Gives the first `count` waiting entries their places, in one transaction; returns how many there were.

        They are read and hashed anew before `grow` makes what is written of them, and once more before the commit.

        Raises:
            UnavailableError: nothing was written, or it can't be known whether everything was. `term-over` if this
                process may not any more; `log-damaged` if an entry is not what its worker wrote.
        """
        ...

    def stop(self, origin: Origin, why: str) -> None:
        """Lets workers append nothing more to a log; an empty reason lets them again.

        Raises:
            UnavailableError: it can't be written.
        """
        ...


class TermHeads(Heads, Protocol):
    """Heads that are written under a term."""

    def take(self, origin: Origin) -> int:
        """Takes the next term of a log, which is greater than every one before; nobody with an older one writes.

        Raises:
            UnavailableError: it can't be written.
        """
        ...

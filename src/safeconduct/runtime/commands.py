"""Running the commands of a batch and telling of what they did, whoever writes it down."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Committed, Receipt, Transaction
from safeconduct.runtime.transaction import BatchState, BatchTransaction

Command = Callable[[Transaction], Any]
Listener = Callable[[Sequence[Entry]], None]
Receipts = dict[str, Receipt | UnavailableError]
_log = logging.getLogger(__name__)


class Result(msgspec.Struct):
    """How one command ended: exactly one of the two is set."""

    committed: Committed[Any] | None = None
    error: Exception | None = None


class CommandRunner(ABC):
    """Runs batches of commands. One thread at a time."""

    def __init__(self, state: BatchState) -> None:
        self.listeners: list[Listener] = []
        self._state = state
        self._broken: UnavailableError | None = None

    def run(self, commands: Sequence[Command]) -> list[Result]:
        """Runs the commands in order and commits what they append, together. Returns when it is on disk.

        Never raises: should this code itself fail, all of them fail, and so do all after them.
        """
        try:
            return self._run(commands)
        except Exception:  # noqa: BLE001 - what is in memory may now be anything; the log on disk is not
            _log.exception("the writer failed")
            self._broken = UnavailableError(
                "the writer failed and takes no more", code="writer-failed", remedy="restart"
            )
            return [Result(error=again(self._broken)) for _ in commands]

    @abstractmethod
    def _run(self, commands: Sequence[Command]) -> list[Result]:
        """Runs the commands and commits what they append. What it raises ends all writing."""

    def _execute(self, command: Command, now: Instant) -> tuple[Result, BatchTransaction]:
        transaction = BatchTransaction(self._state, now)
        try:
            value = command(transaction)
            transaction.require_clean()
        except Exception as error:  # noqa: BLE001 - the future carries whatever its command raised
            transaction.undo()
            return Result(error=error), transaction
        self._state.overlay.settle()
        return Result(committed=Committed(value, ())), transaction

    def _announce(self, entries: Sequence[Entry]) -> None:
        """Tells the listeners. One that raises may have missed a freeze: nothing is taken from then on."""
        try:
            for listener in self.listeners:
                listener(entries)
        except Exception:  # noqa: BLE001 - whatever it is, what the listener keeps is stale
            _log.exception("a listener failed")
            self._broken = UnavailableError(
                "a listener failed to take in what was committed", code="listener-failed", remedy="restart"
            )

    def _give_receipts(self, result: Result, transaction: BatchTransaction, signed: Receipts) -> None:
        if result.committed is None:
            return
        receipts = []
        for _log, _new, entry in transaction.appended:
            given = self._broken or signed[entry.id]
            if isinstance(given, UnavailableError):
                fail([(result, transaction)], given)
                return
            receipts.append(given)
        result.committed = Committed(result.committed.value, tuple(receipts))


def fail(done: Sequence[tuple[Result, BatchTransaction]], error: UnavailableError) -> None:
    """Makes every command fail that did not fail by itself."""
    for result, _transaction in done:
        if result.error is None:
            result.committed, result.error = None, again(error)


def failed(error: Exception) -> UnavailableError:
    """Returns what the commands of a commit that failed are told."""
    if isinstance(error, UnavailableError):
        return error
    code = error.code if isinstance(error, SafeconductError) else "commit-failed"
    return UnavailableError(f"the commit failed: {error}", code=code)


def again(error: UnavailableError) -> UnavailableError:
    """Returns an exception of its own for each future: a raised one grows a traceback."""
    return UnavailableError(error.message, code=error.code, clause=error.clause, remedy=error.remedy)

"""Running a batch of commands and committing what they append, without a thread or a queue.

What a crash means: before the store's commit nothing happened; after it, and before anyone is told, the entries are
there. So a command's outcome is read from the log, never guessed.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Clock, Committed, Entropy, Projection, Receipt, Transaction
from safeconduct.ledger.audit import Finding
from safeconduct.ledger.key_ports import DataKeys
from safeconduct.ledger.notes import NoteSigner
from safeconduct.ledger.ports import Batch, Heads, LogGrowth, Store
from safeconduct.ledger.reader import last_entry
from safeconduct.ledger.sealing import Matrix, house_only
from safeconduct.runtime.logs import OpenLog
from safeconduct.runtime.transaction import BatchState, BatchTransaction, IdSource

Command = Callable[[Transaction], Any]
Listener = Callable[[Sequence[Entry]], None]
Receipts = dict[str, Receipt | UnavailableError]
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Result:
    """How one command ended: exactly one of the two is set."""

    committed: Committed[Any] | None = None
    error: Exception | None = None


class BatchRunner:
    """Runs batches over a store. One thread at a time."""

    def __init__(
        self,
        store: Store,
        heads: Heads,
        keys: DataKeys,
        *,
        clock: Clock,
        entropy: Entropy,
        projections: Mapping[str, Projection],
        matrix: Matrix = house_only,
    ) -> None:
        self.store = store
        self.heads = heads
        self.logs: dict[Origin, OpenLog] = {}
        self.listeners: list[Listener] = []
        self._keys = keys
        self._ids = IdSource(clock, entropy)
        self._state = BatchState(
            store=store,
            keys=keys,
            logs=self.logs,
            projections=projections,
            ids=self._ids,
            entropy=entropy,
            matrix=matrix,
        )
        self._broken: UnavailableError | None = None
        self._unclear: tuple[Sequence[OpenLog], Sequence[Entry]] | None = None

    def open(self, signer: NoteSigner) -> list[Finding]:
        """Checks and opens a log, new or stored; returns what is wrong with it, which stops it."""
        known = self.logs.get(Origin(signer.verifier.name))
        if known is not None and known.stop is None:
            return []
        log = OpenLog(signer, self.heads)
        findings = log.open(self.store)
        self._pass_by_last(log.origin, trusted=not findings)
        self.logs[log.origin] = log
        return findings

    def _pass_by_last(self, origin: Origin, *, trusted: bool) -> None:
        """Makes new ids come after a log's last one; a damaged log's only if it is past, for it might say anything."""
        try:
            last = last_entry(self.store, origin)
        except UnavailableError:
            last = None
        if last is not None and (trusted or self._ids.is_past(*last)):
            self._ids.pass_by(*last)

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
            return [Result(error=_again(self._broken)) for _ in commands]

    def _run(self, commands: Sequence[Command]) -> list[Result]:
        try:
            self._require_clear()
        except UnavailableError as error:
            return [Result(error=_again(error)) for _ in commands]
        now = self._ids.now()
        done = [self._execute(command, now) for command in commands]
        if any(transaction.appended for _result, transaction in done):
            self._commit(done)
        self._state.clear()
        return [result for result, _transaction in done]

    def _require_clear(self) -> None:
        """Finds out what a failed commit did, before anything is built on it."""
        if self._broken is not None:
            raise self._broken
        if self._unclear is not None:
            logs, entries = self._unclear
            applied = [log.reload(self.store) for log in logs]
            self._unclear = None
            if any(applied):
                self._announce(entries)

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

    def _commit(self, done: Sequence[tuple[Result, BatchTransaction]]) -> None:
        appended = [item for _result, transaction in done for item in transaction.appended]
        logs = list({id(log): log for log, _new, _entry in appended}.values())
        entries = [entry for _log, _new, entry in appended]
        try:
            growths = tuple(log.grow() for log in logs)
            self._keys.commit()
            self.store.commit(Batch(growths=growths, changes=self._state.overlay.batch))
        except Exception as error:  # noqa: BLE001 - whatever went wrong, nobody may believe it was committed
            _log.warning("a commit failed: %s", error)
            self._unclear = (logs, entries)
            _fail(done, _failed(error))
            return
        for log in logs:
            log.settle()
        self._announce(entries)
        receipts = self._sign(logs, growths)
        for result, transaction in done:
            self._give_receipts(result, transaction, receipts)

    def _sign(self, logs: Sequence[OpenLog], growths: Sequence[LogGrowth]) -> Receipts:
        """Promises what is now on disk, once per log; what can't be promised has the reason in its place."""
        signed: Receipts = {}
        for log, growth in zip(logs, growths, strict=True):
            try:
                signed |= {receipt.entry_id: receipt for receipt in log.receipts(growth, self._ids.now())}
            except UnavailableError as error:
                signed |= {entry.id: error for entry in growth.entries}
        return signed

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
        given = [self._broken or signed[entry.id] for _log, _new, entry in transaction.appended]
        errors = [one for one in given if isinstance(one, UnavailableError)]
        if errors:
            _fail([(result, transaction)], errors[0])
            return
        receipts = tuple(one for one in given if isinstance(one, Receipt))
        result.committed = Committed(result.committed.value, receipts)


def _fail(done: Sequence[tuple[Result, BatchTransaction]], error: UnavailableError) -> None:
    for result, _transaction in done:
        if result.error is None:
            result.committed, result.error = None, _again(error)


def _failed(error: Exception) -> UnavailableError:
    if isinstance(error, UnavailableError):
        return error
    code = error.code if isinstance(error, SafeconductError) else "commit-failed"
    return UnavailableError(f"the commit failed: {error}", code=code)


def _again(error: UnavailableError) -> UnavailableError:
    """Returns an exception of its own for each future: a raised one grows a traceback."""
    return UnavailableError(error.message, code=error.code, clause=error.clause, remedy=error.remedy)

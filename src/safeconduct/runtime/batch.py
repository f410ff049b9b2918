"""Running a batch of commands and committing what they append, without a thread or a queue.

What a crash means: before the store's commit nothing happened; after it, and before anyone is told, the entries are
there. So a command's outcome is read from the log, never guessed.
"""

import logging
from collections.abc import Mapping, Sequence

from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Clock, Entropy, Projection
from safeconduct.ledger.audit import Finding
from safeconduct.ledger.key_ports import DataKeys
from safeconduct.ledger.notes import NoteSigner
from safeconduct.ledger.ports import DISK_FAILED, Batch, Heads, LogGrowth, Store
from safeconduct.ledger.reader import last_entry
from safeconduct.ledger.sealing import Matrix, house_only
from safeconduct.runtime.commands import Command, CommandRunner, Receipts, Result, again, fail, failed
from safeconduct.runtime.logs import OpenLog, SignerOf, no_later_key, signers_now
from safeconduct.runtime.transaction import BatchState, BatchTransaction, IdSource

_log = logging.getLogger(__name__)


class BatchRunner(CommandRunner):
    """Runs batches over a store. One thread at a time."""

    _unclear: tuple[Sequence[OpenLog], Sequence[Entry]] | None = None

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
        signer_of: SignerOf = no_later_key,
    ) -> None:
        self.store = store
        self.heads = heads
        self.logs: dict[Origin, OpenLog] = {}
        self._keys = keys
        self._signer_of = signer_of
        self._ids = IdSource(clock, entropy)
        self.time = self._ids.time
        super().__init__(
            BatchState(
                store=store,
                taken=lambda entry_id: store.find(entry_id) is not None,
                keys=keys,
                log_of=self.logs.get,
                projections=projections,
                ids=self._ids,
                entropy=entropy,
                matrix=matrix,
                alone=True,
            )
        )

    def open(self, signer: NoteSigner, *, payloads: bool = True) -> list[Finding]:
        """Checks and opens a log, new or stored; returns what is wrong with it, which stops it.

        Without `payloads` its sealed blobs are not looked at.
        """
        known = self.logs.get(Origin(signer.verifier.name))
        if known is not None and known.stop is None:
            return []
        log = OpenLog(signer, self.heads, lambda: self._signing(signer))
        findings = log.open(self.store, payloads=payloads)
        self._pass_by_last(log.origin, trusted=not findings)
        self.logs[log.origin] = log
        return findings

    def _signing(self, first: NoteSigner) -> list[NoteSigner]:
        return signers_now(first, self._state.overlay, self._ids.now(), self._signer_of)

    def _pass_by_last(self, origin: Origin, *, trusted: bool) -> None:
        """Makes new ids come after a log's last one; a damaged log's only if it is past, for it might say anything."""
        try:
            last = last_entry(self.store, origin)
        except UnavailableError:
            last = None
        if last is not None and (trusted or self._ids.is_past(*last)):
            self._ids.pass_by(*last)

    def _run(self, commands: Sequence[Command]) -> list[Result]:
        try:
            self._require_clear()
        except UnavailableError as error:
            return [Result(error=again(error)) for _ in commands]
        now = self._ids.now()
        done = [self._execute(command, now) for command in commands]
        stored = any(transaction.appended for _result, transaction in done) and self._commit(done)
        self._state.clear(stored=stored)
        return [result for result, _transaction in done]

    def _require_clear(self) -> None:
        """Finds out what a failed commit did, before anything is built on it."""
        if self._broken is not None:
            raise self._broken
        if self._unclear is not None:
            logs, entries = self._unclear
            applied = [log.reload(self.store) for log in logs]
            self._unclear = None
            self._state.overlay.forget()
            if any(applied):
                self._announce(entries)

    def _commit(self, done: Sequence[tuple[Result, BatchTransaction]]) -> bool:
        """Commits what was appended and gives receipts; tells whether it is stored for certain."""
        appended = [item for _result, transaction in done for item in transaction.appended]
        logs = [self.logs[origin] for origin in dict.fromkeys(entry.origin for _log, _new, entry in appended)]
        entries = [entry for _log, _new, entry in appended]
        try:
            growths = tuple(log.grow() for log in logs)
            self._keys.commit()
            self.store.commit(Batch(growths=growths, changes=self._state.overlay.batch))
        except Exception as error:  # noqa: BLE001 - whatever went wrong, nobody may believe it was committed
            _log.warning("a commit failed: %s", error)
            self._unclear = (logs, entries)
            if isinstance(error, UnavailableError) and error.code == DISK_FAILED:
                self._broken = UnavailableError(
                    f"the disk failed, and nothing is written until the next start: {error.message}",
                    code=DISK_FAILED,
                    remedy="look at the disk, then restart",
                )
            fail(done, failed(error))
            return False
        for log in logs:
            log.settle()
        self._announce(entries)
        receipts = self._sign(logs, growths)
        for result, transaction in done:
            self._give_receipts(result, transaction, receipts)
        return True

    def _sign(self, logs: Sequence[OpenLog], growths: Sequence[LogGrowth]) -> Receipts:
        """Promises what is now on disk, once per log; what can't be promised has the reason in its place."""
        signed: Receipts = {}
        for log, growth in zip(logs, growths, strict=True):
            try:
                signed |= {receipt.entry_id: receipt for receipt in log.receipts(growth, self._ids.now())}
            except UnavailableError as error:
                signed |= {entry.id: error for entry in growth.entries}
        return signed

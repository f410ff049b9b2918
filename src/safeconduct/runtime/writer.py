"""The group-commit writer: one thread, many commands a commit, one signature a log."""

from collections.abc import Callable, Collection, Mapping, Sequence

from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Clock, Entropy, Projection
from safeconduct.ledger.audit import Finding
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.key_ports import DataKeys
from safeconduct.ledger.notes import NoteSigner, VerifierKey
from safeconduct.ledger.ports import Heads, Store
from safeconduct.ledger.sealing import Matrix, house_only
from safeconduct.runtime.batch import BatchRunner
from safeconduct.runtime.logs import SignerOf, Stop, no_later_key
from safeconduct.runtime.queued import BATCH_MAX, QueuedWriter


class GroupCommitWriter(QueuedWriter):
    """`Writer` over a store. Everything that changes goes through here, one command at a time.

    `matrix` tells who may read a sealed field; `signers` hold each log's first key, `signer_of` finds a later one.
    `time` is the clock, never before the last entry.
    """

    def __init__(
        self,
        store: Store,
        heads: Heads,
        keys: DataKeys,
        *,
        signers: Sequence[NoteSigner],
        clock: Clock,
        entropy: Entropy,
        projections: Mapping[str, Projection],
        batch_max: int = BATCH_MAX,
        matrix: Matrix = house_only,
        signer_of: SignerOf = no_later_key,
    ) -> None:
        self._runner = BatchRunner(
            store,
            heads,
            keys,
            clock=clock,
            entropy=entropy,
            projections=projections,
            matrix=matrix,
            signer_of=signer_of,
        )
        super().__init__(self._runner, batch_max=batch_max)
        self.time = self._runner.time
        self._keys = keys
        self._signers = signers

    def start(self) -> list[Finding]:
        """Checks and opens every log, then takes commands; returns what is wrong, log by log.

        A log with findings is stopped; the others run.
        """
        findings = [finding for signer in self._signers for finding in self._runner.open(signer)]
        self._begin()
        return findings

    def close(self) -> None:
        """Finishes what was submitted and stops."""
        if self._end():
            self._runner.heads.flush()

    def open_origin(self, signer: NoteSigner) -> list[Finding]:
        """Opens one more log, new or stored; returns what is wrong with it. Not from within a command.

        One that is open and running stays as it is; one that was stopped is checked again.
        """
        return self._between_batches(lambda: self._runner.open(signer))

    def stop_origin(self, origin: Origin, code: str, message: str) -> None:
        """Lets a log take no more entries until the next start. Not from within a command."""

        def stop() -> None:
            if origin in self._runner.logs:
                self._runner.logs[origin].stop = Stop(code, message)

        self._between_batches(stop)

    def stopped(self) -> dict[Origin, Stop]:
        """Returns the logs that take no entries, and why."""
        return {origin: log.stop for origin, log in list(self._runner.logs.items()) if log.stop is not None}

    def keep_cosigned(self, checkpoint: SignedCheckpoint, witness: VerifierKey) -> None:
        """Stores a checkpoint that a witness cosigned. Not from within a command.

        Raises:
            UnavailableError: it can't be stored.
        """
        said, note, key = checkpoint.checkpoint, checkpoint.encoded, witness.text
        self._between_batches(lambda: self._runner.store.keep_cosigned(said.origin, said.size, note, key))

    def destroy_keys(self, key_ids: Collection[str], guard: Callable[[], None] = lambda: None) -> None:
        """Destroys data keys. Not from within a command.

        What `guard` raises prevents it. Nothing is committed between that and the end of their use.

        Raises:
            UnavailableError: not all of it is done; ask again.
        """

        def retire() -> None:
            guard()
            self._keys.retire(key_ids)

        self._between_batches(retire)
        self._keys.destroy(key_ids)

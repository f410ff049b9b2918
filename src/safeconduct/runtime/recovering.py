"""Recovering logs by the writer's own code: it is given a store and heads that read as they must become.

The first commit then writes, in one transaction, what was wrong and the entry that tells of it. A crash before it
leaves all as it was, but for heads that say again what was signed; after it there is nothing left to recover.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Clock, Committed, Entropy, Projection, Records, Transaction
from safeconduct.ledger.key_ports import DataKeys
from safeconduct.ledger.notes import NoteSigner
from safeconduct.ledger.ports import Batch, FrozenStore, Heads, LogGrowth, LogSource, Store, StoredEntry
from safeconduct.ledger.rebuild import replay
from safeconduct.ledger.recovery import Recovery
from safeconduct.ledger.recovery_events import LOG_RECOVERED, in_entries
from safeconduct.runtime.batch import BatchRunner
from safeconduct.runtime.logs import SignerOf, no_later_key

Recoveries = Mapping[Origin, Recovery]


class RecoveringStore:
    """`Store` that reads as the recovered logs, and the state that all logs make, and writes them at its commit."""

    def __init__(self, store: Store, recoveries: Recoveries, projections: Mapping[str, Projection]) -> None:
        self._store = store
        self._recoveries = recoveries
        self._taken = frozenset[str]().union(*(recovery.repair.ids for recovery in recoveries.values()))
        self._state = self._replayed(projections)

    @property
    def wrong_records(self) -> dict[tuple[str, str], bytes | None]:
        """What must change for the stored control state to be what the entries make."""
        stored = self._store.raw_all()
        names = stored.keys() | self._state.keys()
        return {name: self._state.get(name) for name in names if stored.get(name) != self._state.get(name)}

    def origins(self) -> list[Origin]:
        return list(dict.fromkeys([*self._store.origins(), *self._recoveries]))

    def size(self, origin: Origin) -> int:
        return self._log(origin).size(origin)

    def entries(self, origin: Origin, start: int = 0, count: int | None = None) -> Iterator[StoredEntry]:
        if origin in self._recoveries:
            return self._recoveries[origin].log.entries(origin, start, count)
        return (one for one in self._store.entries(origin, start, count) if one.id not in self._taken)

    def find(self, entry_id: str) -> tuple[Origin, StoredEntry] | None:
        found = (recovery.log.find(entry_id) for recovery in self._recoveries.values())
        return next((one for one in found if one is not None), None) or self._store.find(entry_id)

    def begun(self, beginning: str, most: int) -> Sequence[tuple[Origin, StoredEntry]]:
        recovered = [one for recovery in self._recoveries.values() for one in recovery.log.begun(beginning, most)]
        known = self._taken.union(stored.id for _, stored in recovered)
        stored = [one for one in self._store.begun(beginning, most + len(known)) if one[1].id not in known]
        return sorted([*recovered, *stored], key=lambda each: each[1].id)[:most]

    def tile(self, origin: Origin, level: int, number: int) -> bytes:
        return self._log(origin).tile(origin, level, number)

    def tile_names(self, origin: Origin) -> list[tuple[int, int]]:
        return self._log(origin).tile_names(origin)

    def waiting(self, origin: Origin) -> Iterator[bytes]:
        return self._log(origin).waiting(origin)

    def cosigned(
        self, origin: Origin, *, witness: str | None = None, newest: int | None = None
    ) -> list[tuple[int, str, str]]:
        return self._log(origin).cosigned(origin, witness=witness, newest=newest)

    def checkpoint(self, origin: Origin) -> str | None:
        return self._log(origin).checkpoint(origin)

    def blob(self, entry_id: str, name: str) -> bytes | None:
        return self._store.blob(entry_id, name)

    def blobs(self) -> Iterator[tuple[str, str, bytes]]:
        return self._store.blobs()

    def raw(self, collection: str, key: str) -> bytes | None:
        return self._state.get((collection, key))

    def raw_scan(self, collection: str, prefix: str) -> Iterator[tuple[str, bytes]]:
        for (name, key), value in sorted(self._state.items()):
            if name == collection and key.startswith(prefix):
                yield key, value

    def raw_all(self) -> dict[tuple[str, str], bytes]:
        return dict(self._state)

    def commit(self, batch: Batch) -> None:
        self._store.commit(
            Batch(
                repairs=tuple(recovery.repair for recovery in self._recoveries.values()),
                growths=tuple(self._from_start(growth) for growth in batch.growths),
                changes={**self.wrong_records, **batch.changes},
            )
        )

    def keep_cosigned(self, origin: Origin, size: int, note: str, witness: str) -> None:
        self._store.keep_cosigned(origin, size, note, witness)

    def reader(self) -> LogSource:
        return self._store.reader()

    def frozen(self) -> AbstractContextManager[FrozenStore]:
        return self._store.frozen()

    def snapshot(self) -> AbstractContextManager[Records]:
        return self._store.snapshot()

    def close(self) -> None:
        self._store.close()

    def _log(self, origin: Origin) -> LogSource:
        return self._recoveries[origin].log if origin in self._recoveries else self._store

    def _from_start(self, growth: LogGrowth) -> LogGrowth:
        """Returns the growth with all that is missing or damaged before it."""
        recovery = self._recoveries.get(growth.origin)
        if recovery is None:
            return growth
        return replace(
            growth,
            base=recovery.start,
            entries=(*recovery.entries(), *growth.entries),
            tiles={**recovery.tiles, **growth.tiles},
        )

    def _replayed(self, projections: Mapping[str, Projection]) -> dict[tuple[str, str], bytes]:
        try:
            return replay(self, projections)
        except UnavailableError as error:
            raise UnavailableError(
                f"the recovered logs make no state: {error}",
                code="recovery-incomplete",
                remedy="recover the other logs in the same run: give each one's mirror and key",
            ) from error


class RecoveringHeads:
    """`Heads` that reads as the good copies, or the checkpoint that was found, and then replaces what is stored."""

    def __init__(self, heads: Heads, recoveries: Recoveries) -> None:
        self._heads = heads
        self._known = {
            origin: list(recovery.heads) or [recovery.log.checkpoint_note] for origin, recovery in recoveries.items()
        }

    def read(self, origin: Origin) -> str | None:
        return next(iter(self.copies(origin)), None)

    def copies(self, origin: Origin) -> list[str]:
        return self._known.get(origin) or self._heads.copies(origin)

    def replace(self, origin: Origin, head: str, *, previous: str | None) -> None:
        known = self._known.pop(origin, None)
        self._heads.replace(origin, head, previous=self._heads.read(origin) if known else previous)

    def flush(self) -> None:
        self._heads.flush()


def recover(
    store: RecoveringStore,
    heads: Heads,
    keys: DataKeys,
    recoveries: Recoveries,
    *,
    signers: Sequence[NoteSigner],
    clock: Clock,
    entropy: Entropy,
    projections: Mapping[str, Projection],
    signer_of: SignerOf = no_later_key,
) -> Committed[None]:
    """Opens the recovered logs as any start does, and appends to each the entry that tells of its recovery.

    Raises:
        UnavailableError: a recovered log does not pass the check at start, or the commit failed.
    """
    runner = BatchRunner(
        store,
        RecoveringHeads(heads, recoveries),
        keys,
        clock=clock,
        entropy=entropy,
        projections=projections,
        signer_of=signer_of,
    )
    for signer in signers:
        recovered = signer.verifier.name in recoveries
        findings = runner.open(signer, payloads=not recovered)
        if findings and recovered:
            raise UnavailableError(f"after the recovery there is: {findings[0].text}", code="recovery-failed")

    def tell(tx: Transaction) -> None:
        for origin, recovery in recoveries.items():
            for event in in_entries(recovery.event):
                tx.append(origin, LOG_RECOVERED.draft(event))

    result = runner.run([tell])[0]
    if result.error is not None or result.committed is None:
        raise result.error or UnavailableError("nothing was committed", code="recovery-failed")
    heads.flush()
    return result.committed

"""Strays: raw files that no entry speaks of, so that no day counts for them.

Nothing could be read of them, a process ended between keeping and recording them, or a backup that was put back brought
them though the log says that they were destroyed. The first two are recorded as found, and count from then; the third
are destroyed again. What nothing describes may be no telemetry: it is told, and stays.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from safeconduct.access.retention import first_day_kept
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.soc.arriving import ARRIVALS, FILE_FATES, UNTOLD, Arrival, Day
from safeconduct.soc.ingesting import owned_key
from safeconduct.soc.owners import origin_of
from safeconduct.soc.retention.destroying import telemetry_orders
from safeconduct.soc.retention.due import Due, Stated, stated
from safeconduct.soc.retention.events import FOUND, TelemetryFound, TelemetryOrder
from safeconduct.soc.retention.holding import SUBJECT, Citations

FOUND_MAX = 400
"""Files of one entry: each takes 78 bytes at most, of 65,535."""

ENTRIES_MAX = 8
"""Entries of one look, so that other commits wait for milliseconds; the next look goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFile:
    """A raw file that may be telemetry: its digest, name and bytes. Not `described`: nothing says what it is."""

    digest: str
    name: str
    size: int
    described: bool


class RawFiles(Protocol):
    """An owner's raw files as they lie there."""

    def raw_files(self) -> Iterable[str]:
        """Returns the digest of every raw file, in no order."""
        ...

    def lying(self, digest: str) -> RawFile | None:
        """Returns a raw file; None where it is gone, is no telemetry, or is being read in at this moment."""
        ...


@dataclass(frozen=True, slots=True)
class Stray:
    """A raw file that no entry speaks of, or only the `order` by which it was destroyed."""

    file: RawFile
    order: TelemetryOrder | None = None

    @property
    def counts(self) -> bool:
        """Whether its days count once it is recorded as found: it was not destroyed, and something describes it."""
        return self.file.described and self.order is None


def strays(records: Records, owner: str, raws: RawFiles) -> tuple[Stray, ...]:
    """Returns an owner's strays, by digest. Asks for the orders that were given only where there are any."""
    digests = sorted(digest for digest in raws.raw_files() if _is_stray(records, owner, digest))
    files = [one for digest in digests if (one := raws.lying(digest)) is not None]
    gone = _destroyed(records, owner, frozenset(one.digest for one in files if one.described))
    return tuple(Stray(one, gone.get(one.digest)) for one in files)


def record_found(tx: Transaction, owner: str, found: Collection[Stray]) -> tuple[EntryId, ...]:
    """Records strays so that their days count from now, where the program states any; returns the entries.

    Up to ENTRIES_MAX; the others are strays still.

    Raises:
        RefusedError: `no-agreement`.
    """
    if stated(tx, owner, UNTOLD).days is None:
        return ()
    files = [one.file for one in found if one.counts and _is_stray(tx, owner, one.file.digest)]
    starts = range(0, len(files), FOUND_MAX)[:ENTRIES_MAX]
    return tuple(_record(tx, owner, files[at : at + FOUND_MAX]) for at in starts)


def due_again(records: Records, owner: str, now: Instant, citing: Citations, found: Collection[Stray]) -> Iterator[Due]:
    """Yields what was destroyed before and is back, by the order that had it destroyed, as `due`."""
    orders = {one.order.id: one.order for one in found if one.order is not None}
    for order in orders.values():
        said, before = order.ordered, first_day_kept(now, order.ordered.days)
        files = tuple(
            Arrival(digest=one.file.digest, sources=said.sources, day=said.day, size=one.file.size, events=0)
            for one in found
            if one.order == order and _is_stray(records, owner, one.file.digest)
        )
        keeping = {file.digest: citing.keeping(file.digest, before) for file in files}
        yield Due(
            day=Day(owner=owner, sources=said.sources, day=said.day),
            stated=Stated(said.days, said.rule),
            files=files,
            kept={key: why for key, why in keeping.items() if why},
            again=order.id,
        )


def _is_stray(records: Records, owner: str, digest: str) -> bool:
    key = owned_key(owner, digest)
    return records.get(ARRIVALS, key) is None and records.get(FILE_FATES, key) is None


def _destroyed(records: Records, owner: str, digests: frozenset[str]) -> dict[str, TelemetryOrder]:
    """Returns the last order by which each of the files was destroyed, of those that were."""
    found = dict[str, TelemetryOrder]()
    for order in telemetry_orders(records, owner) if digests else ():
        if order.destroyed_at is None:
            continue
        for digest in digests.intersection(order.ordered.files).difference(order.spared):
            former = found.get(digest)
            if former is None or former.at <= order.at:
                found[digest] = order
    return found


def _record(tx: Transaction, owner: str, files: Sequence[RawFile]) -> EntryId:
    event = TelemetryFound(owner=owner, files={one.digest: one.size for one in files})
    return EntryId(tx.append(origin_of(tx), FOUND.draft(event, subject=SUBJECT)).id)

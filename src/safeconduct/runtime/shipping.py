"""Rows to one destination: sends what it has not acknowledged, and never skips in silence."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.ocsf import EntryForm
from safeconduct.ledger.shipping import (
    REFUSED_MAX,
    BatchRefusedError,
    Cursor,
    Cursors,
    Destination,
    Outgoing,
    Refused,
    batches,
    least,
    outgoing,
)
from safeconduct.ledger.tiled import TiledLog

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Shipment:
    """What goes to one destination, and how far it got."""

    destination: Destination
    cursors: Cursors
    forms: Mapping[str, EntryForm]
    cursor: Cursor = field(default_factory=Cursor)

    @property
    def done(self) -> Mapping[Origin, int]:
        """How many entries of each log are acknowledged."""
        return self.cursor.next

    @property
    def refused(self) -> Sequence[Refused]:
        """The entries that the destination does not take in any form."""
        return self.cursor.refused

    def update(self, log: TiledLog) -> None:
        """Sends what is new in a log. Raises as `ship`."""
        ship(self, log)


def ship(shipment: Shipment, log: TiledLog) -> int:
    """Sends what a log has and the destination has not acknowledged; returns how many entries that were.

    The cursor moves after each acknowledged batch, so that what is sent again is at most one.

    Raises:
        UnavailableError: the destination does not take it now, the log is damaged or shorter than what was sent
            (`cursor-ahead`), or too much was refused (`too-many-refused`).
    """
    shipment.cursor = shipment.cursors.read()
    start = shipment.cursor.next.get(log.origin, 0)
    if start > log.size:
        raise UnavailableError(
            f"it has {start} entries of {log.origin}, which has {log.size}: it was led back",
            code="cursor-ahead",
            remedy="recover the log from the partner's mirror",
        )
    rows = (outgoing(leaf, shipment.forms) for leaf in log.leaves(start))
    for batch, encoded in batches(rows, shipment.destination):
        refused = list(_sent(shipment, batch, encoded))
        if len(shipment.cursor.refused) + len(refused) > REFUSED_MAX:
            raise UnavailableError(
                f"it refused more than {REFUSED_MAX} entries, the last: {refused[-1].reason}",
                code="too-many-refused",
                remedy="mend the destination's settings, then remove its cursor: all is sent again",
            )
        shipment.cursor = shipment.cursor.advanced(log.origin, batch[-1].index + 1, refused)
        shipment.cursors.write(shipment.cursor)
    return log.size - start


def _sent(shipment: Shipment, batch: Sequence[Outgoing], encoded: Sequence[bytes]) -> Iterator[Refused]:
    """Sends a batch, halved where something in it is refused and nobody says what; yields what none of it helps."""
    try:
        reasons = shipment.destination.send(batch, encoded)
    except BatchRefusedError as error:
        if len(batch) == 1:
            yield from _least(shipment, batch[0], error.message)
            return
        half = len(batch) // 2
        yield from _sent(shipment, batch[:half], encoded[:half])
        yield from _sent(shipment, batch[half:], encoded[half:])
        return
    for row in batch:
        if row.id in reasons:
            yield from _least(shipment, row, reasons[row.id])


def _least(shipment: Shipment, row: Outgoing, reason: str) -> Iterator[Refused]:
    """Sends only where the entry stands; yields it if that is refused too."""
    form = least(row)
    try:
        reasons = shipment.destination.send([form], [shipment.destination.encode(form)])
    except BatchRefusedError as error:
        reasons = {row.id: error.message}
    if reasons:
        _log.error("entry %s of %s is refused for good: %s", row.index, row.origin, reason)
        yield Refused(origin=row.origin, index=row.index, reason=f"{reason}; {reasons[row.id]}"[:500])

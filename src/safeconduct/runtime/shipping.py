"""The exporter beside the server: sends each destination what it has not acknowledged, and never skips in silence."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.ocsf import EntryForm
from safeconduct.ledger.shipping import (
    REFUSED_MAX,
    BatchRefusedError,
    Cursor,
    Cursors,
    Destination,
    DestinationBusyError,
    Outgoing,
    Refused,
    batches,
    least,
    outgoing,
)
from safeconduct.ledger.tiled import TiledLog

INTERVAL_S = 1.0
"""Seconds between two looks at whether a log has grown."""

RETRY_FIRST_S, RETRY_MAX_S = 1.0, 300.0
"""Seconds until a destination that failed is tried again: doubled with each failure, up to the second."""

END_S = 2.0
"""Seconds that the end of the server waits for a request to a destination."""

_DOUBLINGS_MAX = 9  # then RETRY_MAX_S is reached

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Line:
    """One destination's line: what it is, how far it got, and what ails it."""

    name: str
    kind: str
    destination: Destination
    cursors: Cursors
    origins: frozenset[Origin] = frozenset()
    failures: int = 0
    after_s: float = 0.0
    problem: str = ""
    detail: str = ""
    cursor: Cursor = field(default_factory=Cursor)

    def takes(self, origin: Origin) -> bool:
        """Tells whether a log goes to this destination: all do where none is named."""
        return not self.origins or origin in self.origins

    def lag(self, sizes: Mapping[Origin, int]) -> Mapping[Origin, int]:
        """Returns how many entries of each log are not acknowledged. Below 0: the log is shorter than what was sent."""
        return {origin: size - self.cursor.next.get(origin, 0) for origin, size in sizes.items() if self.takes(origin)}


def ship(line: Line, log: TiledLog, forms: Mapping[str, EntryForm]) -> int:
    """Sends what a log has and the destination has not acknowledged; returns how many entries that were.

    The cursor moves after each acknowledged batch, so that what is sent again is at most one.

    Raises:
        UnavailableError: the destination does not take it now, the log is damaged or shorter than what was sent
            (`cursor-ahead`), or too much was refused (`too-many-refused`).
    """
    line.cursor = line.cursors.read()
    start = line.cursor.next.get(log.origin, 0)
    if start > log.size:
        raise UnavailableError(
            f"{line.name} has {start} entries of {log.origin}, which has {log.size}: it was led back",
            code="cursor-ahead",
            remedy="recover the log from the partner's mirror",
        )
    rows = (outgoing(leaf, forms) for leaf in log.leaves(start))
    for batch, encoded in batches(rows, line.destination):
        refused = list(_sent(line, batch, encoded))
        if len(line.cursor.refused) + len(refused) > REFUSED_MAX:
            raise UnavailableError(
                f"{line.name} refused more than {REFUSED_MAX} entries, the last: {refused[-1].reason}",
                code="too-many-refused",
                remedy="mend the destination's settings, then remove its cursor: all is sent again",
            )
        line.cursor = line.cursor.advanced(log.origin, batch[-1].index + 1, refused)
        line.cursors.write(line.cursor)
    return log.size - start


@contextmanager
def exporting(
    lines: Sequence[Line], logs: Callable[[], Sequence[TiledLog]], forms: Mapping[str, EntryForm]
) -> Iterator[None]:
    """Keeps each destination up to date, in a thread of its own, for as long as the block lasts.

    What is in flight at the end is left: it was not acknowledged, so the next start sends it again.
    """
    ended = threading.Event()

    def work(line: Line) -> None:
        while not ended.wait(attempt(line, logs, forms)):
            pass

    threads = [threading.Thread(target=work, args=(line,), name=f"ship-{line.name}", daemon=True) for line in lines]
    try:
        for thread in threads:
            thread.start()
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join(END_S)


def attempt(line: Line, logs: Callable[[], Sequence[TiledLog]], forms: Mapping[str, EntryForm]) -> float:
    """Ships once, notes what ails the line, and returns after how many seconds to look again."""
    try:
        for log in logs():
            if line.takes(log.origin):
                ship(line, log, forms)
    except SafeconductError as error:
        line.problem, line.detail = error.code, error.message
        line.after_s = error.after_s if isinstance(error, DestinationBusyError) else 0.0
        _log.warning("%s: %s", line.name, error)
    except Exception:  # noqa: BLE001 - were this to end here, nobody would notice that nothing is sent any more
        line.problem, line.detail = "exporter-failed", "see the server's log"
        _log.exception("%s: the exporter failed", line.name)
    else:
        line.failures, line.problem, line.detail = 0, "", ""
        return INTERVAL_S
    line.failures += 1
    return max(line.after_s, min(RETRY_MAX_S, RETRY_FIRST_S * 2.0 ** min(line.failures - 1, _DOUBLINGS_MAX)))


def _sent(line: Line, batch: Sequence[Outgoing], encoded: Sequence[bytes]) -> Iterator[Refused]:
    """Sends a batch, halved where something in it is refused and nobody says what; yields what none of it helps."""
    try:
        reasons = line.destination.send(batch, encoded)
    except BatchRefusedError as error:
        if len(batch) == 1:
            yield from _least(line, batch[0], error.message)
            return
        half = len(batch) // 2
        yield from _sent(line, batch[:half], encoded[:half])
        yield from _sent(line, batch[half:], encoded[half:])
        return
    for row in batch:
        if row.id in reasons:
            yield from _least(line, row, reasons[row.id])


def _least(line: Line, row: Outgoing, reason: str) -> Iterator[Refused]:
    """Sends only where the entry stands; yields it if that is refused too."""
    form = least(row)
    try:
        reasons = line.destination.send([form], [line.destination.encode(form)])
    except BatchRefusedError as error:
        reasons = {row.id: error.message}
    if reasons:
        _log.error("%s refuses entry %s of %s for good: %s", line.name, row.index, row.origin, reason)
        yield Refused(origin=row.origin, index=row.index, reason=f"{reason}; {reasons[row.id]}"[:500])

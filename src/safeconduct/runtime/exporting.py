"""The exporters beside the server: one line for each destination of rows and each place that tiles are published to."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.publishing import PublishedStore, publish
from safeconduct.ledger.shipping import DestinationBusyError, Refused
from safeconduct.ledger.tiled import TiledLog

INTERVAL_S = 1.0
"""Seconds between two looks at whether a log has grown."""

RETRY_FIRST_S, RETRY_MAX_S = 1.0, 300.0
"""Seconds until a destination that failed is tried again: doubled with each failure, up to the second."""

END_S = 2.0
"""Seconds that the end of the server waits for a request to a destination."""

_DOUBLINGS_MAX = 9  # then RETRY_MAX_S is reached

_log = logging.getLogger(__name__)


class Work(Protocol):
    """What a line does with the logs that it takes. All of it can be done again."""

    @property
    def done(self) -> Mapping[Origin, int]:
        """How many entries of each log are surely there."""
        ...

    @property
    def refused(self) -> Sequence[Refused]:
        """The entries that are not taken in any form."""
        ...

    def update(self, log: TiledLog) -> None:
        """Brings what is new in a log there.

        Raises:
            UnavailableError: not now, or not before somebody changed something.
        """
        ...


@dataclass(slots=True)
class Publication:
    """Tiles of logs, published to one store."""

    store: PublishedStore
    done: dict[Origin, int] = field(default_factory=dict)
    refused: Sequence[Refused] = ()

    def update(self, log: TiledLog) -> None:
        """Publishes what is new in a log. Raises as `publish`."""
        self.done[log.origin] = publish(log, self.store, log.trust).size


@dataclass(slots=True)
class Line:
    """One destination's line: what it is, what it does, and what ails it."""

    name: str
    kind: str
    work: Work
    origins: frozenset[Origin] = frozenset()
    failures: int = 0
    after_s: float = 0.0
    problem: str = ""
    detail: str = ""

    def takes(self, origin: Origin) -> bool:
        """Tells whether a log goes to this destination: all do where none is named."""
        return not self.origins or origin in self.origins

    def lag(self, sizes: Mapping[Origin, int]) -> Mapping[Origin, int]:
        """Returns how many entries of each log are not there yet. Below 0: the log is shorter than what is there."""
        return {origin: size - self.work.done.get(origin, 0) for origin, size in sizes.items() if self.takes(origin)}


@contextmanager
def exporting(lines: Sequence[Line], logs: Callable[[], Sequence[TiledLog]]) -> Iterator[None]:
    """Keeps each destination up to date, in a thread of its own, for as long as the block lasts.

    What is in flight at the end is left: it was not acknowledged, so the next start sends it again.
    """
    ended = threading.Event()

    def work(line: Line) -> None:
        while not ended.wait(attempt(line, logs)):
            pass

    threads = [threading.Thread(target=work, args=(line,), name=f"export-{line.name}", daemon=True) for line in lines]
    try:
        for thread in threads:
            thread.start()
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join(END_S)


def attempt(line: Line, logs: Callable[[], Sequence[TiledLog]]) -> float:
    """Brings a destination up to date, notes what ails the line, and returns in how many seconds to look again."""
    try:
        for log in logs():
            if line.takes(log.origin):
                line.work.update(log)
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

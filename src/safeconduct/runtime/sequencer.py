"""Giving entries their places: one process for each log, which signs. Its dying delays places, not calls.

docs/spec/workers.md. A log is opened as one box opens it - audited, its head brought up - and so again after every
failure: recovery is the normal path's code.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.notes import NoteSigner
from safeconduct.ledger.ports import LogGrowth, NewEntry
from safeconduct.ledger.shared_ports import SequencedStore, TermHeads
from safeconduct.runtime.logs import UNREAD, OpenLog

DRAIN_MAX = 4096
"""Entries that get their places in one transaction: a third of a second's work, so that readers follow closely."""

POLL_S = 0.01
"""Seconds between two looks at whether entries wait, where none did."""

RETRY_S = 1.0
"""Seconds until a log is opened again that could not be, or where giving places failed."""

FINISH_S = 10.0
"""Seconds that the last entries get for their places at the end. What waits then gets them at the next start."""

_log = logging.getLogger(__name__)


class Sequencer:
    """Gives places in every log whose lock it gets. One thread.

    `signer` finds a log's first key, `signing` who signs it now.
    """

    def __init__(
        self,
        store: SequencedStore,
        heads: TermHeads,
        signer: Callable[[Origin], NoteSigner],
        signing: Callable[[NoteSigner], Sequence[NoteSigner]] = lambda first: [first],
    ) -> None:
        self._store = store
        self._heads = heads
        self._signer = signer
        self._signing = signing
        self._logs: dict[Origin, OpenLog] = {}
        self._retry_at: dict[Origin, float] = {}
        self._opened: set[Origin] = set()

    def run(self, ended: threading.Event) -> None:
        """Gives places until told to end."""
        pause = 0.0
        while not ended.wait(pause):
            try:
                pause = 0.0 if self.run_once() else POLL_S
            except UnavailableError as error:
                _log.warning("no log gets places: %s", error)
                pause = RETRY_S

    def finish(self, within_s: float = FINISH_S) -> None:
        """Gives places until no entry waits that could get one, for so many seconds at most."""
        until = time.monotonic() + within_s
        while time.monotonic() < until and not self._finished():
            time.sleep(POLL_S)

    def run_once(self) -> int:
        """Gives places to what waits, at most DRAIN_MAX entries of each log; returns how many got one.

        Raises:
            UnavailableError: the database does not answer.
        """
        return sum(self._sequence(origin) for origin in self._store.waiting_logs())

    def waiting(self) -> dict[Origin, str]:
        """Returns the logs of which entries wait, each with why this process gives no places there, where it knows.

        Raises:
            UnavailableError: the database does not answer.
        """
        stops = {origin: log.stop for origin, log in self._logs.items()}
        return {origin: stop.message if (stop := stops.get(origin)) else "" for origin in self._store.waiting_logs()}

    def close(self) -> None:
        """Makes the heads durable. The locks go with the session."""
        self._heads.flush()

    def _finished(self) -> bool:
        try:
            while self.run_once():
                pass
            return all(self.waiting().values())  # each for a reason that time does not mend
        except UnavailableError as error:
            _log.warning("no log gets places: %s", error)
            return False

    def _sequence(self, origin: Origin) -> int:
        if time.monotonic() < self._retry_at.get(origin, 0.0):
            return 0
        try:
            log = self._logs.get(origin) or self._open(origin)
            return 0 if log is None or log.stop else self._drain(log)
        except UnavailableError as error:
            _log.warning("%s gets no places: %s", origin, error)
            self._logs.pop(origin, None)  # what was written is unclear, or somebody else's turn: it is opened anew
            self._retry_at[origin] = time.monotonic() + RETRY_S
            return 0

    def _open(self, origin: Origin) -> OpenLog | None:
        if not self._store.lock(origin):
            self._retry_at[origin] = time.monotonic() + RETRY_S
            return None
        self._store.enter(origin, self._heads.take(origin))
        first = self._signer(origin)
        log = OpenLog(first, self._heads, lambda: self._signing(first))
        findings = log.open(self._store)
        if any(finding.place == UNREAD for finding in findings):
            raise UnavailableError(findings[0].text)  # nothing is known of the log: it is opened again
        if log.stop is not None or origin not in self._opened:  # what a witness said in between stays
            self._store.stop(origin, log.stop.message if log.stop else "")
        self._opened.add(origin)
        self._logs[origin] = log
        return log

    def _drain(self, log: OpenLog) -> int:
        def grow(entries: Sequence[NewEntry]) -> LogGrowth:
            log.pending = list(entries)
            return log.grow()

        count = self._store.drain(log.origin, DRAIN_MAX, grow)
        log.settle()
        if log.stop is not None:  # the head could not follow
            raise log.stopped_error()
        return count

"""The time of day as a log has it: docs/spec/log.md section 1.1."""

from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Clock
from safeconduct.runtime.clock_behind import told_behind

_MILLISECOND = 1000  # microseconds


class LogTime:
    """`Clock` that is never before an instant it passed by: those of the entries that this process knows of.

    So what an entry's time saw expire stays expired, whatever the machine's clock says later. While that is behind,
    this one stands still. One thread passes by; any reads, without a lock: a reading changes nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._passed = Instant(0)

    def now(self) -> Instant:
        """Returns the machine's time, or the last instant that was passed by if that is later."""
        return max(self._passed, self._clock.now())

    def behind(self) -> str:
        """Returns what it means that the machine's clock is behind, as `told_behind`; nothing where it is not."""
        machine = self._clock.now()
        return told_behind(max(self._passed, machine), machine)

    def pass_by(self, at: Instant) -> None:
        """Makes all that follows come at this instant or after it."""
        self._passed = max(self._passed, at)

    def go_past(self, at: Instant) -> None:
        """Makes all that follows come after this instant and the ids made at it."""
        self.pass_by(Instant((at // _MILLISECOND + 1) * _MILLISECOND))

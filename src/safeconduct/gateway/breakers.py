"""Which targets are skipped for a while, because they failed several times in a row. The clock is the caller's.

A target that fails FAILURES_MAX times in a row is skipped for SKIP_S. Then one call is let through to probe it: its
failure has it skipped again, any answer ends that. A probe of which nothing is heard counts for nothing: after another
SKIP_S the next call is let through.
"""

from dataclasses import dataclass, field

FAILURES_MAX = 5
"""Failures in a row from which a target is skipped. One or two are a broken connection, five an outage."""

SKIP_S = 30.0
"""Seconds a target is skipped. Shorter than the restart of a model server, so that few probes are wasted on it."""


@dataclass(slots=True)
class _Failing:
    failures: int = 0
    skipped_until: float = 0.0


@dataclass(slots=True)
class Breakers:
    """The targets that fail, by name. One for each worker: what one learns, others learn by themselves."""

    _failing: dict[str, _Failing] = field(default_factory=dict)

    def skips(self, target: str, now_s: float) -> bool:
        """Tells whether to skip the target now. Once its time is up, the call that asked is the probe."""
        failing = self._failing.get(target)
        if failing is None or failing.failures < FAILURES_MAX:
            return False
        if now_s < failing.skipped_until:
            return True
        failing.skipped_until = now_s + SKIP_S
        return False

    def skipping(self, target: str, now_s: float) -> bool:
        """Tells whether calls go past the target now, and changes nothing."""
        failing = self._failing.get(target)
        return failing is not None and failing.failures >= FAILURES_MAX and now_s < failing.skipped_until

    def failed(self, target: str, now_s: float) -> None:
        """Counts a failure that permits another target."""
        failing = self._failing.setdefault(target, _Failing())
        failing.failures += 1
        failing.skipped_until = now_s + SKIP_S

    def answered(self, target: str) -> None:
        """Ends the row: the target answered, whatever it said."""
        self._failing.pop(target, None)

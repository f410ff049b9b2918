"""From when until when something holds."""

from dataclasses import dataclass

from safeconduct.kernel.instants import Instant, rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From `opens_at` until just before `closes_at`."""

    opens_at: Instant
    closes_at: Instant

    def holds(self, now: Instant) -> bool:
        """Tells whether the instant lies in the window."""
        return self.opens_at <= now < self.closes_at

    def __str__(self) -> str:
        return f"{rfc3339(self.opens_at)} to {rfc3339(self.closes_at)}"

"""What ends or is owed by a day: one form for everything that expires, so that one calendar can hold it all."""

from dataclasses import dataclass

from safeconduct.kernel.instants import Duration, Instant, seconds

DAY: Duration = seconds(24 * 3600)

WARN_DAYS = (30, 7, 1)
"""Days before something is due on which it is warned of: time to negotiate, to sign, and to tell everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Something due at an instant: what kind of thing, its name, who sees to it, and what happens if nobody does."""

    kind: str
    name: str
    at: Instant
    owner: str
    consequence: str

    def within(self, now: Instant) -> int | None:
        """Returns the least of WARN_DAYS within which it is due, 0 once it is over, None while it is not near."""
        if self.at <= now:
            return 0
        return next((days for days in sorted(WARN_DAYS) if self.at <= now + days * DAY), None)

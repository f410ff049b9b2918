"""What ends or is owed by a day: one form for everything that expires, so that one calendar can hold it all."""

from dataclasses import dataclass
from typing import NewType

from safeconduct.kernel.instants import DAY, Instant

WARN_DAYS = (30, 7, 1)
"""Days before something is due on which it is warned of: time to negotiate, to sign, and to tell everybody."""

LONG_AGO = Instant(0)

Owner = NewType("Owner", str)  # `principal:NAME` or `organization:NAME`; the two may have one name


def principal_owner(name: str) -> Owner:
    """Returns a principal as owner of what is due."""
    return Owner(f"principal:{name}")


def organization_owner(name: str) -> Owner:
    """Returns an organization as owner of what is due."""
    return Owner(f"organization:{name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Something due at an instant: what kind of thing, its name, who sees to it, and what happens if nobody does.

    `since` is from when on it was so, LONG_AGO where nobody says. `asked` says that somebody waits for its owner's
    answer, who is told at once. `look` is the command that shows it.
    """

    kind: str
    name: str
    at: Instant
    owner: Owner
    consequence: str
    since: Instant = LONG_AGO
    asked: bool = False
    look: str = "safeconduct calendar"

    def within(self, now: Instant) -> int | None:
        """Returns the least of WARN_DAYS within which it is due, 0 once it is over, None while it is not near."""
        if self.at <= now:
            return 0
        return next((days for days in sorted(WARN_DAYS) if self.at <= now + days * DAY), None)

    def warning(self, now: Instant) -> int | None:
        """Returns `within`; None where the thing is younger than that step: whoever made it knew its end."""
        days = self.within(now)
        return days if days is not None and self.since < self.at - days * DAY else None

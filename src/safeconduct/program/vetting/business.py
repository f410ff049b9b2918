"""Business time: when something is due that is promised in business days. Pure; days are UTC's."""

from collections.abc import Container
from datetime import UTC, datetime, timedelta

from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339

SATURDAY = 5


def business_due(start: Instant, days: int, holidays: Container[str]) -> Instant:
    """Returns the end of the last of so many business days after the day of `start`: midnight, when the next begins.

    The day of the start itself counts for nothing, whatever its hour.
    """
    day = datetime.fromisoformat(rfc3339(start)).astimezone(UTC).date()
    left = days
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < SATURDAY and day.isoformat() not in holidays
    return parse_rfc3339(f"{(day + timedelta(days=1)).isoformat()}T00:00:00Z")

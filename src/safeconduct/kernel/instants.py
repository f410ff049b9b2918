"""Instants as whole microseconds, so that they compare, hash and encode exactly."""

from datetime import UTC, datetime, timedelta
from typing import NewType

from safeconduct.kernel.errors import InvalidInputError

Instant = NewType("Instant", int)
"""Microseconds since 1970-01-01T00:00:00Z, without leap seconds."""

Duration = NewType("Duration", int)
"""Whole microseconds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


SECOND = Duration(1_000_000)  # these four: every longer stretch is a multiple of one
MINUTE = Duration(60 * SECOND)
HOUR = Duration(60 * MINUTE)
DAY = Duration(24 * HOUR)


def seconds(count: float) -> Duration:
    """Returns `count` seconds as a duration, rounded to a microsecond."""
    return Duration(round(count * SECOND))


def rfc3339(instant: Instant) -> str:
    """Returns the instant as RFC 3339 in UTC with six decimals: one text form per instant, sortable as text."""
    return (_EPOCH + instant * _MICROSECOND).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def parse_rfc3339(text: str) -> Instant:
    """Reads an RFC 3339 date-time with any offset.

    Raises:
        InvalidInputError: the text is no date-time, or has no offset (a local time names no instant).
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(f"{text!r} is not an RFC 3339 date-time such as 2026-11-21T08:00:00Z") from error
    if moment.tzinfo is None:
        raise InvalidInputError(f"{text!r} has no offset; write it as {text}Z or with +hh:mm")
    return Instant((moment - _EPOCH) // _MICROSECOND)

"""Times as telemetry writes them. A time without its offset names no instant and is refused, never guessed."""

from decimal import Decimal, InvalidOperation
from typing import Any

from safeconduct.adapters.telemetry.lines import UnreadableError
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import Instant, parse_rfc3339

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FIRST_YEAR_S = 315_532_800
LAST_YEAR_S = 7_258_118_400
"""1980 to 2200: an epoch number outside is in another unit, or no time."""

UNITS = (1, 1_000, 1_000_000, 1_000_000_000)
"""Seconds, milliseconds, microseconds, nanoseconds: within these years no number is a time in two of them."""


def instant(value: Any, zone: str = "") -> Instant:  # noqa: ANN401 - JSON
    """Reads RFC 3339 text or an epoch number in any common unit; text without an offset is in `zone`, if one is given.

    Raises:
        UnreadableError: neither (`time-unknown`), or text without an offset (`time-without-offset`).
    """
    text = str(value).strip()
    number = epoch(text)
    if number is not None:
        return number
    try:
        return parse_rfc3339(text.replace(",", "."))
    except InvalidInputError as error:
        if zone and "no offset" in error.message:
            return instant(text + zone)
        code = "time-without-offset" if "no offset" in error.message else "time-unknown"
        raise UnreadableError(code, error.message) from error


def epoch(text: str) -> Instant | None:
    """Returns the instant of an epoch number, to the microsecond, or None if the text is none."""
    if not text or not text[0].isdigit() or not text.replace(".", "", 1).isdigit() or not text.isascii():
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    for unit in UNITS:
        if FIRST_YEAR_S <= number / unit < LAST_YEAR_S:
            return Instant(int(number * 1_000_000 / unit))
    return None


def common_log(text: str) -> Instant:
    """Reads `21/Nov/2026:18:51:30 +0000`, the time of the common log format.

    Raises:
        UnreadableError: the text has another form.
    """
    try:
        day, month, rest = text.split("/")
        year, clock = rest.split(":", 1)
        hours, offset = clock.split(" ")
        number = MONTHS.index(month) + 1
        return parse_rfc3339(f"{year}-{number:02}-{day}T{hours}{offset[:3]}:{offset[3:]}")
    except (ValueError, InvalidInputError) as error:
        raise UnreadableError("time-unknown", f"{text!r} is not like 21/Nov/2026:18:51:30 +0000") from error

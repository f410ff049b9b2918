"""Durations as people write them."""

import re

from safeconduct.kernel.errors import InvalidInputError

_UNITS = {"m": 60, "h": 3_600, "d": 86_400}


def seconds_of(duration: str) -> int:
    """Returns the seconds of a duration such as 90m, 12h or 3d.

    Raises:
        InvalidInputError: `duration-invalid`.
    """
    if not re.fullmatch(r"[1-9][0-9]{0,4}[mhd]", duration):
        text = f"expected a number with m, h or d, such as 90m or 3d, got {duration[:64]!r}"
        raise InvalidInputError(text, code="duration-invalid")
    return int(duration[:-1]) * _UNITS[duration[-1]]

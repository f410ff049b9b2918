"""Names that people give to what they keep, in the form of the program's own names."""

import re

from safeconduct.access.reading import NAME
from safeconduct.kernel.errors import InvalidInputError


def given_name(name: str, kind: str, such_as: str) -> str:
    """Returns a name that somebody gave to a thing of some kind.

    Raises:
        InvalidInputError: it is none.
    """
    if not re.fullmatch(NAME, name):
        raise InvalidInputError(f"{name[:80]!r} names no {kind}: expected 1 to 64 of a-z, 0-9 and -, such as {such_as}")
    return name

"""Which one is meant where somebody gave the beginning of an id."""

from collections.abc import Sequence
from typing import TypeVar

from safeconduct.kernel.errors import AbsentError

T = TypeVar("T")


def the_only(found: Sequence[T], beginning: str, noun: str, *, code: str, remedy: str) -> T:
    """Returns the one that was found under a beginning of its id.

    Raises:
        AbsentError: none, or more than one, begins so.
    """
    if len(found) != 1:
        told = f"{len(found)} {noun}s have" if found else f"no {noun} has"
        raise AbsentError(f"{told} an id that begins with {beginning[:64]!r}", code=code, remedy=remedy)
    return found[0]

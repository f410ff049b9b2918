"""Which one is meant where somebody gave an id, or the beginning of one."""

from collections.abc import Mapping
from typing import TypeVar

from safeconduct.kernel.errors import AbsentError

T = TypeVar("T")
Id = TypeVar("Id", bound=str)

BEGINNING_MIN = 6
"""Characters of an id that name a thing where no other's id begins so: as many as questions to models show."""

CANDIDATES_TOLD = 5
"""Ids that are told where several begin alike: enough to see where they differ, few enough to read."""


def the_only(found: Mapping[Id, T], given: str, noun: str, unknown: AbsentError) -> T:
    """Returns the one of those found, by their ids, whose id is `given`, or alone begins so.

    Raises:
        AbsentError: `unknown`, where none begins so; else under its code, that several do, and which, or that so few
            characters name nothing.
    """
    begun = {str(key): one for key, one in found.items() if key.startswith(given)}
    if given in begun:
        return begun[given]
    if len(given) < BEGINNING_MIN:
        few = f"{given!r} is too short to name {_a(noun)}"
        raise AbsentError(few, code=unknown.code, remedy=f"give {BEGINNING_MIN} or more of its id's characters")
    if not begun:
        raise unknown
    if len(begun) > 1:
        told = f"{len(begun)} {noun}s have an id that begins with {given[:64]!r}: {_listed(sorted(begun))}"
        raise AbsentError(told, code=unknown.code, remedy="give more of the one that you mean")
    return next(iter(begun.values()))


def _listed(ids: list[str]) -> str:
    left = len(ids) - CANDIDATES_TOLD
    return ", ".join(ids[:CANDIDATES_TOLD]) + (f" and {left} more" if left > 0 else "")


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"

"""Entries by their ids, or by beginnings that are enough."""

from collections.abc import Callable

from safeconduct.kernel.beginnings import the_only
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import begins_ulid
from safeconduct.ledger.reader import LogReader

BEGUN_MAX = 100
"""Entries that are looked at under one beginning: at 64 KiB each that is 6 MiB, and nobody chooses among more."""


def entry_named(
    log: LogReader, given: str, wanted: Callable[[Entry], bool], *, noun: str, unknown: AbsentError
) -> Entry:
    """Returns the entry with this id, or the only one whose id begins so, of those that are wanted.

    Raises:
        AbsentError: as `the_only`, or that too many entries begin so.
        UnavailableError: one can't be read.
    """
    begun = log.begun(given, BEGUN_MAX + 1) if begins_ulid(given) else []
    if len(begun) > BEGUN_MAX:
        many = f"more than {BEGUN_MAX} entries have an id that begins with {given!r}"
        raise AbsentError(many, code=unknown.code, remedy=f"give more of the {noun}'s id")
    return the_only({entry.id: entry for entry in begun if wanted(entry)}, given, noun, unknown)

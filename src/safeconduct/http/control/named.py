"""Entries by their ids, or by beginnings that are enough, among those that a reader may know of."""

from collections.abc import Callable

from safeconduct.access.reading_rights import Reader
from safeconduct.http.control.context import Control
from safeconduct.http.proofs import begins_call, unknown_call
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ports import Records
from safeconduct.ledger.naming import entry_named

Reads = Callable[[Records, Reader, Entry], bool]
"""Tells whether an entry is a reader's to know of."""


def named_call(control: Control, reader: Reader, given: str, reads: Reads) -> Entry:
    """Returns the entry that a call begins with, by the call's id or the beginning of it.

    Raises:
        AbsentError: `call-unknown`: as `entry_named`, among the calls that the reader may know of.
        UnavailableError: it can't be read.
    """
    with control.snapshot() as records:
        return entry_named(
            control.log,
            given,
            lambda entry: begins_call(entry) and reads(records, reader, entry),
            noun="call",
            unknown=unknown_call(given),
        )

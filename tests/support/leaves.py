"""Leaves as the log would hold them."""

from safeconduct.kernel.ids import Origin
from safeconduct.ledger.envelope import NOTHING_SEALED, write_entry


def encode_leaf(draft, entry_id, at, sealed=NOTHING_SEALED):
    """Returns the canonical bytes of an entry; no log's name is in them."""
    return write_entry(draft, entry_id, Origin(""), at, sealed)[0]

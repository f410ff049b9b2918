"""What the entries of this package are in OCSF."""

from collections.abc import Mapping

from safeconduct.ledger.ocsf import EntryForm

FORMS: Mapping[str, EntryForm] = {}
"""By entry type."""

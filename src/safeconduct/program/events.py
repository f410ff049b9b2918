"""The entries of this package, and how each changes the records."""

from collections.abc import Mapping

from safeconduct.kernel.ports import Projection
from safeconduct.program.agreement_events import PROJECTIONS as AGREEMENTS

PROJECTIONS: Mapping[str, Projection] = {**AGREEMENTS}
"""By entry type, from the features of this package."""

"""The entries of this package, and how each changes the records."""

from collections.abc import Mapping

from safeconduct.kernel.ports import Projection

PROJECTIONS: Mapping[str, Projection] = {}
"""By entry type, from the features of this package."""

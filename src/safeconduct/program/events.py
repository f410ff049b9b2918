"""The entries of this package, and how each changes the records."""

from collections.abc import Mapping

from safeconduct.kernel.ports import Projection
from safeconduct.program.agreement_events import PROJECTIONS as AGREEMENTS
from safeconduct.program.notice_events import PROJECTIONS as NOTICES
from safeconduct.program.obligations.events import PROJECTIONS as OBLIGATIONS
from safeconduct.program.recertifying.events import PROJECTIONS as RECERTIFYING
from safeconduct.program.vetting.projections import PROJECTIONS as VETTING

PROJECTIONS: Mapping[str, Projection] = {**AGREEMENTS, **NOTICES, **OBLIGATIONS, **RECERTIFYING, **VETTING}
"""By entry type, from the features of this package."""

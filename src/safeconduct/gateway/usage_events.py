"""What the log says of a vendor's usage export held against our calls: a mismatch, or that the two agree."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.acts import record_act
from safeconduct.gateway.usage import Difference
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Projection, State
from safeconduct.ledger.events import EventType

DIFFERENCES_KEPT = 32
"""Differences that an entry names. More are counted: whoever has the export finds them again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What was held against the log: an upstream's export, by its SHA-256 and number of rows, for a stretch of time.

    `calls` are ours, `uncertain` those of which this side can't know whether the vendor counted them. Tokens may have
    differed by `tolerance` thousandths.
    """

    upstream: str
    export: str
    rows: int
    since: Instant
    until: Instant
    calls: int
    uncertain: int
    tolerance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReconciled:
    """The export and the log agree."""

    compared: Compared
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageMismatched:
    """The export says what our calls can't make. `differences` are the first of them, `found` is how many there are."""

    compared: Compared
    differences: tuple[Difference, ...]
    found: int
    by: PrincipalId


USAGE_RECONCILED = EventType("gateway.usage.reconciled/1", UsageReconciled)
USAGE_MISMATCHED = EventType("gateway.usage.mismatched/1", UsageMismatched)


def _recorded(state: State, entry: Entry) -> None:
    record_act(state, entry)


PROJECTIONS: Mapping[str, Projection] = {USAGE_RECONCILED.name: _recorded, USAGE_MISMATCHED.name: _recorded}

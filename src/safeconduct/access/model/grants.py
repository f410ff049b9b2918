"""Who may use which path, and under which conditions."""

from dataclasses import dataclass
from enum import StrEnum

from safeconduct.access.budgets import Budget
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.windows import Window
from safeconduct.kernel.ids import EntryId, GrantId, PathId, PrincipalId


class GrantOrigin(StrEnum):
    """Where a grant comes from."""

    PROGRAM = "program"  # the program file; in force as long as that says so
    REQUEST = "request"  # somebody asked for it and both parties approved exactly this
    BREAK_GLASS = "break-glass"  # one party opened it, for an hour at most; both review it after


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Part of each day in UTC, in minutes from midnight: from `opens` until just before `closes`, past midnight too."""

    opens: int
    closes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a call under a grant must meet beside the rest. `session` is the one it must name; empty: any or none."""

    hours: Hours | None = None
    session: str = ""
    hold: bool = False  # a person approves each call first


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """This principal may use this path for this purpose, on these targets, in this window.

    The rest is for grants that were issued: `request` is the entry that asked for it, `tier` what it reaches, and
    `elevated` whether that was above the principal's own tier when it was issued.
    """

    id: GrantId
    principal: PrincipalId
    path: PathId
    purpose: str
    scope: str
    window: Window
    budget: Budget | None = None
    origin: GrantOrigin = GrantOrigin.PROGRAM
    tier: int = 0
    elevated: bool = False
    conditions: Conditions = Conditions()
    request: EntryId | None = None

    def reach(self, principal: Principal, ceiling: int) -> int:
        """Returns the highest tier of models under it. `ceiling` is that of the principal's organization now."""
        if self.origin is GrantOrigin.PROGRAM:
            return principal.tier
        return min(self.tier, ceiling if self.elevated else principal.tier)

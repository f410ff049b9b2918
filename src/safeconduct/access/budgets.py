"""Budgets as the program states them: how many tokens and how much money a grant, a path or an organization may use."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safeconduct.access.model.windows import Window

TOKENS_MAX = 10**12
"""Tokens of one budget: more than a large vendor answers in a day, and far below what sums of it may reach."""


class Period(StrEnum):
    """When a budget begins anew. Hours, days and months are those of UTC."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    WINDOW = "window"  # never within the window of the grant, or of the agreement for a path or an organization


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be used in each period; None where it is not limited. `micro_usd` are millionths of a dollar."""

    per: Period
    tokens: int | None = None
    micro_usd: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedBudget:
    """A budget in force. `owner` is `grant:NAME`, `path:NAME` or `organization:NAME`, `own` is what `window` means."""

    owner: str
    budget: Budget
    own: "Window"

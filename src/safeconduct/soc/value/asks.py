"""How much people are asked: votes, reviews and second looks that they answered, by person and day.

Too many asks make approval a habit, and a habit protects nobody. Nobody is named: it measures a load, not a person.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from safeconduct.access.unit_costs import UnitCosts
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import DAY, Instant
from safeconduct.kernel.shares import quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Something that a person was asked, and answered at `at`. `kind` is an approval's, `review` or `look`."""

    kind: str
    by: PrincipalId
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """What people answered, and how many asks wait for anybody now, by kind."""

    answered: tuple[Ask, ...] = ()
    waiting: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Asks by person and day, in UTC, over the days on which a person answered any, and what waits now, by kind.

    `bound` is how many one person answers well on a day, `over` counts the days of a person above it.
    """

    asks: int
    people: int
    days: int
    by_kind: Mapping[str, int]
    median: int | None
    p90: int | None
    most: int | None
    bound: int
    over: int
    waiting: Mapping[str, int]

    @property
    def warning(self) -> str:
        """What stands above the report where somebody was asked more than is borne; else empty."""
        if not self.over:
            return ""
        return f"on {self.over} days a person answered more than {self.bound} asks, {self.most} at most"


def load(asks: Asks, declared: UnitCosts, since: Instant, until: Instant) -> Load:
    """Returns how much people were asked from `since` on and before `until`."""
    known = [one for one in asks.answered if since <= one.at < until]
    days = Counter((one.by, one.at // DAY) for one in known)
    counts = sorted(days.values())
    return Load(
        asks=len(known),
        people=len({one.by for one in known}),
        days=len(counts),
        by_kind=Counter(one.kind for one in known),
        median=quantile(counts, 50),
        p90=quantile(counts, 90),
        most=counts[-1] if counts else None,
        bound=declared.asks_per_day,
        over=sum(one > declared.asks_per_day for one in counts),
        waiting=asks.waiting,
    )

"""What was never so much before: bytes and events in an hour, against the hours that the same context had before.

Of the logarithms of its earlier hours the median and the median distance from it say what is usual; neither moves much
by what a few hours held, those of an attack too. An hour is judged once the events go past its end. No model, no label.
"""

import math
from array import array
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from statistics import median

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import HOUR, Instant, rfc3339
from safeconduct.soc.amounts import AMOUNTS, Amount
from safeconduct.soc.habits import Named, named
from safeconduct.soc.model import Event
from safeconduct.soc.quotes import quote_at

HOURS_MIN = 48
"""Hours with anything in them before one is too much: two days of work that never rests, or a week of office hours."""

HOURS_KEPT = 336
"""Hours that one is held against, the latest: two weeks that never rest. What is usual changes."""

SPREADS = 3.5
"""How many spreads above the median an hour is too much; of hours that vary as a bell, 1 in 4,300 is."""

SPREAD_MIN = math.log(1.5)
"""The least that hours count as varying, so that who sends always the same is not unusual by a quarter more."""

MAD = 1.4826
"""What makes of the median distance from the median the standard deviation of a bell."""

CONTEXTS_MAX = 20_000
"""Contexts kept at once, some 5 KB each. Beyond it no new ones are begun, and the answer says so."""

NAMED_MAX = 20
"""Events that a finding names, those with the most; all are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """An hour of a context with more than it usually has.

    `measured` in the hour from `hour` on, over `counted` events, of which `events` had the most. Of those with
    anything in them since `since` it is held against the latest `hours`: their median was `usual`, and over `limit` is
    too much.
    """

    amount: Amount
    context: Named
    hour: Instant
    at: Instant
    measured: int
    counted: int
    events: tuple[EventId, ...]
    since: Instant
    hours: int
    usual: float
    limit: float

    def reason(self) -> str:
        """Says why, in numbers that can be computed again."""
        hour, since = rfc3339(self.hour), rfc3339(self.since)
        return (
            f"{self.measured:,} {self.amount.unit} in the hour from {hour}; half of the latest {self.hours} hours "
            f"before it that had any, of those since {since}, had at most {self.usual:,.0f}; too much is over "
            f"{self.limit:,.0f}, {SPREADS} spreads above that"
        )


@dataclass
class _Hour:
    """What a context had in the hour that goes on."""

    context: Named
    at: Instant
    measured: int = 0
    counted: int = 0
    most: list[tuple[int, EventId]] = field(default_factory=list)

    def take(self, event: Event, measured: int) -> None:
        self.at = max(self.at, event.at)
        self.measured += measured
        self.counted += 1
        (heappush if len(self.most) < NAMED_MAX else heappushpop)(self.most, (measured, event.id))


@dataclass
class _Past:
    since: Instant
    hours: "array[float]" = field(default_factory=lambda: array("d"))

    def limit(self) -> tuple[float, float]:
        """Returns the median of the hours, and what is too much."""
        middle = median(self.hours)
        spread = max(MAD * median(abs(one - middle) for one in self.hours), SPREAD_MIN)
        return math.exp(middle), math.exp(middle + SPREADS * spread)

    def take(self, measured: int) -> None:
        self.hours.append(math.log(measured))
        if len(self.hours) > HOURS_KEPT:
            self.hours.pop(0)


class Much:
    """What each context had in each hour so far, as events come. One of an hour that is over counts nowhere."""

    def __init__(self, amounts: tuple[Amount, ...] = AMOUNTS) -> None:
        self._amounts = {one.name: one for one in amounts}
        self._past: dict[tuple[str, str], _Past] = {}
        self._open: dict[tuple[str, str], _Hour] = {}
        self._hour = Instant(0)
        self.left_out = self.late = 0

    def take(self, event: Event) -> list[Volume]:
        """Takes an event in, and returns what of the hour before was too much, once an event is past its end."""
        hour = Instant(event.at // HOUR * HOUR)
        if hour < self._hour:
            self.late += 1
            return []
        found = self._closed() if hour > self._hour else []
        self._hour = hour
        for amount in self._amounts.values():
            self._count(amount, event)
        return found

    def _count(self, amount: Amount, event: Event) -> None:
        if amount.class_uid and event.ocsf.get("class_uid") != amount.class_uid:
            return
        context, measured = named(event, amount.context), _measured(amount, event)
        if context is None or measured <= 0:
            return
        key = amount.name, context.found.lower()
        if key not in self._past:
            if len(self._past) == CONTEXTS_MAX:
                self.left_out += 1
                return
            self._past[key] = _Past(self._hour)
        self._open.setdefault(key, _Hour(context, event.at)).take(event, measured)

    def _closed(self) -> list[Volume]:
        judged = (self._judged(*one) for one in sorted(self._open.items(), key=lambda one: one[0]))
        found = [one for one in judged if one is not None]
        self._open = {}
        return found

    def _judged(self, key: tuple[str, str], hour: _Hour) -> Volume | None:
        amount, past = self._amounts[key[0]], self._past[key]
        usual, limit = past.limit() if len(past.hours) >= HOURS_MIN else (0.0, math.inf)
        hours = len(past.hours)
        past.take(hour.measured)
        if hour.measured < amount.least or hour.measured <= limit:
            return None
        return Volume(
            amount=amount,
            context=hour.context,
            hour=self._hour,
            at=hour.at,
            measured=hour.measured,
            counted=hour.counted,
            events=tuple(event for _, event in sorted(hour.most, reverse=True)),
            since=past.since,
            hours=hours,
            usual=usual,
            limit=limit,
        )


def _measured(amount: Amount, event: Event) -> int:
    if not amount.measured:
        return 1
    value = quote_at(event, amount.measured)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0

"""What was never so before: a value that its context, seen often enough, never had. Each finding says its own odds.

One pass in time order, linear in events. How likely a new value was is told by how often values came only once so far
(Good and Turing: the share of the unseen is about the number of values seen once, over all that was seen). No model,
no labels, no training: the baseline of a finding is what came before it.
"""

from collections import Counter
from dataclasses import dataclass, field

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import HOUR, Duration, Instant
from safeconduct.soc.habits import HABITS, Habit, Named, habits_of, usual_form
from safeconduct.soc.model import Event

SEEN_MIN = 100
"""Events of a context before anything about it is unusual: with fewer, odds of 1 in 50 can't be told from 1 in 10."""

SPAN_MIN: Duration = HOUR
"""How long a context must have been seen: what a machine does in its first hour is all new."""

ODDS_MAX = 0.02
"""The likeliest that a new value may have been. Who has new ones often, such as a browser, is never unusual by one."""

CONTEXTS_MAX = 200_000
"""Contexts kept at once, about a kilobyte each. Beyond it no new ones are begun, and the answer says so."""

VALUES_MAX = 2_000
"""Values kept of one context. One with more has new ones all the time and is no habit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """A value that its context never had.

    Since `since` the context was in `seen` events, which had `values` different values, `once` of them only once.
    """

    habit: Habit
    event: EventId
    at: Instant
    context: Named
    value: Named
    since: Instant
    seen: int
    values: int
    once: int

    @property
    def odds(self) -> float:
        """How likely any new value was, by Good and Turing; at least as if one value had come once."""
        return max(self.once, 1) / self.seen

    def reason(self) -> str:
        """Says why, in numbers that can be counted again."""
        hours = (self.at - self.since) / SPAN_MIN
        return (
            f"0 of {self.seen} earlier events in {hours:.1f} h; they had {self.values} values, {self.once} of them "
            f"once: a new one was to be expected in 1 of {round(1 / self.odds)}"
        )


@dataclass
class _History:
    since: Instant
    seen: int = 0
    once: int = 0
    values: Counter[str] = field(default_factory=Counter)

    def take(self, value: str) -> None:
        self.seen += 1
        if len(self.values) < VALUES_MAX or value in self.values:
            self.values[value] += 1
            self.once += {1: 1, 2: -1}.get(self.values[value], 0)


class Rare:
    """What each context had so far, as events come: each is held against those that came before it."""

    def __init__(self, habits: tuple[Habit, ...] = HABITS) -> None:
        self._habits = habits
        self._histories: dict[tuple[str, str], _History] = {}
        self.left_out = 0

    def take(self, event: Event) -> list[Anomaly]:
        """Takes an event in, and returns what was never so before it."""
        found = []
        for habit, context, value in habits_of(event, self._habits):
            history = self._history((habit.name, usual_form(context.found)), event.at)
            if history is None:
                continue
            if _unusual(history, event.at, usual_form(value.found)):
                found.append(_anomaly(habit, event, context, value, history))
            history.take(usual_form(value.found))
        return found

    def _history(self, key: tuple[str, str], at: Instant) -> _History | None:
        history = self._histories.get(key)
        if history is None and len(self._histories) == CONTEXTS_MAX:
            self.left_out += 1
        elif history is None:
            history = self._histories[key] = _History(at)
        return history


def _unusual(history: _History, at: Instant, value: str) -> bool:
    enough = history.seen >= SEEN_MIN and at - history.since >= SPAN_MIN and len(history.values) < VALUES_MAX
    return enough and value not in history.values and max(history.once, 1) <= ODDS_MAX * history.seen


def _anomaly(habit: Habit, event: Event, context: Named, value: Named, history: _History) -> Anomaly:
    return Anomaly(
        habit=habit,
        event=event.id,
        at=event.at,
        context=context,
        value=value,
        since=history.since,
        seen=history.seen,
        values=len(history.values),
        once=history.once,
    )

"""What was never so before: a value that its context, seen often enough, never had. Each finding says its own odds.

One pass in time order, linear in events. How likely a new value was is told by how often values came only once so far
(Good and Turing: the share of the unseen is about the number of values seen once, over all that was seen). No model,
no labels, no training: the baseline of a finding is what came before it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Duration, Instant, seconds
from safeconduct.soc.model import Event
from safeconduct.soc.quotes import quote_at, text_of

SEEN_MIN = 100
"""Events of a context before anything about it is unusual: with fewer, odds of 1 in 50 can't be told from 1 in 10."""

SPAN_MIN: Duration = seconds(3600)
"""How long a context must have been seen: what a machine does in its first hour is all new."""

ODDS_MAX = 0.02
"""The likeliest that a new value may have been. Who has new ones often, such as a browser, is never unusual by one."""

CONTEXTS_MAX = 200_000
"""Contexts kept at once, about a kilobyte each. Beyond it no new ones are begun, and the answer says so."""

VALUES_MAX = 2_000
"""Values kept of one context. One with more has new ones all the time and is no habit."""

LAUNCHES, LAUNCH, FAILURE = 1007, 1, 2

_CHANGING = re.compile(r"[0-9a-f]{8,}|\d+", re.IGNORECASE)
_HOME = re.compile(r"^(c:\\users|/home)([\\/])[^\\/]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Habit:
    """What is watched: which value goes with which context. Of several places the first that an event has counts."""

    name: str
    title: str
    class_uid: int
    context: tuple[str, ...]
    value: tuple[str, ...]


_PROGRAM = ("/ocsf/process/file/path", "/ocsf/process/name")
_PARENT = ("/ocsf/process/parent_process/file/path", "/ocsf/actor/process/file/path")
_ACCOUNT = ("/ocsf/actor/user/uid", "/ocsf/actor/user/name")
_SOURCE = ("/ocsf/src_endpoint/ip", "/ocsf/device/hostname")

HABITS = (
    Habit("program-of-parent", "a program that this one never started before", 1007, _PARENT, _PROGRAM),
    Habit("program-of-user", "a program that this account never ran before", 1007,
          ("/ocsf/actor/user/name", "/ocsf/process/user/name"), _PROGRAM),
    Habit("logon-from", "a logon from where this account never came before", 3002, ("/ocsf/user/name",),
          ("/ocsf/src_endpoint/ip",)),
    Habit("destination-of-program", "an address that this program never spoke to before", 4001,
          ("/ocsf/actor/process/file/path", "/ocsf/process/file/path"), ("/ocsf/dst_endpoint/ip",)),
    Habit("destination-of-host", "an address that this machine never spoke to before", 4001, _SOURCE,
          ("/ocsf/dst_endpoint/ip",)),
    Habit("operation-of-account", "a cloud operation that this account never called before", 6003, _ACCOUNT,
          ("/ocsf/api/operation",)),
    Habit("address-of-account", "an address that this cloud account never called from before", 6003, _ACCOUNT,
          ("/ocsf/src_endpoint/ip",)),
    Habit("name-of-host", "a name that this machine never asked for before", 4003, _SOURCE,
          ("/ocsf/query/hostname",)),
)  # fmt: skip
"""All that is watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A field of an event: where, and what stands there."""

    pointer: str
    found: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The anomalies in order of time, over how many events, and how many contexts were too many to be kept."""

    anomalies: tuple[Anomaly, ...]
    events: int
    contexts_left_out: int


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


def anomalies(events: Iterable[Event], habits: tuple[Habit, ...] = HABITS) -> Found:
    """Returns what was never so before. `events` come in order of time; each is held against those before it."""
    histories: dict[tuple[str, str], _History] = {}
    found: list[Anomaly] = []
    count = left_out = 0
    for event in events:
        count += 1
        for habit, context, value in _habits_of(event, habits):
            key = habit.name, usual_form(context.found)
            history = histories.get(key)
            if history is None:
                if len(histories) == CONTEXTS_MAX:
                    left_out += 1
                    continue
                history = histories[key] = _History(event.at)
            if _unusual(history, event.at, usual_form(value.found)):
                found.append(_anomaly(habit, event, context, value, history))
            history.take(usual_form(value.found))
    return Found(anomalies=tuple(found), events=count, contexts_left_out=left_out)


def usual_form(value: str) -> str:
    """Returns a value without what changes from run to run: case, whose home it is, numbers and ids in a path."""
    if "\\" in value or "/" in value:
        return _CHANGING.sub("#", _HOME.sub(r"\1\2*", value)).lower()
    return value.lower()


def _habits_of(event: Event, habits: tuple[Habit, ...]) -> Iterator[tuple[Habit, Named, Named]]:
    class_uid, activity = event.ocsf.get("class_uid"), event.ocsf.get("activity_id")
    for habit in habits:
        if class_uid != habit.class_uid or event.ocsf.get("status_id") == FAILURE:
            continue
        if habit.class_uid == LAUNCHES and activity != LAUNCH:
            continue
        context, value = _first(event, habit.context), _first(event, habit.value)
        if context and value:
            yield habit, context, value


def _first(event: Event, pointers: tuple[str, ...]) -> Named | None:
    for pointer in pointers:
        value = quote_at(event, pointer)
        if value is not None and value != "":
            return Named(pointer=pointer, found=text_of(value))
    return None


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

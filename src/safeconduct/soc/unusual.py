"""Anomalies as alerts of their own kind: `anomaly:` and the name of what was watched, with why as what they matched.

Their level is low, so that none opens an incident by itself: it adds to what rules found, or to several others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from safeconduct.kernel.canonical import JSONValue, digest
from safeconduct.kernel.ids import EventId
from safeconduct.soc.amounts import AMOUNTS, Amount
from safeconduct.soc.anomalies import ODDS_MAX, SEEN_MIN, SPAN_MIN, Anomaly, Rare
from safeconduct.soc.detecting import alert_id
from safeconduct.soc.habits import HABITS, Habit, Named
from safeconduct.soc.model import Alert, Event, Match
from safeconduct.soc.quotes import quote_at, text_of
from safeconduct.soc.volumes import HOURS_KEPT, HOURS_MIN, SPREAD_MIN, SPREADS, Much, Volume

PREFIX = "anomaly:"
LEVEL = "low"

NEVER_BEFORE, SO_MUCH, OF = "never-before", "so-much", "of"
"""What an alert's match says: that its value is new, or that of which there was so much; and of whom."""

TITLES: Mapping[str, str] = {PREFIX + one.name: one.title for one in (*HABITS, *AMOUNTS)}
"""The titles of all anomalies, by what stands in an alert as its rule."""


class Unusual:
    """What is unusual in events as they come. Each is held against those before it, so they come in order of time."""

    def __init__(self) -> None:
        self._rare, self._much = Rare(), Much()
        self.events = 0

    @property
    def left_out(self) -> int:
        """How many events were of contexts beyond those kept."""
        return self._rare.left_out + self._much.left_out

    def take(self, event: Event) -> tuple[Sequence[Anomaly], Sequence[Volume]]:
        """Takes an event in, and returns what is unusual about it, and about the hour that it ends."""
        self.events += 1
        return self._rare.take(event), self._much.take(event)

    def alerts(self, events: Iterable[Event]) -> list[Alert]:
        """Takes events in, in order of their time, and returns alerts of what is unusual."""
        found: list[Alert] = []
        for event in sorted(events, key=lambda event: (event.at, event.id)):
            rare, much = self.take(event)
            found += [_of_rare(one) for one in rare]
            found += [_of_much(one) for one in much]
        return found


def _of_rare(one: Anomaly) -> Alert:
    said = Match(
        event=one.event, pointer=one.value.pointer, operator=NEVER_BEFORE, value=one.reason(), found=one.value.found
    )
    return _alert(_RARE[one.habit.name], (one.event,), 1, one, (said, _context(one.event, one.habit.name, one.context)))


def _of_much(one: Volume) -> Alert:
    whose = _context(one.events[0], one.amount.name, one.context)
    said = Match(
        event=whose.event, pointer=whose.pointer, operator=SO_MUCH, value=one.reason(), found=one.context.found
    )
    return _alert(_MUCH[one.amount.name], one.events, one.counted, one, (said, whose))


def _context(event: EventId, name: str, context: Named) -> Match:
    return Match(event=event, pointer=context.pointer, operator=OF, value=name, found=context.found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A match as an entry has it: why, in numbers, and where; what stands there stays with the event."""

    event: EventId
    pointer: str
    operator: str
    value: str


def said(alert: Alert) -> tuple[Said, ...]:
    """Returns what an entry says of an alert's matches: of an anomaly's all but the value. A rule's are found again."""
    if alert.rule not in TITLES:
        return ()
    return tuple(
        Said(event=one.event, pointer=one.pointer, operator=one.operator, value=one.value) for one in alert.matches
    )


def matches_of(told: Iterable[Said], events: Mapping[EventId, Event]) -> tuple[Match, ...]:
    """Returns the matches that an entry told of, with what stands at their places."""
    there = ((one, quote_at(events[one.event], one.pointer)) for one in told)
    return tuple(
        Match(event=one.event, pointer=one.pointer, operator=one.operator, value=one.value, found=text_of(found))
        for one, found in there
        if found is not None
    )


def shared_places(alert: Alert) -> frozenset[str]:
    """Returns where all events that an anomaly counted have the same, those too that it does not name."""
    return frozenset(one.pointer for one in alert.matches if one.operator == OF and alert.rule in TITLES)


@dataclass(frozen=True, slots=True)
class _Kind:
    rule: str
    title: str
    digest: str


def _alert(
    kind: _Kind, events: tuple[EventId, ...], total: int, one: Anomaly | Volume, matches: tuple[Match, ...]
) -> Alert:
    return Alert(
        id=alert_id(kind.digest, events),
        rule=kind.rule,
        rule_digest=kind.digest,
        title=kind.title,
        level=LEVEL,
        techniques=(),
        events=events,
        at=one.at,
        matches=matches,
        total=total,
    )


def _kind(watched: Habit | Amount, *bounds: float) -> _Kind:
    said: JSONValue = [repr(sorted(asdict(watched).items())), *map(repr, bounds)]
    return _Kind(PREFIX + watched.name, watched.title, digest(said))


_RARE = {one.name: _kind(one, SEEN_MIN, SPAN_MIN, ODDS_MAX) for one in HABITS}
_MUCH = {one.name: _kind(one, HOURS_MIN, HOURS_KEPT, SPREADS, SPREAD_MIN) for one in AMOUNTS}

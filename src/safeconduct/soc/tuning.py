"""Tune-outs: alerts of one rule that people know to be harmless, held back for a time where certain values stand.

A tune-out names an event and places in it, never a value: alerts of its rule are held back while every event of theirs
has at those places what that event has there. What is held back is counted and told.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from safeconduct.kernel.canonical import JSONValue, digest
from safeconduct.kernel.errors import AbsentError, InvalidInputError
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import DAY, Instant, rfc3339
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.model import Alert, Event
from safeconduct.soc.pointers import resolve
from safeconduct.soc.unusual import shared_places

ID_DIGITS = 16

PLACES_MAX = 8
"""Places of one tune-out; more than a handful of properties describe one event and nothing else."""

DAYS_MAX = 366
"""Days from the first to the last moment. What is harmless for longer is looked at again, or belongs in a filter."""

REASON_CHARS_MAX = 500
"""Characters of a reason; it stands in the log, and names no host and nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedOut:
    """Alerts of a rule from `first` until `until` are held back where their events have at `places` what `event` has.

    `by` is who said so, with the `reason`. `owner` is whose telemetry it is, empty for the house.
    """

    id: str
    rule: str
    event: EventId
    places: tuple[str, ...]
    first: Instant
    until: Instant
    by: str
    reason: str
    owner: str = HOUSE_OWNED


def wanted(one: TunedOut, sample: Event, rules: Collection[str]) -> TunedOut:
    """Returns a tune-out with its id, if it says something that can be held to.

    Raises:
        InvalidInputError: no such rule, place, time or reason.
    """
    if one.rule not in rules:
        raise InvalidInputError(f"no rule in use has the id {one.rule[:64]!r}", remedy="safeconduct rules list")
    if not 0 < len(one.places) <= PLACES_MAX:
        raise InvalidInputError(f"expected 1 to {PLACES_MAX} places, not {len(one.places)}")
    for place in one.places:
        if _value(sample, place) is None:
            raise InvalidInputError(
                f"event {sample.id} has no single value at {place[:120]!r}",
                remedy="name a place such as /raw/User: safeconduct events show ID",
            )
    if not one.first < one.until <= one.first + DAYS_MAX * DAY:
        raise InvalidInputError(
            f"expected an end after {rfc3339(one.first)} and within {DAYS_MAX} days of it, not {rfc3339(one.until)}"
        )
    if not 0 < len(one.reason.strip()) <= REASON_CHARS_MAX:
        raise InvalidInputError(f"expected a reason of 1 to {REASON_CHARS_MAX} characters")
    places = tuple(sorted(set(one.places)))
    said: list[JSONValue] = [one.owner, one.rule, one.event, list(places), one.first, one.until]
    return replace(one, id=digest(said)[:ID_DIGITS], places=places)


def held_back(
    alerts: Iterable[Alert], known: Sequence[TunedOut], events: Mapping[EventId, Event]
) -> tuple[tuple[Alert, ...], Counter[str]]:
    """Returns the alerts that are told, and how many each tune-out holds back.

    An alert that names only some of what it counted is told, as nobody can say what the others hold; but for
    places at which an anomaly counted only what has the same. So is one whose
    events, or whose tune-out's event, are not there.
    """
    told, held = list[Alert](), Counter[str]()
    for alert in alerts:
        by = next((one for one in known if _holds(one, alert, events)), None)
        if by is None:
            told.append(alert)
        else:
            held[by.id] += 1
    return tuple(told), held


def _holds(one: TunedOut, alert: Alert, events: Mapping[EventId, Event]) -> bool:
    if alert.rule != one.rule or not one.first <= alert.at < one.until:
        return False
    if alert.total > len(alert.events) and not shared_places(alert).issuperset(one.places):
        return False
    found = [events.get(key) for key in (one.event, *alert.events)]
    return all(_same(found, place) for place in one.places)


def _same(events: Iterable[Event | None], place: str) -> bool:
    values = {None if event is None else _value(event, place) for event in events}
    return len(values) == 1 and None not in values


def _value(event: Event, place: str) -> tuple[str, object] | None:
    """Returns a scalar with its kind, so that 1 is neither true nor "1"; None where there is none."""
    try:
        found = resolve(event.document(), place)
    except AbsentError:
        return None
    return None if found is None or isinstance(found, Mapping | list) else (type(found).__name__, found)

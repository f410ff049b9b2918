"""What is recorded of a joined SIEM: what it was asked, what it brought, what it was told (docs/spec/siem.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from safeconduct.access.acts import record_act
from safeconduct.kernel.effects import finish_effect, order_effect
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EventId, IncidentId
from safeconduct.kernel.instants import HOUR, Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType
from safeconduct.soc.predicates import Judgment

TELL_SIEM = "siem-tell"
"""The kind of effect by which a SIEM is told of its alerts."""


class Asked(StrEnum):
    """What a SIEM is asked for."""

    ROWS = "rows"
    ALERTS = "alerts"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiemAsked:
    """A SIEM is asked, and what for. The question's text is sealed: values stand in it.

    `call` is the governed call on which a model proposed it; empty where a person's act did.
    """

    siem: str
    kind: Asked
    table: str
    first: Instant
    last: Instant | None
    limit: int
    call: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenAlert:
    """An alert that a SIEM gave, and the event that it is here."""

    alert: str
    event: EventId
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class SiemAnswered:
    """What came of a question: rows or alerts, kept as the raw file of that digest, or why nothing did.

    `complete` says that there were no more; `ours` alerts bore our mark and were left.
    """

    asked: str
    siem: str
    rows: int = 0
    complete: bool = False
    ours: int = 0
    digest: str = ""
    problem: str = ""
    alerts: tuple[TakenAlert, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingOrdered:
    """A SIEM is to be told what was judged of an incident, at these of its alerts."""

    siem: str
    incident: IncidentId
    judgment: Judgment
    alerts: tuple[str, ...]


class Told(StrEnum):
    """What became of telling a SIEM of one alert."""

    TOLD = "told"
    KNOWN = "known"  # it bore our mark: an answer was lost
    ABSENT = "absent"  # the SIEM has no such alert any more
    FAILED = "failed"  # it would not take it


@dataclass(frozen=True, slots=True, kw_only=True)
class SiemTold:
    """What became of an order, alert by alert."""

    order: str
    alerts: Mapping[str, Told]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Questions asked of a SIEM in the hour that began at `since`."""

    since: Instant
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SiemOrder:
    """An order to tell, and what became of it; nothing while it is under way."""

    id: str
    at: Instant
    order: TellingOrdered
    alerts: Mapping[str, Told]


ASKED = EventType("soc.siem.asked/1", SiemAsked, Retention.OPERATIONS)
ANSWERED = EventType("soc.siem.answered/1", SiemAnswered, Retention.OPERATIONS)
ORDERED = EventType("soc.siem.telling-ordered/1", TellingOrdered, Retention.OPERATIONS)
TOLD = EventType("soc.siem.told/1", SiemTold, Retention.OPERATIONS)

SPENT = Collection("siem-spent", Spent)  # at the SIEM
CURSORS = Collection("siem-cursors", TakenAlert)  # at the SIEM: the last alert that was taken
TAKEN = Collection("siem-alerts", TakenAlert)  # at `siem/event`
ORDERS = Collection("siem-orders", SiemOrder)  # at the entry that ordered it


def _asked(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = ASKED.read(entry)
    spent = state.get(SPENT, event.siem)
    fresh = spent is None or entry.at >= spent.since + HOUR
    count = 1 if fresh or spent is None else spent.count + 1
    since = entry.at if fresh or spent is None else spent.since
    state.put(SPENT, event.siem, Spent(since=since, count=count))


def _answered(state: State, entry: Entry) -> None:
    event = ANSWERED.read(entry)
    for taken in event.alerts:
        state.put(TAKEN, f"{event.siem}/{taken.event}", taken)
    if event.alerts:
        state.put(CURSORS, event.siem, event.alerts[-1])


def _ordered(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = ORDERED.read(entry)
    state.insert(ORDERS, entry.id, SiemOrder(id=entry.id, at=entry.at, order=event, alerts={}))
    order_effect(state, entry, TELL_SIEM)


def _told(state: State, entry: Entry) -> None:
    event = TOLD.read(entry)
    order = state.get(ORDERS, event.order)
    if order is None:
        raise UnavailableError(f"entry {entry.id} ends an order that was not given", code="log-damaged")
    state.put(ORDERS, event.order, replace(order, alerts=event.alerts))
    finish_effect(state, event.order, TELL_SIEM)


PROJECTIONS: Mapping[str, Projection] = {
    ASKED.name: _asked,
    ANSWERED.name: _answered,
    ORDERED.name: _ordered,
    TOLD.name: _told,
}

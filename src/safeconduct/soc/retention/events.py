"""The entries of destroying telemetry, and what they leave in the records."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from safeconduct.access.acts import record_act
from safeconduct.kernel.effects import finish_effect, order_effect
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EntryId, EventId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType
from safeconduct.soc.arriving import ARRIVALS, FILE_FATES, UNTOLD, Arrival, Fate, arrive, leave
from safeconduct.soc.ingesting import FILES, owned_key

DESTROY_TELEMETRY = "destroy-telemetry"
"""The kind of effect that destroys the files of an order and ends in `destroying.record_destroyed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryOrdered:
    """These raw files of an owner's, which came on one day, and what was read from them are to be destroyed.

    `rule` is where the program says for how many `days` telemetry of these `sources` is kept; `by` is `retention`, or
    who had it looked at now. `cited` are the events among them that incidents, runs of hunts or tune-outs name, up
    to `CITED_MAX` of `citations`; `events` those that were told when the files were read. `again` is the order by which
    they were destroyed before.
    """

    owner: str
    sources: str
    day: str
    days: int
    rule: str
    files: tuple[str, ...]
    events: int
    size: int
    cited: tuple[EventId, ...]
    citations: int
    by: str
    again: EntryId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryDestroyed:
    """No byte of an order's files is kept here any more, but of those that were `spared`: an incident cites them."""

    order: EntryId
    owner: str
    files: int
    spared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryFound:
    """Raw files of an owner's lay there in no entry, each with its bytes: their days count from this entry's.

    Nothing could be read of them, or the process ended between keeping and recording them.
    """

    owner: str
    files: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryOrder:
    """An order to destroy telemetry. `destroyed_at` is None until it is carried out."""

    id: EntryId
    at: Instant
    ordered: TelemetryOrdered
    destroyed_at: Instant | None = None
    spared: tuple[str, ...] = ()


TELEMETRY_ORDERS = Collection("telemetry_orders", TelemetryOrder)  # at the order's entry id
EVENT_FATES = Collection("telemetry_event_fates", Fate)  # at the owner and the event's id

ORDERED = EventType("soc.telemetry.destruction-ordered/1", TelemetryOrdered, Retention.OPERATIONS)
DESTROYED = EventType("soc.telemetry.destroyed/1", TelemetryDestroyed, Retention.OPERATIONS)
FOUND = EventType("soc.telemetry.found/1", TelemetryFound, Retention.OPERATIONS)


def _ordered(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = ORDERED.read(entry)
    state.insert(TELEMETRY_ORDERS, entry.id, TelemetryOrder(id=EntryId(entry.id), at=entry.at, ordered=event))
    for digest in event.files:
        state.put(FILE_FATES, owned_key(event.owner, digest), Fate(EntryId(entry.id)))
    order_effect(state, entry, DESTROY_TELEMETRY)


def _destroyed(state: State, entry: Entry) -> None:
    event = DESTROYED.read(entry)
    order = state.get(TELEMETRY_ORDERS, event.order)
    if order is None:
        raise UnavailableError(f"an entry speaks of order {event.order}, which no entry gave", code="log-damaged")
    owner = event.owner
    for digest in order.ordered.files:
        state.delete(FILE_FATES, owned_key(owner, digest))
        if digest not in event.spared:
            state.delete(FILES, owned_key(owner, digest) if owner else digest)
            leave(state, owner, digest)
    for cited in order.ordered.cited:
        state.put(EVENT_FATES, owned_key(owner, cited), Fate(order.id))
    state.put(TELEMETRY_ORDERS, order.id, replace(order, destroyed_at=entry.at, spared=event.spared))
    finish_effect(state, order.id, DESTROY_TELEMETRY)


def _found(state: State, entry: Entry) -> None:
    event = FOUND.read(entry)
    for digest, size in event.files.items():
        if state.get(ARRIVALS, owned_key(event.owner, digest)) is None:
            arrive(state, entry, event.owner, Arrival(digest=digest, sources=UNTOLD, day="", size=size, events=0))


PROJECTIONS: Mapping[str, Projection] = {
    ORDERED.name: _ordered,
    DESTROYED.name: _destroyed,
    FOUND.name: _found,
}

"""Orders to destroy telemetry that were given: which there are, that one was carried out, and what is told of it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice

from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import EntryId, EventId
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.sealing import DAY_LENGTH
from safeconduct.soc.ingesting import owned_key
from safeconduct.soc.owners import origin_of
from safeconduct.soc.retention.events import (
    DESTROYED,
    EVENT_FATES,
    TELEMETRY_ORDERS,
    TelemetryDestroyed,
    TelemetryOrder,
)
from safeconduct.soc.retention.holding import SUBJECT
from safeconduct.soc.wording import number_of


def telemetry_orders(records: Records, owner: str) -> Iterator[TelemetryOrder]:
    """Yields the orders to destroy an owner's telemetry, oldest first."""
    return (one for _, one in records.scan(TELEMETRY_ORDERS) if one.ordered.owner == owner)


def find_telemetry_order(records: Records, order_id: EntryId) -> TelemetryOrder:
    """Returns an order.

    Raises:
        AbsentError: there is none.
    """
    found = records.get(TELEMETRY_ORDERS, order_id)
    if found is None:
        raise AbsentError(f"no destruction of telemetry {order_id[:64]!r} was ordered", code="order-unknown")
    return found


def record_destroyed(tx: Transaction, order_id: EntryId, spared: Collection[str]) -> EntryId:
    """Records that an order was carried out, but for the files that were spared. Recorded already, it stays so."""
    order = find_telemetry_order(tx, order_id)
    if order.destroyed_at is not None:
        return order.id
    kept_back = tuple(one for one in order.ordered.files if one in spared)
    destroyed = TelemetryDestroyed(
        order=order.id,
        owner=order.ordered.owner,
        files=len(order.ordered.files) - len(kept_back),
        spared=kept_back,
    )
    return EntryId(tx.append(origin_of(tx), DESTROYED.draft(destroyed, subject=SUBJECT)).id)


def destroyed_events(records: Records, owner: str, events: Iterable[EventId]) -> dict[EventId, TelemetryOrder]:
    """Returns, of an owner's events, those that are known to be destroyed, each with the order."""
    fates = ((key, records.get(EVENT_FATES, owned_key(owner, key))) for key in sorted(events))
    return {key: find_telemetry_order(records, fate.order) for key, fate in fates if fate is not None}


def refuse_destroyed(what: str, gone: Mapping[EventId, TelemetryOrder]) -> None:
    """Returns if none of the events on which something rests is destroyed.

    Raises:
        AbsentError: `event-destroyed`.
    """
    if gone:
        last = max(gone.values(), key=lambda one: one.destroyed_at or one.at)
        raise AbsentError(
            f"{number_of(len(gone), 'event')} of {what} {'was' if len(gone) == 1 else 'were'} {how_destroyed(last)}",
            code="event-destroyed",
            remedy="safeconduct incident show tells what the log has of it",
        )


def day_destroyed(order: TelemetryOrder) -> str:
    """Returns the UTC day on which an order was carried out."""
    return rfc3339(order.destroyed_at or order.at)[:DAY_LENGTH]


def how_destroyed(order: TelemetryOrder) -> str:
    """Returns what people are told of events that an order had destroyed."""
    days = number_of(order.ordered.days, "day")
    return f"destroyed on {day_destroyed(order)} under {order.ordered.rule}: kept for {days}"


def destroyed_event(records: Records, owners: Iterable[str], beginning: str) -> AbsentError | None:
    """Returns what to say of an event of one of the owners that is known to be destroyed: a record named it."""
    for owner in sorted(owners):
        for key, fate in islice(records.scan(EVENT_FATES, owned_key(owner, beginning)), 1):
            return _told(key.rpartition("/")[2], find_telemetry_order(records, fate.order))
    return None


def _told(event_id: str, order: TelemetryOrder) -> AbsentError:
    return AbsentError(
        f"event {event_id} was {how_destroyed(order)}",
        code="event-destroyed",
        remedy=f"it stands in the log as order {order.id}",
    )

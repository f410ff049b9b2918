"""For how long telemetry is kept: what is due, what holds it back, and the orders to destroy the rest.

What a program states is a bound for who keeps it, not a licence: a legal hold on the log wins over it, and so does an
incident for as long as it is open, and for the same days again after it was closed.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, admit
from safeconduct.access.holds import holds
from safeconduct.access.holds_events import Hold
from safeconduct.access.model.parties import Principal
from safeconduct.access.retention import first_day_kept
from safeconduct.kernel.entries import Retention
from safeconduct.kernel.errors import AbsentError, RefusedError
from safeconduct.kernel.ids import EntryId, EventId, IncidentId
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.log_events import lineage
from safeconduct.ledger.sealing import DAY_LENGTH
from safeconduct.soc.arriving import DAYS, FILE_FATES, OF_DAY, UNREAD, Arrival, Day
from safeconduct.soc.incidents.closing import Closings
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.ingesting import owned_key
from safeconduct.soc.owners import origin_of, owned, owner_name
from safeconduct.soc.retention_events import (
    DESTROYED,
    EVENT_FATES,
    ORDERED,
    TELEMETRY_ORDERS,
    TelemetryDestroyed,
    TelemetryOrder,
    TelemetryOrdered,
)

SUBJECT = "telemetry"
"""Whose data keys a legal hold names that holds telemetry, too: the subject of its entries."""

FILES_MAX = 400
"""Files of one order: their digests take 67 bytes each in an entry of at most 65,535."""

CITED_MAX = 400
"""Cited events that one order names, 35 bytes each. Files beyond that are for the next order."""

LONG_AGO = "0"
"""Before every day."""

ORDERS_MAX = 8
"""Orders of one look, so that a year's backlog keeps other commits waiting for milliseconds; the next look goes on."""

FilesOf = Callable[[Collection[EventId]], Mapping[EventId, frozenset[str]]]
"""Tells of an owner's events from which raw files they were read: `EventStore.files_of`."""


@dataclass(frozen=True, slots=True)
class Stated:
    """For how many days telemetry of some sources is kept, and where the program says so. None: without limit."""

    days: int | None
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Citing:
    """An incident that cites an event, and the day it was closed: empty while it is open."""

    incident: IncidentId
    closed_on: str


@dataclass(frozen=True, slots=True)
class Citations:
    """What an owner's incidents cite: each event with who cites it, and the cited events of each raw file."""

    events: Mapping[EventId, tuple[Citing, ...]] = field(default_factory=dict)
    files: Mapping[str, tuple[EventId, ...]] = field(default_factory=dict)

    def keeping(self, digest: str, before: str) -> tuple[IncidentId, ...]:
        """Returns the incidents for which a file is kept: open ones, and those closed on a day not before that one."""
        citing = (one for event in self.files.get(digest, ()) for one in self.events[event])
        return tuple(sorted({one.incident for one in citing if not one.closed_on or one.closed_on >= before}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Telemetry of one owner, the same sources and one day whose time is over, and that no order is for yet."""

    day: Day
    stated: Stated
    files: tuple[Arrival, ...]
    kept: Mapping[str, tuple[IncidentId, ...]]

    @property
    def to_destroy(self) -> tuple[Arrival, ...]:
        """The files that nothing keeps."""
        return tuple(file for file in self.files if file.digest not in self.kept)


@dataclass(frozen=True, slots=True)
class Kept:
    """An owner's telemetry of the same sources: files, bytes, and the day that the oldest of them came."""

    sources: str
    stated: Stated
    oldest: str
    files: int = 0
    size: int = 0


def stated(records: Records, owner: str, sources: str) -> Stated:
    """Returns what the program in force says of an owner's files of these sources, as `arriving.sources_key`.

    A file of several sources is kept as long as the one that is kept longest: a raw file goes whole or not at all.
    """
    for _, one in records.scan(kept.ORGANIZATIONS):
        if one.telemetry_days and owner_name(records, one.id) == owner:
            found = [_days(one.telemetry_days, source) for source in sources.split("+")]
            limits = [(days, name) for days, name in found if days is not None]
            if len(limits) < len(found):
                return Stated(None)
            days, name = max(limits)
            return Stated(days, f"organization:{one.id}/telemetry_days/{name}")
    return Stated(None)


def _days(said: Mapping[str, int], source: str) -> tuple[int | None, str]:
    name = source if source in said and source != UNREAD else "all"
    return said.get(name), name


def due_days(records: Records, owner: str, now: Instant) -> list[tuple[Day, Stated]]:
    """Returns the days of an owner's telemetry whose time is over, oldest first; with those that something holds."""
    found = [(one, stated(records, owner, one.sources)) for _, one in records.scan(DAYS, owned_key(owner))]
    over = [(one, said) for one, said in found if said.days and one.day < first_day_kept(now, said.days)]
    return sorted(over, key=lambda one: (one[0].day, one[0].sources))


def citations(records: Records, owner: str, files_of: FilesOf) -> Citations:
    """Returns what an owner's incidents cite. What was continued or regrouped keeps nothing: what it became does."""
    closings, events, files = Closings(records), dict[EventId, tuple[Citing, ...]](), dict[str, list[EventId]]()
    for _, record in records.scan(INCIDENTS):
        if record.owner != owner:
            continue
        closing = closings.of(record.id)
        closed_on = rfc3339(closing.at)[:DAY_LENGTH] if closing else "" if record.stands else LONG_AGO
        cited = {key for alert in record.alerts for key in alert.events}
        cited |= {key for edge in record.edges for key in edge.events}
        for key in cited:
            events[key] = (*events.get(key, ()), Citing(record.id, closed_on))
    for key, found in files_of(events).items():
        for digest in found:
            files.setdefault(digest, []).append(key)
    return Citations(events, {digest: tuple(sorted(keys)) for digest, keys in files.items()})


def due(records: Records, owner: str, now: Instant, citing: Citations) -> Iterator[Due]:
    """Yields what of an owner's telemetry is to be destroyed now, as far as no legal hold stands on it."""
    for one, said in due_days(records, owner, now):
        before = first_day_kept(now, said.days or 0)
        arrived = (file for _, file in records.scan(OF_DAY, f"{owner}/{one.sources}/{one.day}/"))
        files = tuple(file for file in arrived if records.get(FILE_FATES, owned_key(owner, file.digest)) is None)
        keeping = {file.digest: citing.keeping(file.digest, before) for file in files}
        yield Due(day=one, stated=said, files=files, kept={key: why for key, why in keeping.items() if why})


def kept_of(records: Records, owner: str) -> list[Kept]:
    """Returns what there is of an owner's telemetry, by what it is of: for how long it is kept, and since when."""
    found = dict[str, Kept]()
    for _, day in records.scan(DAYS, owned_key(owner)):
        one = found.get(day.sources) or Kept(day.sources, stated(records, owner, day.sources), day.day)
        found[day.sources] = replace(
            one, oldest=min(one.oldest, day.day), files=one.files + day.files, size=one.size + day.size
        )
    return list(found.values())


def telemetry_orders(records: Records, owner: str) -> Iterator[TelemetryOrder]:
    """Yields the orders to destroy an owner's telemetry, oldest first."""
    return (one for _, one in records.scan(TELEMETRY_ORDERS) if one.ordered.owner == owner)


def hold_on_telemetry(records: Records) -> Hold | None:
    """Returns the oldest legal hold that keeps telemetry: on its log, for all or its subject, and all or its class."""
    origin = origin_of(records)
    for hold in holds(records):
        named = hold.subject in {None, SUBJECT} and hold.retention in {None, Retention.OPERATIONS}
        if named and origin in lineage(records, hold.origin):
            return hold
    return None


def refuse_telemetry_held(records: Records) -> None:
    """Returns if no legal hold keeps telemetry.

    Raises:
        RefusedError: `legal-hold`, or `no-agreement`.
    """
    hold = hold_on_telemetry(records)
    if hold is not None:
        raise RefusedError(
            "telemetry is under legal hold and stays",
            code="legal-hold",
            clause=f"hold:{hold.id}",
            remedy="safeconduct log holds shows who placed it and why",
        )


def order_due(
    tx: Transaction, owner: str, citing: Citations, *, by: str = "retention", act: SignedAct | None = None
) -> tuple[EntryId, ...]:
    """Orders up to ORDERS_MAX times FILES_MAX files to be destroyed whose time is over; returns the orders.

    Raises:
        RefusedError: `legal-hold`; `no-agreement`.
    """
    refuse_telemetry_held(tx)
    signed, ordered = act.envelope() if act else None, list[EntryId]()
    for one in due(tx, owner, tx.now, citing):
        for files in _parts(one.to_destroy, citing):
            event = _order(owner, one, files, citing, by)
            ordered.append(EntryId(tx.append(origin_of(tx), ORDERED.draft(event, subject=SUBJECT, act=signed)).id))
            signed = None  # an act counts once
            if len(ordered) == ORDERS_MAX:
                return tuple(ordered)
    return tuple(ordered)


def may_destroy(
    records: Records, signed: SignedAct, owner: str, *, operation: str, content: str, now: Instant
) -> Principal:
    """Returns who signed, if they may have an owner's telemetry looked at that is due: asked before it is.

    Who brings telemetry in may: nothing goes that the rule of the program does not have destroyed anyway.

    Raises:
        UnauthenticatedError, RefusedError: as `access.acts`; `not-the-owner`. UnavailableError: `no-program`.
    """
    signer = admit(records, signed, operation=operation, content=content, now=now, capability=Capability.INGEST)
    owned(records, signer, owner or kept.require_agreement(records).partner)
    return signer


def order_now(
    tx: Transaction, signed: SignedAct, owner: str, citing: Citations, *, operation: str, content: str
) -> tuple[EntryId, ...]:
    """Orders what is due of an owner's telemetry, by one of its own people, as retention would by itself.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `not-the-owner`, `legal-hold`, `no-agreement`.
        AbsentError: `nothing-to-destroy`.
    """
    signer = may_destroy(tx, signed, owner, operation=operation, content=content, now=tx.now)
    ordered = order_due(tx, owner, citing, by=signer.id, act=signed)
    if not ordered:
        raise AbsentError(
            "no telemetry is due that nothing keeps",
            code="nothing-to-destroy",
            remedy="safeconduct events retention --dry-run shows what is kept for how long",
        )
    return ordered


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


def destroyed_event(records: Records, owners: Iterable[str], beginning: str) -> AbsentError | None:
    """Returns what to say of an event of one of the owners that is known to be destroyed: an incident cited it."""
    for owner in sorted(owners):
        for key, fate in islice(records.scan(EVENT_FATES, owned_key(owner, beginning)), 1):
            return _told(key.rpartition("/")[2], find_telemetry_order(records, fate.order))
    return None


def _told(event_id: str, order: TelemetryOrder) -> AbsentError:
    day = rfc3339(order.destroyed_at or order.at)[:DAY_LENGTH]
    said = f"event {event_id} was destroyed on {day} under {order.ordered.rule}: kept for {order.ordered.days} days"
    return AbsentError(said, code="event-destroyed", remedy=f"it stands in the log as order {order.id}")


def _parts(files: Collection[Arrival], citing: Citations) -> Iterator[list[Arrival]]:
    part, cited = list[Arrival](), 0
    for file in files:
        more = len(citing.files.get(file.digest, ()))
        if part and (len(part) == FILES_MAX or cited + more > CITED_MAX):
            yield part
            part, cited = [], 0
        part.append(file)
        cited += more
    if part:
        yield part


def _order(owner: str, one: Due, files: Collection[Arrival], citing: Citations, by: str) -> TelemetryOrdered:
    cited = sorted({key for file in files for key in citing.files.get(file.digest, ())})
    return TelemetryOrdered(
        owner=owner,
        sources=one.day.sources,
        day=one.day.day,
        days=one.stated.days or 0,
        rule=one.stated.rule,
        files=tuple(file.digest for file in files),
        events=sum(file.events for file in files),
        size=sum(file.size for file in files),
        cited=tuple(cited[:CITED_MAX]),
        citations=len(cited),
        by=by,
    )

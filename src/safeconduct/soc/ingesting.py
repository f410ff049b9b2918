"""What came in: the report on each file, and its entry in the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import MINUTE, Duration, Instant, parse_rfc3339, rfc3339
from safeconduct.kernel.ports import Collection, Projection, State, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.events import EventType
from safeconduct.soc.arriving import FILE_FATES, Arrival, arrive, sources_key

SKEW_MAX = Duration(5 * MINUTE)
"""How far a clock may be ahead before it is told: what Kerberos allows as well (RFC 4120, 1.6)."""

UNSET_CLOCK = parse_rfc3339("2001-01-01T00:00:00Z")
"""Clocks that lost their battery begin at 1970, 1980 or 2000."""

HOUSE_OWNED = ""
"""The owner of telemetry that is the house's own."""


def owned_key(owner: str, name: str = "") -> str:
    """Returns where a record of an owner's stands by its name; of no name, what all of the owner's begin with."""
    return f"{owner}/{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What became of one file. `problem` is a stable code where nothing could be read, with `detail` for people.

    `dead` counts unreadable lines by code; `broken` lines held bytes that were no UTF-8 and were read all the same;
    `new` events were not known before. Every line is in an event, dead, blank or a bulk header.
    """

    name: str
    digest: str
    size: int
    form: str = ""
    lines: int = 0
    events: Mapping[str, int] = field(default_factory=dict)
    new: int = 0
    dead: Mapping[str, int] = field(default_factory=dict)
    broken: int = 0
    first_at: Instant | None = None
    last_at: Instant | None = None
    notes: Sequence[str] = ()
    problem: str = ""
    detail: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryIngested:
    """A telemetry file was read to its end. Its name is sealed; its content stays with the raw files.

    `owner` is the organization whose telemetry it is, empty for the house. `by` is the service whose token it came
    with, where no act brought it.
    """

    digest: str
    size: int
    lines: int
    events: Mapping[str, int]
    dead: Mapping[str, int]
    first_at: Instant | None
    last_at: Instant | None
    owner: str = HOUSE_OWNED
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryTaken:
    """Files and correlation go by this inventory from now on. Its names and addresses stay with the raw files.

    `owner` is as in `TelemetryIngested`.
    """

    digest: str
    hosts: int
    users: int
    networks: int
    owner: str = HOUSE_OWNED


INVENTORY_TAKEN = EventType("soc.inventory.taken/1", InventoryTaken, Retention.OPERATIONS)
INVENTORY = Collection("inventory", InventoryTaken)  # at `in-use/` and the owner: each has one at a time
INVENTORY_KEY = "in-use"

INGESTED = EventType("soc.telemetry.ingested/1", TelemetryIngested, Retention.OPERATIONS)
FILES = Collection("telemetry_files", TelemetryIngested)  # at the digest, for others than the house `owner/digest`


def clock_notes(report: FileReport, now: Instant) -> tuple[str, ...]:
    """Returns what a file's times say of the clocks they came from, held against this machine's."""
    notes: list[str] = []
    if report.last_at is not None and report.last_at > now + SKEW_MAX:
        notes.append(
            f"its last time, {rfc3339(report.last_at)}, lies ahead of this machine's clock: one of both is wrong"
        )
    if report.first_at is not None and report.first_at < UNSET_CLOCK:
        notes.append(f"its first time, {rfc3339(report.first_at)}, is that of a clock that was never set")
    return tuple(notes)


def record_ingestion(
    tx: Transaction,
    origin: Origin,
    report: FileReport,
    signed: SignedAct | None = None,
    *,
    owner: str = HOUSE_OWNED,
    by: str = "",
    again: bool = False,
) -> bool:
    """Appends the entry of a file that was read and tells so.

    Content recorded before is not recorded again, but where it was read `again` and something else came of it.

    Raises:
        UnavailableError: `telemetry-going`: an order to destroy the same content is being carried out.
    """
    if tx.get(FILE_FATES, owned_key(owner, report.digest)) is not None:
        raise UnavailableError(
            f"file {report.digest} came before and is destroyed at this moment",
            code="telemetry-going",
            remedy="send it again: it is then new",
        )
    former = tx.get(FILES, _key(owner, report.digest))
    event = TelemetryIngested(
        digest=report.digest,
        size=report.size,
        lines=report.lines,
        events=report.events,
        dead=report.dead,
        first_at=report.first_at,
        last_at=report.last_at,
        owner=owner,
        by=by,
    )
    if former is not None and (former == event or not again):
        return False
    act = signed.envelope() if signed else None
    tx.append(origin, INGESTED.draft(event, sealed={"name": report.name}, subject="telemetry", act=act))
    return True


def record_inventory(tx: Transaction, origin: Origin, taken: InventoryTaken, name: str, signed: SignedAct) -> bool:
    """Appends the entry of an inventory and tells so; the one in use is not recorded again."""
    if tx.get(INVENTORY, _key(taken.owner, INVENTORY_KEY)) == taken:
        return False
    sealed = {"name": name}
    tx.append(origin, INVENTORY_TAKEN.draft(taken, sealed=sealed, subject="telemetry", act=signed.envelope()))
    return True


def _ingested(state: State, entry: Entry) -> None:
    event = INGESTED.read(entry)
    state.put(FILES, _key(event.owner, event.digest), event)
    events = sum(event.events.values())
    came = Arrival(digest=event.digest, sources=sources_key(event.events), day="", size=event.size, events=events)
    arrive(state, entry, event.owner, came)
    record_act(state, entry)


def _inventory_taken(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = INVENTORY_TAKEN.read(entry)
    state.put(INVENTORY, _key(event.owner, INVENTORY_KEY), event)


def _key(owner: str, name: str) -> str:
    return f"{owner}/{name}" if owner else name


PROJECTIONS: Mapping[str, Projection] = {INGESTED.name: _ingested, INVENTORY_TAKEN.name: _inventory_taken}

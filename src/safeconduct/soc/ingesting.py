"""What came in: the report on each file, and its entry in the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.events import EventType


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
    """A telemetry file was read to its end. Its name is sealed; its content stays with the raw files."""

    digest: str
    size: int
    lines: int
    events: Mapping[str, int]
    dead: Mapping[str, int]
    first_at: Instant | None
    last_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryTaken:
    """Files and correlation go by this inventory from now on. Its names and addresses stay with the raw files."""

    digest: str
    hosts: int
    users: int
    networks: int


INVENTORY_TAKEN = EventType("soc.inventory.taken/1", InventoryTaken, Retention.OPERATIONS)
INVENTORY = Collection("inventory", InventoryTaken)  # at INVENTORY_KEY: there is one at a time
INVENTORY_KEY = "in-use"

INGESTED = EventType("soc.telemetry.ingested/1", TelemetryIngested, Retention.OPERATIONS)
FILES = Collection("telemetry_files", TelemetryIngested)


def record_ingestion(tx: Transaction, origin: Origin, report: FileReport, signed: SignedAct | None = None) -> bool:
    """Appends the entry of a file that was read and tells so; content recorded before is not recorded again."""
    if tx.get(FILES, report.digest) is not None:
        return False
    event = TelemetryIngested(
        digest=report.digest,
        size=report.size,
        lines=report.lines,
        events=report.events,
        dead=report.dead,
        first_at=report.first_at,
        last_at=report.last_at,
    )
    act = signed.envelope() if signed else None
    tx.append(origin, INGESTED.draft(event, sealed={"name": report.name}, subject="telemetry", act=act))
    return True


def record_inventory(tx: Transaction, origin: Origin, taken: InventoryTaken, name: str, signed: SignedAct) -> bool:
    """Appends the entry of an inventory and tells so; the one in use is not recorded again."""
    if tx.get(INVENTORY, INVENTORY_KEY) == taken:
        return False
    sealed = {"name": name}
    tx.append(origin, INVENTORY_TAKEN.draft(taken, sealed=sealed, subject="telemetry", act=signed.envelope()))
    return True


def _ingested(state: State, entry: Entry) -> None:
    event = INGESTED.read(entry)
    state.put(FILES, event.digest, event)
    record_act(state, entry)


def _inventory_taken(state: State, entry: Entry) -> None:
    record_act(state, entry)
    state.put(INVENTORY, INVENTORY_KEY, INVENTORY_TAKEN.read(entry))


PROJECTIONS: Mapping[str, Projection] = {INGESTED.name: _ingested, INVENTORY_TAKEN.name: _inventory_taken}

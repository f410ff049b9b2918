"""The use cases of telemetry, detection and incidents. Each validates and appends; what raises has changed nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from safeconduct.access import acts
from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.model_assets import ModelAsset
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import IncidentId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.correlation import correlate
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.grouping import Ruling
from safeconduct.soc.incidents import INCIDENTS, IncidentRecord, record_incident, whole
from safeconduct.soc.ingesting import (
    FILES,
    HOUSE_OWNED,
    FileReport,
    InventoryTaken,
    TelemetryIngested,
    record_ingestion,
    record_inventory,
)
from safeconduct.soc.inventory import Inventory
from safeconduct.soc.model import Alert, Incident
from safeconduct.soc.owners import origin_of, owned, owner_name
from safeconduct.soc.ports import EventStore
from safeconduct.soc.tuning import TunedOut, held_back
from safeconduct.soc.unusual import Unusual


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What the rules found in the stored events, and what belongs together. `incidents` the gravest first.

    `held_back` counts the alerts that are not among `alerts`, by tune-out.
    """

    events: int
    alerts: tuple[Alert, ...]
    incidents: tuple[Incident, ...]
    held_back: Mapping[str, int]


def admit(
    records: Records, signed: SignedAct, *, operation: str, content: str, now: Instant, owner: str = HOUSE_OWNED
) -> str:
    """Returns whose archive it goes to, if the signer may bring telemetry in: asked before a byte of it is read.

    Raises:
        UnauthenticatedError, RefusedError: as `access.acts`; `no-agreement` where there is none to log it under;
            `not-the-owner`: only an organization's own people bring its telemetry in.
    """
    signer = acts.admit(records, signed, operation=operation, content=content, now=now, capability=Capability.INGEST)
    origin_of(records)
    return owned(records, signer, owner)


def record_file(
    tx: Transaction,
    signed: SignedAct,
    report: FileReport,
    *,
    operation: str,
    content: str,
    owner: str = HOUSE_OWNED,
    again: bool = False,
) -> bool:
    """Records that a file of an owner's was read, and tells whether that was new.

    One that was read `again` is recorded again where something else came of it.

    Raises:
        UnauthenticatedError, RefusedError: as `admit`.
    """
    _authenticate(tx, signed, operation, content, owner)
    return record_ingestion(tx, origin_of(tx), report, signed, owner=owner, again=again)


def record_inventory_taken(
    tx: Transaction, signed: SignedAct, taken: InventoryTaken, name: str, *, operation: str, content: str
) -> bool:
    """Records that an inventory is in use from now on, and tells whether that was new.

    Raises:
        UnauthenticatedError, RefusedError: as `admit`.
    """
    _authenticate(tx, signed, operation, content, taken.owner)
    return record_inventory(tx, origin_of(tx), taken, name, signed)


def run_detection(
    store: EventStore,
    rules: RuleSet,
    inventory: Inventory,
    owner: str = HOUSE_OWNED,
    *,
    rulings: Sequence[Ruling] = (),
    tuned_out: Sequence[TunedOut] = (),
    anomalies: bool = False,
) -> Detection:
    """Runs the rules over all of an owner's events. Changes nothing; the same events give the same answer.

    `rulings` are what people decided on the owner's incidents before, `tuned_out` what they hold back; `anomalies`
    tells whether they have what is unusual told, too.
    """
    found = detect(store.between(), rules)
    if anomalies:
        found += tuple(Unusual().alerts(store.between()))
    events = store.many({key for alert in found for key in alert.events} | {one.event for one in tuned_out})
    alerts, held = held_back(found, tuned_out, events)
    incidents = tuple(owned_incident(one, owner) for one in correlate(alerts, events, inventory, rulings))
    return Detection(events=sum(store.counts().values()), alerts=alerts, incidents=incidents, held_back=held)


def owned_incident(incident: Incident, owner: str) -> Incident:
    """Returns an incident under its owner's id of it."""
    return replace(incident, id=owned_incident_id(incident.id, owner))


def owned_incident_id(natural: IncidentId, owner: str) -> IncidentId:
    """Returns an owner's id of an incident: two owners may have the same events, and each its own incident of them."""
    return IncidentId(digest({"owner": owner, "incident": natural})[: len(natural)]) if owner else natural


def asset_register(records: Records, owner: str) -> tuple[ModelAsset, ...]:
    """Returns the model assets of an owner, by name: what rules on them are filled in from."""
    assets = (one for _, one in records.scan(kept.MODEL_ASSETS))
    return tuple(one for one in assets if owner_name(records, one.organization) == owner)


def open_incidents(
    tx: Transaction,
    signed: SignedAct,
    incidents: Iterable[Incident],
    *,
    operation: str,
    content: str,
    owner: str = HOUSE_OWNED,
) -> tuple[IncidentId, ...]:
    """Records the incidents that are not open yet, and returns their ids.

    Raises:
        UnauthenticatedError, RefusedError: as `admit`.
    """
    _authenticate(tx, signed, operation, content, owner)
    origin, opened = origin_of(tx), list[IncidentId]()
    for incident in incidents:
        # An act stands in one entry, the first it led to.
        if record_incident(tx, origin, incident, None if opened else signed, owner=owner):
            opened.append(incident.id)
    return tuple(opened)


def incident_record(
    records: Records, incident_id: str, owners: frozenset[str] = frozenset((HOUSE_OWNED,))
) -> IncidentRecord:
    """Returns what is recorded of an incident; the beginning of an id is enough where only one has it.

    One of an owner who is none of `owners` is not there.

    Raises:
        AbsentError: none, or more than one, begins so.
    """
    scanned = records.scan(INCIDENTS, incident_id) if incident_id else ()
    found = [record for _, record in scanned if record.owner in owners]
    if len(found) != 1:
        raise AbsentError(
            f"{len(found) or 'no'} incidents have an id that begins with {incident_id!r}",
            code="incident-unknown",
            remedy="safeconduct incident list",
        )
    return found[0]


def incident_records(records: Records) -> list[IncidentRecord]:
    """Returns what is recorded of every incident, the gravest first."""
    found = (record for _, record in records.scan(INCIDENTS))
    return sorted(found, key=lambda record: (-record.score, record.first_at, record.id))


def incident_of(record: IncidentRecord, store: EventStore, rules: RuleSet) -> Incident:
    """Returns the incident with its matches and values, read from its events.

    Raises:
        UnavailableError: an event is missing from the index.
    """
    return whole(record, store.many({key for alert in record.alerts for key in alert.events}), rules)


def ingested_files(records: Records) -> list[TelemetryIngested]:
    """Returns the files that were read, by their first event's time."""
    found = (record for _, record in records.scan(FILES))
    return sorted(found, key=lambda file: (file.first_at or 0, file.digest))


def _authenticate(tx: Transaction, signed: SignedAct, operation: str, content: str, owner: str) -> None:
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.INGEST)
    owned(tx, signer, owner)

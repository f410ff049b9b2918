"""The use cases of telemetry, detection and incidents. Each validates and appends; what raises has changed nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

from safeconduct.access import acts
from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.kernel.errors import AbsentError, RefusedError
from safeconduct.kernel.ids import IncidentId, Origin
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.correlation import correlate
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.incidents import INCIDENTS, IncidentRecord, record_incident, whole
from safeconduct.soc.ingesting import (
    FILES,
    FileReport,
    InventoryTaken,
    TelemetryIngested,
    record_ingestion,
    record_inventory,
)
from safeconduct.soc.inventory import Inventory
from safeconduct.soc.model import Alert, Incident
from safeconduct.soc.ports import EventStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What the rules found in the stored events, and what belongs together. `incidents` the gravest first."""

    events: int
    alerts: tuple[Alert, ...]
    incidents: tuple[Incident, ...]


def admit(records: Records, signed: SignedAct, *, operation: str, content: str, now: Instant) -> None:
    """Returns if the signer may bring telemetry in: asked before a byte of it is read.

    Raises:
        UnauthenticatedError, RefusedError: as `access.acts`; `no-agreement` where there is none to log it under.
    """
    acts.admit(records, signed, operation=operation, content=content, now=now, capability=Capability.INGEST)
    origin_of(records)


def record_file(tx: Transaction, signed: SignedAct, report: FileReport, *, operation: str, content: str) -> bool:
    """Records that a file was read, and tells whether that was new.

    Raises:
        UnauthenticatedError, RefusedError: as `admit`.
    """
    _authenticate(tx, signed, operation, content)
    return record_ingestion(tx, origin_of(tx), report, signed)


def record_inventory_taken(
    tx: Transaction, signed: SignedAct, taken: InventoryTaken, name: str, *, operation: str, content: str
) -> bool:
    """Records that an inventory is in use from now on, and tells whether that was new.

    Raises:
        UnauthenticatedError, RefusedError: as `admit`.
    """
    _authenticate(tx, signed, operation, content)
    return record_inventory(tx, origin_of(tx), taken, name, signed)


def run_detection(store: EventStore, rules: RuleSet, inventory: Inventory) -> Detection:
    """Runs the rules over all stored events. Changes nothing; the same events give the same answer."""
    alerts = detect(store.between(), rules)
    named = {key for alert in alerts for key in alert.events}
    incidents = correlate(alerts, store.many(named), inventory)
    return Detection(events=sum(store.counts().values()), alerts=alerts, incidents=incidents)


def open_incidents(
    tx: Transaction, signed: SignedAct, incidents: Iterable[Incident], *, operation: str, content: str
) -> tuple[IncidentId, ...]:
    """Records the incidents that are not open yet, and returns their ids.

    Raises:
        UnauthenticatedError, RefusedError: as `admit`.
    """
    _authenticate(tx, signed, operation, content)
    origin, opened = origin_of(tx), list[IncidentId]()
    for incident in incidents:
        # An act stands in one entry, the first it led to.
        if record_incident(tx, origin, incident, None if opened else signed):
            opened.append(incident.id)
    return tuple(opened)


def incident_record(records: Records, incident_id: str) -> IncidentRecord:
    """Returns what is recorded of an incident; the beginning of an id is enough where only one has it.

    Raises:
        AbsentError: none, or more than one, begins so.
    """
    found = [record for _, record in records.scan(INCIDENTS, incident_id)] if incident_id else []
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


def origin_of(records: Records) -> Origin:
    """Returns the log of the agreement in force.

    Raises:
        RefusedError: there is none.
    """
    agreement = kept.agreement_in_force(records)
    if agreement is None:
        raise RefusedError("no agreement is in force", code="no-agreement", remedy="safeconduct program apply FILE")
    return agreement.origin


def _authenticate(tx: Transaction, signed: SignedAct, operation: str, content: str) -> None:
    authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.INGEST)

"""Telemetry in, events, detection, incidents, rules."""

import asyncio
import hashlib
import io
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from safeconduct.http.control.bodies import SignedAlone
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.declared import Content
from safeconduct.http.control.frame import Reading, Signed, SignedBytes, answer, commit
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc import telemetry_service as service
from safeconduct.soc.attack import attack_table
from safeconduct.soc.detection.shipped import shipped_rules
from safeconduct.soc.incidents import IncidentRecord
from safeconduct.soc.ingesting import InventoryTaken
from safeconduct.soc.inventory import parse_inventory
from safeconduct.soc.model import Incident
from safeconduct.soc.ocsf.findings import detection_finding, incident_finding

router = APIRouter(prefix="/api/v1", tags=["telemetry"])

NAME_CHARS_MAX = 255
"""Characters of a file's name, as file systems have it."""

Name = Annotated[str, Query(max_length=NAME_CHARS_MAX)]
SignedFile = Annotated[SignedBytes, Content("application/octet-stream", "One file, as its source wrote it.")]
SignedInventory = Annotated[SignedBytes, Content("application/json", "An inventory file: hosts, users and networks.")]


@router.post("/telemetry")
async def ingest(
    control: Installation, signed: SignedFile, *, name: Name, host: Name = "", time_field: Name = ""
) -> Response:
    """Takes one file in: kept raw, read into events, recorded in the log. The same file again changes nothing."""
    await _admit(control, signed)
    report = await asyncio.to_thread(
        control.telemetry.take, name, io.BytesIO(signed.body), host=host, time_field=time_field
    )
    recorded = False
    if not report.problem:
        committed = await commit(
            control.writer,
            lambda tx: service.record_file(tx, signed.act, report, operation=signed.operation, content=signed.content),
        )
        recorded = committed.value
    return answer({"file": report, "recorded": recorded})


@router.post("/telemetry/inventory")
async def take_inventory(control: Installation, signed: SignedInventory, name: Name) -> Response:
    """Takes the inventory that files sent from now on are read with, and that alerts are joined by."""
    await _admit(control, signed)
    inventory = parse_inventory(signed.body)
    taken = InventoryTaken(
        digest=hashlib.sha256(signed.body).hexdigest(),
        hosts=len(inventory.hosts),
        users=len(inventory.users),
        networks=len(inventory.networks),
    )
    await commit(
        control.writer,
        lambda tx: service.record_inventory_taken(
            tx, signed.act, taken, name, operation=signed.operation, content=signed.content
        ),
    )
    await asyncio.to_thread(control.telemetry.take_inventory, name, signed.body)
    return answer(
        {
            "organization": inventory.organisation,
            "hosts": len(inventory.hosts),
            "users": len(inventory.users),
            "networks": sorted(inventory.networks),
        }
    )


@router.get("/telemetry")
async def telemetry(control: Installation, _: Reading) -> Response:
    """Lists the files that were read."""
    with control.snapshot() as records:
        files = service.ingested_files(records)
    return answer({"files": files, "events": control.events.counts()})


@router.get("/telemetry/{digest}/dead-letters")
async def dead_letters(control: Installation, _: Reading, digest: str) -> Response:
    """Lists the lines of a file that could not be read, and why."""
    return answer(await asyncio.to_thread(control.events.dead_letters, digest))


@router.get("/events/{event_id}")
async def event(control: Installation, _: Reading, event_id: str) -> Response:
    """Shows an event: the document into which claims point."""
    shown = await asyncio.to_thread(control.events.get, EventId(event_id))
    return answer(
        {"id": shown.id, "time": rfc3339(shown.at), "source": shown.source, "raw": shown.raw, "ocsf": shown.ocsf}
    )


@router.post("/detections")
async def detect(control: Installation, signed: SignedAlone) -> Response:
    """Runs the shipped rules over all events, joins the alerts, and opens the incidents that are new."""
    await _admit(control, signed)
    detection = await asyncio.to_thread(
        lambda: service.run_detection(control.events, shipped_rules(), control.telemetry.inventory())
    )
    committed = await commit(
        control.writer,
        lambda tx: service.open_incidents(
            tx, signed.act, detection.incidents, operation=signed.operation, content=signed.content
        ),
    )
    return answer(
        {
            "events": detection.events,
            "alerts": [
                {"id": a.id, "title": a.title, "level": a.level, "time": rfc3339(a.at), "events": a.total}
                for a in detection.alerts
            ],
            "incidents": [incident.id for incident in detection.incidents],
            "opened": committed.value,
        }
    )


@router.get("/incidents")
async def incidents(control: Installation, _: Reading, *, all: bool = False) -> Response:  # noqa: A002 - the query's name
    """Lists the incidents, the gravest first; those that later ones continue only when `all` are asked for."""
    with control.snapshot() as records:
        listed = service.incident_records(records)
    return answer([_row(record) for record in listed if all or not record.continued_by])


@router.get("/incidents/{incident_id}")
async def incident(control: Installation, _: Reading, incident_id: str) -> Response:
    """Shows an incident with its alerts, what they matched, and why they belong together."""
    record, whole = await asyncio.to_thread(whole_incident, control, incident_id)
    return answer(_row(record) | _document(whole))


@router.get("/incidents/{incident_id}/finding")
async def finding(control: Installation, _: Reading, incident_id: str) -> Response:
    """Shows an incident as an OCSF Incident Finding (2005)."""
    _record, whole = await asyncio.to_thread(whole_incident, control, incident_id)
    return answer(incident_finding(whole))


@router.get("/incidents/{incident_id}/alerts/findings")
async def alert_findings(control: Installation, _: Reading, incident_id: str) -> Response:
    """Shows an incident's alerts as OCSF Detection Findings (2004)."""
    _record, whole = await asyncio.to_thread(whole_incident, control, incident_id)
    return answer([detection_finding(alert) for alert in whole.alerts])


@router.get("/rules")
async def rules(_: Reading) -> Response:
    """Lists the rules that ship."""
    return answer(shipped_rules().heads())


async def _admit(control: Control, signed: Signed[object]) -> None:
    def asked() -> None:
        now = control.clock.now()
        with control.snapshot() as records:
            service.admit(records, signed.act, operation=signed.operation, content=signed.content, now=now)

    await asyncio.to_thread(asked)


def whole_incident(control: Control, incident_id: str) -> tuple[IncidentRecord, Incident]:
    """Returns what is recorded of an incident, and the incident made whole from its events."""
    with control.snapshot() as records:
        record = service.incident_record(records, incident_id)
    return record, service.incident_of(record, control.events, shipped_rules())


def _row(record: IncidentRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "score": record.score,
        "first": rfc3339(record.first_at),
        "last": rfc3339(record.last_at),
        "alerts": len(record.alerts),
        "events": len({key for alert in record.alerts for key in alert.events}),
        "origin": record.origin,
        "entry": record.entry_id,
        "continued_by": record.continued_by,
    }


def _document(incident: Incident) -> dict[str, Any]:
    table = attack_table()
    techniques = sorted({name for alert in incident.alerts for name in alert.techniques})
    return {
        "score_reasons": incident.score_reasons,
        "techniques": [{"id": name, "name": table.name(name)} for name in techniques],
        "alerts": incident.alerts,
        "edges": incident.edges,
        "events": incident.events,
    }

"""Incidents: what stands, what was closed, and each in whole."""

import asyncio
from typing import Any

from fastapi import APIRouter, Response

from safeconduct.access.reading_rights import Reader
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.closing import closing_document
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer
from safeconduct.http.control.owned import Gone, incident_events, read_owners, rules_of, whole_incident
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.soc.attack import attack_table
from safeconduct.soc.incidents.closing import Closed, Closings
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.incidents.model import IncidentRecord
from safeconduct.soc.incidents.reading import incident_records
from safeconduct.soc.incidents.whole import whole
from safeconduct.soc.model import Incident
from safeconduct.soc.ocsf.findings import detection_finding, incident_finding
from safeconduct.soc.retention.destroying import day_destroyed

router = APIRouter(prefix="/api/v1", tags=["telemetry"])


@router.get("/incidents")
async def incidents(control: Installation, reader: Reading, *, all: bool = False) -> Response:  # noqa: A002 - the query's name
    """Lists the open incidents, the gravest first; closed ones and those that no longer stand only with `all`."""
    with control.snapshot() as records:
        owners, closings = read_owners(control, records, reader), Closings(records)
        listed = [(one, closings.of(one.id)) for one in incident_records(records) if one.owner in owners]
    return answer([_row(record, closed) for record, closed in listed if all or (record.stands and closed is None)])


@router.get("/incidents/{incident_id}")
async def incident(control: Installation, reader: Reading, incident_id: str) -> Response:
    """Shows an incident with its alerts, what they matched, and why they belong together, as far as it is there."""
    record, shown, gone = await asyncio.to_thread(_there, control, reader, incident_id)
    with control.snapshot() as records:
        closings, former = Closings(records), _grown_from(records, record)
    history = [closing_document(one) for one in closings.history(record.id)]
    return answer(
        _row(record, closings.of(record.id)) | {"closings": history, "grown_from": former} | _document(shown, gone)
    )


def _there(control: Control, reader: Reader, incident_id: str) -> tuple[IncidentRecord, Incident, Gone]:
    record, events, gone = incident_events(control, reader, incident_id)
    return record, whole(record, events, rules_of(control, record.owner)().rules, gone), gone


@router.get("/incidents/{incident_id}/finding")
async def finding(control: Installation, reader: Reading, incident_id: str) -> Response:
    """Shows an incident as an OCSF Incident Finding (2005)."""
    record, found = await asyncio.to_thread(whole_incident, control, reader, incident_id)
    with control.snapshot() as records:
        return answer(incident_finding(found, Closings(records).of(record.id)))


@router.get("/incidents/{incident_id}/alerts/findings")
async def alert_findings(control: Installation, reader: Reading, incident_id: str) -> Response:
    """Shows an incident's alerts as OCSF Detection Findings (2004)."""
    _record, found = await asyncio.to_thread(whole_incident, control, reader, incident_id)
    return answer([detection_finding(alert) for alert in found.alerts])


def _grown_from(records: Records, record: IncidentRecord) -> list[dict[str, Any]]:
    """Returns the incidents that were closed before they grew into this one."""
    closings = Closings(records)
    former = (one for _, one in records.scan(INCIDENTS) if one.continued_by == record.id)
    return [{"id": one.id, **closing_document(closed)} for one in former if (closed := closings.of(one.id))]


def _row(record: IncidentRecord, closed: Closed | None) -> dict[str, Any]:
    return {
        "id": record.id,
        "score": record.score,
        "first": rfc3339(record.first_at),
        "last": rfc3339(record.last_at),
        "alerts": len(record.alerts),
        "events": len(record.events),
        "owner": record.owner,
        "origin": record.origin,
        "entry": record.entry_id,
        "continued_by": record.continued_by,
        "replaced_by": record.replaced_by,
        "made_by": record.made_by,
        "closed": closing_document(closed) if closed else None,
    }


def _document(incident: Incident, gone: Gone) -> dict[str, Any]:
    table = attack_table()
    techniques = sorted({name for alert in incident.alerts for name in alert.techniques})
    return {
        "score_reasons": incident.score_reasons,
        "techniques": [{"id": name, "name": table.name(name)} for name in techniques],
        "alerts": incident.alerts,
        "edges": incident.edges,
        "events": incident.events,
        "destroyed": [
            {"event": key, "day": day_destroyed(order), "rule": order.ordered.rule, "order": order.id}
            for key, order in gone.items()
        ],
    }

"""People close incidents and open them again."""

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.reading_rights import reader_as
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import read_owners
from safeconduct.http.control.signed import Signed
from safeconduct.kernel.ids import IncidentId
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc import triage_service
from safeconduct.soc.incidents import closing_service as service
from safeconduct.soc.incidents.closing import Closed
from safeconduct.soc.incidents.reading import incident_record
from safeconduct.soc.predicates import Judgment

router = APIRouter(prefix="/api/v1/incidents", tags=["triage"])


class Close(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the incident is, and why; the reason is sealed in the log."""

    disposition: Judgment
    reason: str


class Reopen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the incident is open again; sealed in the log."""

    reason: str


@router.post("/{incident_id}/close")
async def close(control: Installation, signed: SignedJson[Close], incident_id: str) -> Response:
    """Closes an incident as what it was found to be."""
    incident, said = await asyncio.to_thread(named, control, signed, incident_id), signed.body
    finding = service.Finding(incident=incident, disposition=said.disposition, reason=said.reason)
    committed = await commit(
        control.writer,
        lambda tx: service.close(tx, signed.act, finding, operation=signed.operation, content=signed.content),
    )
    return answer({"incident": incident, "closed": closing_document(committed.value)})


@router.post("/{incident_id}/reopen")
async def reopen(control: Installation, signed: SignedJson[Reopen], incident_id: str) -> Response:
    """Opens a closed incident again, whoever closed it; what it was closed as stays on record."""
    incident = await asyncio.to_thread(named, control, signed, incident_id)
    committed = await commit(
        control.writer,
        lambda tx: service.reopen(
            tx, signed.act, incident, signed.body.reason, operation=signed.operation, content=signed.content
        ),
    )
    return answer({"incident": incident, "was": closing_document(committed.value)})


def closing_document(one: Closed) -> dict[str, Any]:
    """Returns a closing as it is shown."""
    said = one.closed
    return {
        "disposition": said.disposition,
        "at": rfc3339(one.at),
        "by": said.by,
        "path": said.path,
        "model": said.model,
        "call": said.call,
        "entry": one.entry,
        "reopened_at": "" if one.reopened_at is None else rfc3339(one.reopened_at),
    }


def named(control: Control, signed: Signed[Any], incident_id: str) -> IncidentId:
    """Returns the incident that the signer means, by enough of its id, if they may triage and read it.

    Raises:
        UnauthenticatedError, RefusedError: they may not. AbsentError: `incident-unknown`.
    """
    now = control.clock.now()
    with control.snapshot() as records:
        signer = triage_service.admit(records, signed.act, operation=signed.operation, content=signed.content, now=now)
        owners = read_owners(control, records, reader_as(records, signer))
        return incident_record(records, incident_id, owners).id

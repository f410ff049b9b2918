"""People merge, split and deduplicate incidents, and take it back."""

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.reading_rights import reader_as
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import read_owners
from safeconduct.http.control.signed import Signed
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc import triage_service
from safeconduct.soc.grouping import Change
from safeconduct.soc.incidents import regrouping_service as service
from safeconduct.soc.incidents.model import IncidentRecord
from safeconduct.soc.incidents.regrouping import Part, Regrouping, replaced

router = APIRouter(prefix="/api/v1", tags=["telemetry"])


class Regroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which incidents, by enough of their ids; of one to split, which alerts go; of duplicates, the original last."""

    change: Change
    incidents: tuple[str, ...]
    reason: str
    alerts: tuple[str, ...] = ()


class TakeBack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a regrouping is taken back."""

    reason: str


@router.get("/incident-regroupings")
async def regroupings(control: Installation, reader: Reading) -> Response:
    """Lists what people decided on incidents, oldest first. The reasons are sealed fields of the entries."""
    with control.snapshot() as records:
        found = service.regroupings(records, read_owners(control, records, reader))
    return answer([_document(one) for one in found])


@router.post("/incident-regroupings")
async def regroup(control: Installation, signed: SignedJson[Regroup]) -> Response:
    """Merges incidents, splits one, or calls some the last one's duplicates. What was found stays on record."""
    asked = signed.body
    wanted = service.Wanted(change=asked.change, incidents=asked.incidents, alerts=asked.alerts, reason=asked.reason)
    former, parts = await asyncio.to_thread(_planned, control, signed, wanted)
    committed = await commit(
        control.writer,
        lambda tx: service.regroup(
            tx, signed.act, wanted, former, parts, operation=signed.operation, content=signed.content
        ),
    )
    return answer({"id": committed.value, "incidents": [part.incident for part in parts] or [former[-1].id]})


@router.post("/incident-regroupings/{entry_id}/undo")
async def undo(control: Installation, signed: SignedJson[TakeBack], entry_id: str) -> Response:
    """Takes a regrouping back: what it replaced stands again."""
    committed = await commit(
        control.writer,
        lambda tx: service.undo(
            tx, signed.act, entry_id, signed.body.reason, operation=signed.operation, content=signed.content
        ),
    )
    return answer({"id": entry_id, "incidents": replaced(committed.value.decided)})


def _planned(
    control: Control, signed: Signed[Regroup], wanted: service.Wanted
) -> tuple[tuple[IncidentRecord, ...], tuple[Part, ...]]:
    now = control.clock.now()
    with control.snapshot() as records:
        signer = triage_service.admit(records, signed.act, operation=signed.operation, content=signed.content, now=now)
        owners = read_owners(control, records, reader_as(records, signer))
        former = service.chosen(records, wanted, owners)
    named = {key for record in former for alert in record.alerts for key in alert.events}
    events = control.archives.of(former[0].owner).events.many(named)
    return former, service.parts_of(wanted, former, events)


def _document(one: Regrouping) -> dict[str, Any]:
    decided = one.decided
    return {
        "id": one.id,
        "at": rfc3339(one.at),
        "change": decided.change,
        "by": decided.by,
        "incidents": decided.incidents,
        "alerts": decided.moved,
        "made": [part.incident for part in decided.parts],
        "owner": decided.owner,
        "undone_by": one.undone_by,
    }

"""Joined SIEMs: what may be asked of them, hunts and alerts out of them, and what they are told."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Query, Response

from safeconduct.adapters.siem.asking.file import Joined
from safeconduct.adapters.siem.asking.taking import take_alerts, take_rows
from safeconduct.http.control.bodies import SignedAlone, SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import Reading, Signed, answer, commit
from safeconduct.http.control.telemetry import admit
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339
from safeconduct.soc import telemetry_service
from safeconduct.soc.hunts.written import Question
from safeconduct.soc.ingesting import HOUSE_OWNED, FileReport, record_ingestion
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.siem import service
from safeconduct.soc.siem.events import Asked, SiemAnswered, SiemAsked, SiemOrder
from safeconduct.soc.siem.ports import Siem

T = TypeVar("T")

router = APIRouter(prefix="/api/v1/siems", tags=["siems"])

Since = Annotated[str, Query(max_length=40, description="From when on, as RFC 3339; empty: since the last one taken.")]


class AskRows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A hunt, and the table of the SIEM that it is asked of."""

    table: str
    hunt: Question


class Judged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The incident that was judged, and how."""

    incident: str
    judgment: Judgment


@router.get("")
async def siems(control: Installation, _: Reading) -> Response:
    """Lists the joined SIEMs, their tables, and what may be asked of each."""
    found = await asyncio.to_thread(control.siems.all)
    return answer([_shown(one) for one in found])


@router.get("/orders")
async def orders(control: Installation, _: Reading) -> Response:
    """Lists what SIEMs were told, and what became of it, the newest first."""
    with control.snapshot() as records:
        return answer([_order(one) for one in service.orders(records)])


@router.post("/{siem}/search")
async def search(control: Installation, signed: SignedJson[AskRows], siem: str) -> Response:
    """Asks a SIEM a hunt, and keeps the rows as events. The question is in the log before it is asked."""
    joined = await asyncio.to_thread(control.siems.of, siem)
    found = joined.search(signed.body.hunt.hunt(), signed.body.table)
    asked = SiemAsked(
        siem=siem, kind=Asked.ROWS, table=found.table.name, first=found.first, last=found.last, limit=found.limit
    )
    entry = await _asked(control, signed, joined, asked, found.text)
    rows = await _ask(control, joined, entry, lambda way: way.search(found))
    archive = control.archives.of(HOUSE_OWNED)
    report = await asyncio.to_thread(take_rows, archive.telemetry, siem, found.table.name, found.table.time, rows.rows)
    answered = SiemAnswered(asked=entry, siem=siem, rows=len(rows.rows), complete=rows.complete, digest=report.digest)
    await _answered(control, answered, report)
    events = await asyncio.to_thread(archive.telemetry.events_of, report.digest) if not report.problem else ()
    return answer(
        {
            "query": found.text,
            "values": found.values,
            "rows": len(rows.rows),
            "complete": rows.complete,
            "file": report,
            "events": [event.id for event in events],
        }
    )


@router.post("/{siem}/alerts")
async def alerts(control: Installation, signed: SignedAlone, siem: str, since: Since = "") -> Response:
    """Takes a SIEM's alerts in, oldest first, those left out that it was told of by us."""
    joined = await asyncio.to_thread(control.siems.of, siem)
    await admit(control, signed, HOUSE_OWNED)
    with control.snapshot() as records:
        first = service.asked_since(records, siem, parse_rfc3339(since) if since else None)
    asked = SiemAsked(siem=siem, kind=Asked.ALERTS, table="", first=first, last=None, limit=service.ALERTS_MAX)
    entry = await _asked(control, signed, joined, asked, "")
    found = await _ask(control, joined, entry, lambda way: way.alerts(first, service.ALERTS_MAX))
    theirs = [one for one in found.alerts if not one.ours and len(one.id) <= service.ALERT_ID_CHARS_MAX]
    archive = control.archives.of(HOUSE_OWNED)
    report, taken = await asyncio.to_thread(take_alerts, archive.telemetry, siem, theirs)
    answered = SiemAnswered(
        asked=entry,
        siem=siem,
        rows=len(taken),
        complete=found.complete,
        ours=len(found.alerts) - len(theirs),
        digest=report.digest,
        alerts=taken,
    )
    await _answered(control, answered, report)
    return answer({"alerts": taken, "complete": found.complete, "ours": answered.ours, "file": report})


@router.post("/{siem}/tell")
async def tell(control: Installation, signed: SignedJson[Judged], siem: str) -> Response:
    """Has a SIEM told, at each of its alerts in an incident, what a person judged; at once where it answers."""
    await asyncio.to_thread(control.siems.of, siem)
    with control.snapshot() as records:
        incident = telemetry_service.incident_record(records, signed.body.incident)
    committed = await commit(
        control.writer,
        lambda tx: service.order_telling(
            tx,
            signed.act,
            incident,
            siem=siem,
            judgment=signed.body.judgment,
            operation=signed.operation,
            content=signed.content,
        ),
    )
    await control.settle()
    with control.snapshot() as records:
        (order,) = [one for one in service.orders(records) if one.id == committed.value]
    return answer(_order(order))


async def _asked(control: Control, signed: Signed[Any], joined: Joined, asked: SiemAsked, text: str) -> str:
    committed = await commit(
        control.writer,
        lambda tx: service.record_asked(
            tx, signed.act, asked, joined.scope, text, operation=signed.operation, content=signed.content
        ),
    )
    return committed.value


async def _ask(control: Control, joined: Joined, entry: str, ask: Callable[[Siem], T]) -> T:
    """Returns what a SIEM answers; that it does not stands in the log too."""
    try:
        return await asyncio.to_thread(lambda: ask(joined.make()))
    except SafeconductError as error:
        failed = SiemAnswered(asked=entry, siem=joined.name, problem=error.code)
        await commit(control.writer, lambda tx: service.record_answered(tx, failed))
        raise


async def _answered(control: Control, answered: SiemAnswered, report: FileReport) -> None:
    def record(tx: Any) -> None:  # noqa: ANN401 - the writer's
        service.record_answered(tx, answered)
        if not report.problem:
            record_ingestion(tx, telemetry_service.origin_of(tx), report)

    await commit(control.writer, record)


def _shown(joined: Joined) -> dict[str, Any]:
    scope = joined.scope
    return {
        "name": joined.name,
        "platform": joined.platform,
        "status": "experimental",
        "tables": [{"name": one.name, "time": one.time, "columns": one.columns} for one in scope.tables],
        "window_s": scope.window // 1_000_000,
        "rows": scope.rows,
        "searches_per_hour": scope.searches_per_hour,
    }


def _order(order: SiemOrder) -> dict[str, Any]:
    return {
        "id": order.id,
        "at": rfc3339(Instant(order.at)),
        "siem": order.order.siem,
        "incident": order.order.incident,
        "judgment": order.order.judgment,
        "alerts": {name: order.alerts.get(name, "under-way") for name in order.order.alerts},
    }

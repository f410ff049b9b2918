"""Joined SIEMs: what may be asked of them, hunts and alerts out of them, and what they are told."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from safeconduct.adapters.siem.asking.file import Joined
from safeconduct.adapters.siem.asking.taking import take_alerts
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone, SignedJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import admit
from safeconduct.http.control.siem_fetching import asked, fetch, rows_asked, settle
from safeconduct.http.control.signed import Signed
from safeconduct.kernel.instants import SECOND, Instant, parse_rfc3339, rfc3339
from safeconduct.kernel.ports import Transaction
from safeconduct.soc.hunts.written import Question
from safeconduct.soc.incidents.reading import incident_record
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.siem import service
from safeconduct.soc.siem.events import Asked, SiemAnswered, SiemAsked, SiemOrder

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
    brought = await fetch(control, joined, found, _recording(signed, joined, rows_asked(joined, found), found.text))
    return answer(
        {
            "query": found.text,
            "values": found.values,
            "rows": len(brought.found.rows),
            "complete": brought.found.complete,
            "file": brought.report,
            "events": [event.id for event in brought.events],
        }
    )


@router.post("/{siem}/alerts")
async def alerts(control: Installation, signed: SignedAlone, siem: str, since: Since = "") -> Response:
    """Takes a SIEM's alerts in, oldest first, those left out that it was told of by us."""
    joined = await asyncio.to_thread(control.siems.of, siem)
    await admit(control, signed, HOUSE_OWNED)
    with control.snapshot() as records:
        first = service.asked_since(records, siem, parse_rfc3339(since) if since else None)
    wanted = SiemAsked(siem=siem, kind=Asked.ALERTS, table="", first=first, last=None, limit=service.ALERTS_MAX)
    entry = (await commit(control.writer, _recording(signed, joined, wanted, ""))).value
    found = await asked(control, joined, entry, lambda way: way.alerts(first, service.ALERTS_MAX))
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
    await settle(control, answered, report)
    return answer({"alerts": taken, "complete": found.complete, "ours": answered.ours, "file": report})


@router.post("/{siem}/tell")
async def tell(control: Installation, signed: SignedJson[Judged], siem: str) -> Response:
    """Has a SIEM told, at each of its alerts in an incident, what a person judged; at once where it answers."""
    await asyncio.to_thread(control.siems.of, siem)
    with control.snapshot() as records:
        incident = incident_record(records, signed.body.incident)
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


def _recording(signed: Signed[Any], joined: Joined, wanted: SiemAsked, text: str) -> Callable[[Transaction], str]:
    def record(tx: Transaction) -> str:
        return service.record_asked(
            tx, signed.act, wanted, joined.scope, text, operation=signed.operation, content=signed.content
        )

    return record


def _shown(joined: Joined) -> dict[str, Any]:
    scope = joined.scope
    return {
        "name": joined.name,
        "platform": joined.platform,
        "status": "experimental",
        "tables": [{"name": one.name, "time": one.time, "columns": one.columns} for one in scope.tables],
        "window_s": scope.window // SECOND,
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

"""Detection as events come: order it, end it, and see how far it is."""

import asyncio
from typing import Any

from fastapi import APIRouter, Response

from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import Owner, admit, read_owners
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.soc.live import orders
from safeconduct.soc.live.events import LiveRecord

router = APIRouter(prefix="/api/v1/detections/live", tags=["telemetry"])


@router.post("")
async def begin(control: Installation, signed: SignedAlone, owner: Owner = "") -> Response:
    """Has the server run the rules over an owner's events as they come, from those on that are there."""
    owner = await admit(control, signed, owner)
    committed = await commit(
        control.writer,
        lambda tx: orders.order_live(tx, signed.act, operation=signed.operation, content=signed.content, owner=owner),
    )
    return answer(await _document(control, committed.value))


@router.post("/end")
async def end(control: Installation, signed: SignedAlone, owner: Owner = "") -> Response:
    """Has the rules run over them no more, but where somebody asks for it. What was opened stays open."""
    owner = await admit(control, signed, owner)
    committed = await commit(
        control.writer,
        lambda tx: orders.end_live(tx, signed.act, operation=signed.operation, content=signed.content, owner=owner),
    )
    return answer(await _document(control, committed.value))


@router.get("")
async def status(control: Installation, reader: Reading) -> Response:
    """Lists where rules run as events come: how far, how many events are behind, and what is in the way if anything."""
    with control.snapshot() as records:
        owners = read_owners(control, records, reader)
        found = [one for one in orders.live_orders(records) if one.owner in owners]
    return answer([await _document(control, one) for one in found])


async def _document(control: Control, one: LiveRecord) -> dict[str, Any]:
    archive = control.archives.of(one.owner)
    counts = await asyncio.to_thread(archive.events.counts)
    with control.snapshot() as records:
        held = _held(records, one)
    return {
        "owner": one.owner,
        "by": one.by,
        "since": rfc3339(one.at),
        "events": one.events,
        "behind": sum(counts.values()) - one.events,
        "alerts": one.alerts,
        "opened": one.opened,
        "reached_at": rfc3339(one.reached_at) if one.reached_at is not None else "",
        "held": held,
        "read_again": await asyncio.to_thread(archive.kept.because),
    }


def _held(records: Records, one: LiveRecord) -> dict[str, str]:
    """Returns why it does not run, empty where it does."""
    try:
        orders.require_may_run(records, one)
    except SafeconductError as error:
        return {"code": error.code, "detail": error.message}
    return {}

"""For how long telemetry is kept: what there is, what is due, what keeps it, and destroying what is due now."""

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Response

from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import Owner, read_owners
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.ports import Records
from safeconduct.soc.retention.destroying import find_telemetry_order, telemetry_orders
from safeconduct.soc.retention.due import Kept, due, kept_of
from safeconduct.soc.retention.events import TelemetryOrder
from safeconduct.soc.retention.holding import Citations, citations, hold_on_telemetry
from safeconduct.soc.retention.ordering import may_destroy, order_now

router = APIRouter(prefix="/api/v1/telemetry/retention", tags=["telemetry"])


@router.get("")
async def show(control: Installation, reader: Reading) -> Response:
    """Shows for how many days telemetry is kept, how much there is, what is due, and what keeps that."""
    with control.snapshot() as records:
        owners = read_owners(control, records, reader)
    return answer([await asyncio.to_thread(_document, control, owner) for owner in sorted(owners)])


@router.post("")
async def destroy(control: Installation, signed: SignedAlone, owner: Owner = "") -> Response:
    """Destroys what is due of an owner's telemetry, up to 3,200 files; the server goes on with the rest by itself."""
    citing = await asyncio.to_thread(_admitted, control, signed, owner)
    committed = await commit(
        control.writer,
        lambda tx: order_now(tx, signed.act, owner, citing, operation=signed.operation, content=signed.content),
    )
    await control.settle()
    return answer(await asyncio.to_thread(_ordered, control, committed.value))


def _admitted(control: Control, signed: SignedAlone, owner: str) -> Citations:
    now = control.clock.now()
    with control.snapshot() as records:
        may_destroy(records, signed.act, owner, operation=signed.operation, content=signed.content, now=now)
    return _citations(control, owner)


def _citations(control: Control, owner: str) -> Citations:
    with control.snapshot() as records:
        if owner not in control.archives.owners:
            return Citations()
        return citations(records, owner, control.archives.of(owner).events.files_of)


def _ordered(control: Control, orders: Sequence[EntryId]) -> list[dict[str, Any]]:
    with control.snapshot() as records:
        return [_order(find_telemetry_order(records, one)) for one in orders]


def _document(control: Control, owner: str) -> dict[str, Any]:
    citing, now = _citations(control, owner), control.clock.now()
    with control.snapshot() as records:
        hold = hold_on_telemetry(records)
        due_now = list(due(records, owner, now, citing))
        return {
            "owner": owner,
            "kept": [_kept(one) for one in kept_of(records, owner)],
            "due": [
                {
                    "sources": one.day.sources,
                    "day": one.day.day,
                    "rule": one.stated.rule,
                    "files": 0 if hold else len(one.to_destroy),
                    "bytes": 0 if hold else sum(file.size for file in one.to_destroy),
                    "held_files": len(one.files) if hold else len(one.kept),
                    "held_by": [f"hold:{hold.id}"]
                    if hold
                    else sorted({f"incident:{key}" for why in one.kept.values() for key in why}),
                }
                for one in due_now
            ],
            "under_way": [_order(one) for one in _under_way(records, owner)],
        }


def _under_way(records: Records, owner: str) -> list[TelemetryOrder]:
    return [one for one in telemetry_orders(records, owner) if one.destroyed_at is None]


def _kept(one: Kept) -> dict[str, Any]:
    return {
        "sources": one.sources,
        "days": one.stated.days,
        "rule": one.stated.rule,
        "files": one.files,
        "bytes": one.size,
        "oldest_day": one.oldest,
    }


def _order(order: TelemetryOrder) -> dict[str, Any]:
    said = order.ordered
    return {
        "order": order.id,
        "sources": said.sources,
        "day": said.day,
        "rule": said.rule,
        "files": len(said.files) - len(order.spared),
        "events": said.events,
        "bytes": said.size,
        "by": said.by,
        "destroyed": order.destroyed_at is not None,
    }

"""For how long telemetry is kept: what there is, what is due, what keeps it, and destroying what is due now."""

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Response

from safeconduct.access.holds_events import Hold
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import Owner, read_owners
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.ports import Records
from safeconduct.soc.arriving import UNTOLD
from safeconduct.soc.retention.destroying import find_telemetry_order, telemetry_orders
from safeconduct.soc.retention.due import Due, Kept, kept_of, stated
from safeconduct.soc.retention.events import TelemetryOrder
from safeconduct.soc.retention.holding import Citations, citations, hold_on_telemetry
from safeconduct.soc.retention.ordering import all_due, may_destroy, order_now
from safeconduct.soc.retention.strays import Stray, strays

STRAYS_TOLD = 100
"""Strays that are named; they are counted beyond."""

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
    citing, found = await asyncio.to_thread(_admitted, control, signed, owner)
    committed = await commit(
        control.writer,
        lambda tx: order_now(tx, signed.act, owner, citing, found, operation=signed.operation, content=signed.content),
    )
    await control.settle()
    return answer(await asyncio.to_thread(_ordered, control, committed.value))


def _admitted(control: Control, signed: SignedAlone, owner: str) -> tuple[Citations, tuple[Stray, ...]]:
    now = control.clock.now()
    with control.snapshot() as records:
        may_destroy(records, signed.act, owner, operation=signed.operation, content=signed.content, now=now)
    return _citations(control, owner), _strays(control, owner)


def _citations(control: Control, owner: str) -> Citations:
    with control.snapshot() as records:
        if owner not in control.archives.owners:
            return Citations()
        return citations(records, owner, control.archives.of(owner).events.files_of)


def _strays(control: Control, owner: str) -> tuple[Stray, ...]:
    with control.snapshot() as records:
        if owner not in control.archives.owners:
            return ()
        return strays(records, owner, control.archives.of(owner).raws)


def _ordered(control: Control, orders: Sequence[EntryId]) -> list[dict[str, Any]]:
    with control.snapshot() as records:
        return [_order(find_telemetry_order(records, one)) for one in orders]


def _document(control: Control, owner: str) -> dict[str, Any]:
    citing, found, now = _citations(control, owner), _strays(control, owner), control.clock.now()
    with control.snapshot() as records:
        hold = hold_on_telemetry(records)
        loose = [one for one in found if one.order is None]
        return {
            "owner": owner,
            "kept": [_kept(one) for one in kept_of(records, owner)],
            "due": [_due(one, hold) for one in all_due(records, owner, now, citing, found)],
            "under_way": [_order(one) for one in _under_way(records, owner)],
            "strays": [_stray(one) for one in loose[:STRAYS_TOLD]],
            "strays_found": len(loose),
            "strays_days": stated(records, owner, UNTOLD).days,
        }


def _under_way(records: Records, owner: str) -> list[TelemetryOrder]:
    return [one for one in telemetry_orders(records, owner) if one.destroyed_at is None]


def _due(one: Due, hold: Hold | None) -> dict[str, Any]:
    return {
        "sources": one.day.sources,
        "day": one.day.day,
        "rule": one.stated.rule,
        "files": 0 if hold else len(one.to_destroy),
        "bytes": 0 if hold else sum(file.size for file in one.to_destroy),
        "held_files": len(one.files) if hold else len(one.kept),
        "held_by": [f"hold:{hold.id}"]
        if hold
        else sorted({f"incident:{key}" for why in one.kept.values() for key in why}),
        "again": one.again,
    }


def _stray(one: Stray) -> dict[str, Any]:
    return {"digest": one.file.digest, "name": one.file.name, "bytes": one.file.size, "described": one.file.described}


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

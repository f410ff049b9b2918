"""What was never so, or never so much, before in the stored events; and whether that is told as alerts."""

import asyncio
from collections.abc import Iterable
from heapq import merge
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import Owner, admit, archives_of
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.anomalies import Anomaly
from safeconduct.soc.anomaly_orders import order_anomalies
from safeconduct.soc.model import Event
from safeconduct.soc.unusual import Unusual
from safeconduct.soc.volumes import Volume

router = APIRouter(prefix="/api/v1/anomalies", tags=["telemetry"])

SHOWN_MAX = 500
"""Anomalies of each kind in one answer, the unlikeliest; the others are counted."""


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether anomalies are alerts from the next run of the rules on."""

    told: bool


@router.get("")
async def unusual(control: Installation, reader: Reading) -> Response:
    """Lists what was never so before, and what was never so much, the unlikeliest first."""
    archives = archives_of(control, reader)
    return answer(await asyncio.to_thread(lambda: _found(_in_time(one.events.between() for one in archives))))


@router.post("/orders")
async def order(control: Installation, signed: SignedJson[Order], owner: Owner = "") -> Response:
    """Has anomalies told as alerts in an owner's telemetry, or no more."""
    owner = await admit(control, signed, owner)
    committed = await commit(
        control.writer,
        lambda tx: order_anomalies(
            tx,
            signed.act,
            told=signed.body.told,
            operation=signed.operation,
            content=signed.content,
            owner=owner,
        ),
    )
    return answer(committed.value)


def _in_time(streams: Iterable[Iterable[Event]]) -> Iterable[Event]:
    return merge(*streams, key=lambda event: (event.at, event.id))


def _found(events: Iterable[Event]) -> dict[str, Any]:
    watched, rare, much = Unusual(), list[Anomaly](), list[Volume]()
    for event in events:
        new, more = watched.take(event)
        rare += new
        much += more
    rare.sort(key=lambda one: (one.odds, one.at, one.event, one.habit.name))
    much.sort(key=lambda one: (one.limit / one.measured, one.at, one.amount.name, one.context.found))
    return {
        "events": watched.events,
        "contexts_left_out": watched.left_out,
        "found": len(rare) + len(much),
        "anomalies": [_row(one) for one in rare[:SHOWN_MAX]],
        "volumes": [_volume(one) for one in much[:SHOWN_MAX]],
    }


def _row(one: Anomaly) -> dict[str, Any]:
    return {
        "kind": one.habit.name,
        "title": one.habit.title,
        "event": one.event,
        "time": rfc3339(one.at),
        "context": one.context,
        "value": one.value,
        "since": rfc3339(one.since),
        "seen": one.seen,
        "values": one.values,
        "once": one.once,
        "reason": one.reason(),
    }


def _volume(one: Volume) -> dict[str, Any]:
    return {
        "kind": one.amount.name,
        "title": one.amount.title,
        "events": one.events,
        "time": rfc3339(one.hour),
        "context": one.context,
        "measured": one.measured,
        "unit": one.amount.unit,
        "counted": one.counted,
        "since": rfc3339(one.since),
        "hours": one.hours,
        "usual": round(one.usual),
        "limit": round(one.limit),
        "reason": one.reason(),
    }

"""What was never so before in the stored events."""

import asyncio
from collections.abc import Iterable
from heapq import merge
from typing import Any

from fastapi import APIRouter, Response

from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import Reading, answer
from safeconduct.http.control.telemetry import archives_of
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.anomalies import Anomaly, Found, anomalies
from safeconduct.soc.model import Event

router = APIRouter(prefix="/api/v1", tags=["telemetry"])

SHOWN_MAX = 500
"""Anomalies in one answer, the unlikeliest; the others are counted."""


@router.get("/anomalies")
async def unusual(control: Installation, reader: Reading) -> Response:
    """Lists what was never so before, the unlikeliest first: a value that its context, seen often enough, never had."""
    archives = archives_of(control, reader)
    found = await asyncio.to_thread(lambda: anomalies(_in_time(one.events.between() for one in archives)))
    return answer(_document(found))


def _in_time(streams: Iterable[Iterable[Event]]) -> Iterable[Event]:
    return merge(*streams, key=lambda event: (event.at, event.id))


def _document(found: Found) -> dict[str, Any]:
    ranked = sorted(found.anomalies, key=lambda one: (one.odds, one.at, one.event, one.habit.name))
    return {
        "events": found.events,
        "contexts_left_out": found.contexts_left_out,
        "found": len(ranked),
        "anomalies": [_row(one) for one in ranked[:SHOWN_MAX]],
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

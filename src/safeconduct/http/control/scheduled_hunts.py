"""Hunts that are asked by themselves: scheduled, ended, and what each run found."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone, SignedJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.hunts import archive_of
from safeconduct.http.control.owned import Owner, admit, destroyed_on
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.hunts import scheduling
from safeconduct.soc.hunts.scheduled_events import HuntRun, Schedule
from safeconduct.soc.owners import owner_name

router = APIRouter(prefix="/api/v1/hunts", tags=["hunts"])

Name = Annotated[str, Query(max_length=64, description="Whose runs; empty: of all scheduled hunts.")]


class Every(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often a saved hunt is asked, and the seconds each run may take."""

    every_s: int
    seconds: int = 30


@router.post("/saved/{name}/schedule")
async def schedule(control: Installation, signed: SignedJson[Every], name: str, owner: Owner = "") -> Response:
    """Has a saved hunt asked by itself of what arrived since its last answer, the first time at once and of all."""
    plan = scheduling.Plan(every_s=signed.body.every_s, seconds=signed.body.seconds)
    owner = await admit(control, signed, owner)
    committed = await commit(
        control.writer,
        lambda tx: scheduling.schedule_hunt(
            tx, signed.act, name, plan, operation=signed.operation, content=signed.content, owner=owner
        ),
    )
    return answer({"scheduled": committed.value})


@router.post("/saved/{name}/unschedule")
async def unschedule(control: Installation, signed: SignedAlone, name: str, owner: Owner = "") -> Response:
    """Has a hunt asked by itself no more. Its runs stay listed."""
    owner = await admit(control, signed, owner)
    committed = await commit(
        control.writer,
        lambda tx: scheduling.unschedule_hunt(
            tx, signed.act, name, operation=signed.operation, content=signed.content, owner=owner
        ),
    )
    return answer({"unscheduled": committed.value})


@router.get("/runs")
async def runs(control: Installation, reader: Reading, name: Name = "", owner: Owner = "") -> Response:
    """Lists an owner's scheduled hunts, and what came of each run, the latest first."""
    archive_of(control, reader, owner)
    with control.snapshot() as records:
        owner = owner_name(records, owner)
        planned = [one for one in scheduling.schedules(records, owner) if name in ("", one.scheduled.name)]
        found = scheduling.runs(records, owner, name)
    named = {key for one in found if one.answered is not None for key in one.answered.events}
    gone = await asyncio.to_thread(destroyed_on, control, owner, named)
    return answer({"scheduled": list(map(_planned, planned)), "runs": [_run(one, gone) for one in found]})


def _planned(one: Schedule) -> dict[str, Any]:
    told = one.scheduled
    return {
        "name": told.name,
        "every_s": told.every_s,
        "seconds": told.seconds,
        "by": told.by,
        "due": rfc3339(one.due_at),
        "running": bool(one.running),
        "last": one.last,
    }


def _run(one: HuntRun, gone: Mapping[EventId, str]) -> dict[str, Any]:
    came, due = one.answered, one.due
    return {
        "name": due.name,
        "due": rfc3339(due.due_at),
        "skipped": due.skipped,
        "outcome": came.outcome if came else "running",
        "code": came.code if came else "",
        "counted": came.counted if came else None,
        "scanned": came.scanned if came else None,
        "events": came.events if came else [],
        "destroyed": {key: gone[key] for key in came.events if key in gone} if came else {},
        "at": rfc3339(one.at) if one.at is not None else None,
        "entry": one.id,
    }

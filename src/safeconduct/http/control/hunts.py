"""Hunts: typed questions over the stored events."""

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from safeconduct.access.reading_rights import Reader, reads_telemetry
from safeconduct.adapters.telemetry.archive import Archive
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import ReadJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer
from safeconduct.http.control.owned import Owner
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc import owners
from safeconduct.soc.detection.shipped import places
from safeconduct.soc.hunts.columns import COLUMNS
from safeconduct.soc.hunts.model import Budget, Hunt, HuntResult, Row, RuleHunt, RuleHuntResult
from safeconduct.soc.hunts.scheduling import SECONDS_MAX
from safeconduct.soc.hunts.showing import in_lines
from safeconduct.soc.hunts.written import Question, instant

router = APIRouter(prefix="/api/v1/hunts", tags=["hunts"])

SECONDS = 30

Seconds = Annotated[int, Query(ge=1, le=SECONDS_MAX, description="Seconds it may take; then it is stopped.")]


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of Sigma rules."""

    name: str
    text: str


class RuleQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sigma rules, and the window they are run over. Times are RFC 3339; empty ones set no bound."""

    files: tuple[RuleFile, ...]
    first: str = ""
    last: str = ""


@router.post("")
async def hunt(
    question: ReadJson[Question], control: Installation, reader: Reading, owner: Owner = "", seconds: Seconds = SECONDS
) -> Response:
    """Answers a hunt over an owner's events: events, or rows that cite events, and what was looked at."""
    asked = question.hunt()
    archive = archive_of(control, reader, owner)
    found = await asyncio.to_thread(archive.hunts.run, asked, Budget(seconds=seconds))
    lines = await asyncio.to_thread(in_lines, archive.events, found.events)
    return answer(_document(asked, found) | {"shown": lines})


@router.post("/rules")
async def hunt_by_rules(
    question: ReadJson[RuleQuestion],
    control: Installation,
    reader: Reading,
    owner: Owner = "",
    seconds: Seconds = SECONDS,
) -> Response:
    """Runs Sigma rules over an owner's events of a window: the alerts they would have given. Opens no incident."""
    archive = archive_of(control, reader, owner)
    with control.snapshot() as records:
        filled = places(owners.asset_register(records, owners.owner_name(records, owner)))
    asked = RuleHunt(
        files=tuple((one.name, one.text) for one in question.files),
        filled={name: tuple(values) for name, values in filled.items()},
        first=instant(question.first),
        last=instant(question.last),
    )
    found = await asyncio.to_thread(archive.hunts.detect, asked, Budget(seconds=seconds))
    return answer(_alerts(found))


@router.get("/columns")
async def columns(_: Reading) -> Response:
    """Lists what a hunt may ask for by name, and where in the event each stands."""
    return answer(list(COLUMNS.values()))


def archive_of(control: Control, reader: Reader, owner: str) -> Archive:
    """Returns the archive of an owner whose telemetry somebody reads.

    Raises:
        RefusedError: `not-yours`: they don't, or there is none.
    """
    now = control.clock.now()
    with control.snapshot() as records:
        named = owners.owner_name(records, owner)
        allowed = named in control.archives.owners and reads_telemetry(records, reader, named, now)
    if not allowed:
        raise RefusedError(
            f"{reader.principal} does not read this telemetry, or there is none",
            code="not-yours",
            clause=f"principal:{reader.principal}/organization",
            remedy="ask for a grant on a path whose telemetry_of is the organization whose telemetry it is",
        )
    return control.archives.of(named)


def _document(asked: Hunt, found: HuntResult) -> dict[str, Any]:
    return {
        "counted": found.counted,
        "scanned": found.scanned,
        "sources": found.sources,
        "group": asked.group,
        "rows": [_row(row) for row in found.rows],
        "events": found.events,
        "took_ms": found.took // 1000,
        "query": found.query,
    }


def _alerts(found: RuleHuntResult) -> dict[str, Any]:
    return {
        "alerts": [
            {
                "id": one.id,
                "rule": one.rule,
                "title": one.title,
                "level": one.level,
                "time": rfc3339(one.at),
                "total": one.total,
                "events": one.events,
                "matches": one.matches,
            }
            for one in found.alerts
        ],
        "looked_at": found.looked_at,
        "scanned": found.scanned,
        "sources": found.sources,
        "took_ms": found.took // 1000,
        "query": found.query,
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "values": row.values,
        "count": row.count,
        "first": rfc3339(row.first),
        "last": rfc3339(row.last),
        "events": row.events,
    }

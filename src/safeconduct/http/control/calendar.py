"""The calendar of everything that ends or is owed."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from safeconduct.access.due import Due
from safeconduct.access.reading_rights import Reader
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.program.calendar import calendar, readable

router = APIRouter(prefix="/api/v1/calendar", tags=["calendar"])

DAYS_MAX = 3660
"""Days ahead that may be asked for: ten years, which no date of ours is beyond."""

Days = Annotated[int | None, Query(ge=0, le=DAYS_MAX)]


@router.get("")
def show_calendar(reader: Reading, control: Installation, *, within: Days = None, owner: str = "") -> Response:
    """Returns what is due within so many days, or all of it: by its time, with whose it is and what follows.

    `owner` is `principal:NAME`, `organization:NAME` or a name. A person sees their own, their organization's and those
    of whom they sponsor; an administrator also their organization's people's.
    """
    now = control.clock.now()
    with control.snapshot() as records:
        found = calendar(records, now, within=within, owner=owner)
        return answer([due_document(one, now) for one in _for(records, reader, found)])


def due_document(due: Due, now: Instant) -> dict[str, Any]:
    """Returns something due for people and machines."""
    return asdict(due) | {
        "at": rfc3339(due.at),
        "since": rfc3339(due.since) if due.since else None,
        "overdue": due.at <= now,
    }


def _for(records: Records, reader: Reader, found: list[Due]) -> list[Due]:
    if reader.local:
        return found
    allowed = readable(records, PrincipalId(reader.principal))
    return [one for one in found if one.owner in allowed]

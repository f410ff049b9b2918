"""What the work on incidents was worth: figures for machines, as text, and as a page to print."""

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from safeconduct.access import records as kept
from safeconduct.access.reading_rights import Reader, reads_path
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.owned import read_owners
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.instants import DAY, Duration, Instant, parse_rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.soc.value.asking import asks
from safeconduct.soc.value.document import document
from safeconduct.soc.value.reading import courses, unit_costs
from safeconduct.soc.value.report import Stretch, ValueReport, report
from safeconduct.web.value_report import render_html, render_text

router = APIRouter(prefix="/api/v1/value", tags=["triage"])

USUAL = Duration(28 * DAY)
"""How far back a report goes where nobody says: four weeks, so that every weekday counts alike."""


class Form(StrEnum):
    """What a report is made as: for machines, to read, to print."""

    JSON = "json"
    TEXT = "text"
    HTML = "html"


_FORMS: Mapping[Form, tuple[str, Callable[[ValueReport], str | bytes]]] = {
    Form.JSON: ("application/json", lambda made: msgspec.json.encode(document(made))),
    Form.TEXT: ("text/plain; charset=utf-8", render_text),
    Form.HTML: ("text/html; charset=utf-8", render_html),
}

Since = Annotated[str, Query(alias="from", description="Incidents opened from here on, RFC 3339; 4 weeks by default.")]
Until = Annotated[str, Query(alias="to", description="And before here; now by default.")]
Path = Annotated[str, Query(max_length=64, description="Only what models answered on this path, and its incidents.")]


@router.get("")
async def value(
    control: Installation,
    reader: Reading,
    *,
    since: Since = "",
    until: Until = "",
    path: Path = "",
    form: Form = Form.JSON,
) -> Response:
    """Says how long incidents took, what they and errors cost, what models changed, and how much people were asked.

    It counts the incidents opened in the stretch of time and all that became of them. Nothing sealed is opened.
    """
    stretch = _stretch(since, until, path, control.clock.now())
    media_type, render = _FORMS[form]
    made = await asyncio.to_thread(_made, control, reader, stretch)
    return Response(await asyncio.to_thread(render, made), media_type=media_type)


def _stretch(since: str, until: str, path: str, now: Instant) -> Stretch:
    end = parse_rfc3339(until) if until else Instant(now + 1)
    return Stretch(since=parse_rfc3339(since) if since else Instant(end - USUAL), until=end, path=path)


def _made(control: Control, reader: Reader, stretch: Stretch) -> ValueReport:
    with control.snapshot() as records:
        owners = read_owners(control, records, reader)
        made = report(courses(records, owners, stretch), asks(records, owners), unit_costs(records), stretch)
        seen = made.costs.incidents or _seen(records, reader, stretch.path)
    if stretch.path and not seen:
        raise AbsentError(
            f"no path {stretch.path!r} is in force that you may see, nor did one answer about these incidents",
            code="path-unknown",
            remedy="safeconduct path list",
        )
    return made


def _seen(records: Records, reader: Reader, path: str) -> bool:
    return records.get(kept.PATHS, path) is not None and reads_path(records, reader, path)

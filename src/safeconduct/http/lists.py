"""External dynamic lists, as firewalls fetch them: `/edl/{name}.txt?token=`."""

from datetime import datetime
from email.utils import format_datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse

from safeconduct.http.control.context import Installation
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.soc.actions.edl import TOKEN_CHARS_MAX, check_token, render

router = APIRouter(tags=["lists"])

CACHE_CONTROL = "private, no-cache"
"""A copy may be kept and must be asked about each time: a rollback that a cache hides is no rollback."""


@router.get("/edl/{name}.txt", response_class=PlainTextResponse)
@router.head("/edl/{name}.txt", include_in_schema=False)
def external_list(
    request: Request,
    control: Installation,
    name: str,
    token: Annotated[str, Query(max_length=TOKEN_CHARS_MAX)] = "",
) -> Response:
    """Returns the list as plain text, one address a line; 304 to a firewall that has it."""
    with control.snapshot() as records:
        check_token(records, name, token)
        rendered = render(records, name, control.clock.now())
    headers = {
        "etag": rendered.etag,
        "last-modified": _http_date(rendered.changed_at),
        "cache-control": CACHE_CONTROL,
        "x-content-type-options": "nosniff",
    }
    if rendered.etag in _etags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(rendered.text, headers=headers, media_type="text/plain")


def _etags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]


def _http_date(instant: Instant) -> str:
    # Whole seconds, and If-Modified-Since is not honored: two changes within one second would look like one.
    return format_datetime(datetime.fromisoformat(rfc3339(instant)), usegmt=True)

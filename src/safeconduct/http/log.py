"""A log's static files over HTTP (C2SP tlog-tiles): `/log/{origin}/checkpoint`, `/tile/<L>/<N>`, `/tile/entries/<N>`.

Entries are not public: a request shows the local secret or is signed by somebody the program names.
"""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from safeconduct.http.control.asking import Reading
from safeconduct.http.control.context import Installation
from safeconduct.http.control.readers import check_log
from safeconduct.kernel.ids import Origin

router = APIRouter(prefix="/log", tags=["log"])

_CHECKPOINT = {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"}
_TILE = {"content-type": "application/octet-stream", "cache-control": "private, max-age=31536000, immutable"}


class TileResponse(Response):
    media_type = "application/octet-stream"


@router.get("/{origin:path}/checkpoint", response_class=PlainTextResponse)
def checkpoint(reader: Reading, control: Installation, origin: str) -> Response:
    """Returns the latest checkpoint, with its cosignatures where it has any."""
    check_log(control, reader, Origin(origin))
    return Response(control.logs.checkpoint(Origin(origin)).encoded.encode(), headers=_CHECKPOINT)


@router.get("/{origin:path}/tile/{tile:path}", response_class=TileResponse)
def tile(reader: Reading, control: Installation, origin: str, tile: str) -> Response:
    """Returns a hash tile or an entry bundle, full or partial."""
    check_log(control, reader, Origin(origin))
    return Response(control.logs.tile(Origin(origin), f"tile/{tile}"), headers=_TILE)

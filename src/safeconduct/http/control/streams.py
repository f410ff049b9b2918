"""Streams: telemetry as log shippers push it, batch by batch, by the token of a service that the program lets ship.

An answer says that all of the batch is kept, read and in the log. Whoever got none sends it again: what is here already
is nothing new.
"""

import asyncio
import io
import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.requests import ClientDisconnect

from safeconduct.adapters.telemetry.batches import BATCH_BYTES_MAX, Batch, batch_of, merged, unpacked
from safeconduct.adapters.telemetry.forms import Form
from safeconduct.adapters.telemetry.ingestion import Said
from safeconduct.http.control.callers import held
from safeconduct.http.control.context import Control, Installation, control
from safeconduct.http.control.declared import Content
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import NAME_CHARS_MAX
from safeconduct.http.control.requests import bearer, limited_body
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import PrincipalId
from safeconduct.soc.ingesting import FileReport, clock_notes
from safeconduct.soc.streams import Shipper, may_ship, record_shipped

if TYPE_CHECKING:
    from collections.abc import Callable

    from safeconduct.access.standing import Standing

router = APIRouter(prefix="/api/v1", tags=["telemetry"])

BODY_S = 30.0
"""Seconds that a batch may take to come, as a call's request: what is half here takes room from others."""

NAME = r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?"
"""What streams are named by: as principals and paths are."""

ZONE_CHARS_MAX = 6
"""Characters of an offset: +02:00."""

TYPES = frozenset({"application/json", "application/x-ndjson", "application/ndjson", "application/jsonl", "text/plain"})
"""Media types of batches, as shippers name lines and lists. What it holds is judged by itself."""

Text = Annotated[str, Query(max_length=NAME_CHARS_MAX)]
Zone = Annotated[str, Query(max_length=ZONE_CHARS_MAX, description="The offset of times that tell none: +02:00, Z.")]


@dataclass(frozen=True, slots=True)
class Stream:
    """What batches go together by: whose they are, who sends them, under which name, and how they are read."""

    owner: str
    service: PrincipalId
    name: str
    said: Said


async def shipper_of(request: Request) -> Shipper:
    """Returns which service sends, by its token, before anything of the body is read.

    Raises:
        UnauthenticatedError: no token, or nobody's.
        RefusedError: `may-not-ship`: the token of somebody else.
    """
    token = bearer(request).decode("utf-8", "replace")
    here, holds = control(request), await held(request, token)
    now = here.clock.now()

    def asked(standing: "Standing") -> Shipper:
        return Shipper(standing.shipper(token, now, holds).id, standing.issued_as(token))

    return await here.in_force.allowed(asked)


Shipping = Annotated[
    Shipper, Depends(shipper_of), Content("application/x-ndjson", "JSON or syslog, a record a line; or a list of JSON.")
]


@router.post("/telemetry/streams/{name}")
async def ship(
    control: Installation,
    request: Request,
    shipper: Shipping,
    name: str,
    *,
    host: Text = "",
    time_field: Text = "",
    zone: Zone = "",
) -> Response:
    """Takes a batch of records in: kept raw, read into events, recorded in the log. The same again changes nothing.

    Batches of one stream that come within a second are one file and one entry; `file` is about all of them.
    """
    _check_sent(request, name)
    owner = await _may(control, shipper)
    with control.gathering.room(owner) as count:
        body = await _body(request, count)
        await _may(control, shipper)
        encoding = request.headers.get("content-encoding", "").strip().lower()
        plain = await asyncio.to_thread(unpacked, body, encoding)
        count(len(plain) if plain is not body else 0)
        batch = await asyncio.to_thread(batch_of, plain, time_field)
        if batch is None:
            return answer({"records": 0, "file": None, "recorded": False})
        said = Said(host=host, time_field=time_field, zone=zone, form=batch.form)
        stream = Stream(owner, shipper.service, name, said)
        told = await control.gathering.send(
            stream if batch.form is not Form.DOCUMENT else object(),  # a document is a file by itself
            batch,
            partial(_may, control, shipper),
            partial(_take, control, stream),
        )
    return answer({"records": len(batch.lines), **told})


def _check_sent(request: Request, name: str) -> None:
    if not re.fullmatch(NAME, name):
        raise InvalidInputError(
            f"expected up to 64 lower-case letters, digits and inner hyphens, got {name[:80]!r}", code="stream-name"
        )
    told = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if told not in TYPES:
        raise InvalidInputError(
            f"expected one of {', '.join(sorted(TYPES))}, got {told[:80]!r}",
            code="wrong-content-type",
            remedy="have the shipper name what it sends in content-type",
        )


async def _may(control: Control, shipper: Shipper) -> str:
    def asked() -> str:
        now = control.clock.now()
        with control.snapshot() as records:
            return may_ship(records, shipper, now)

    return await asyncio.to_thread(asked)


async def _body(request: Request, count: "Callable[[int], None]") -> bytes:
    try:
        async with asyncio.timeout(BODY_S):
            return await limited_body(request, BATCH_BYTES_MAX, count)
    except TimeoutError as error:
        raise InvalidInputError(
            f"the batch did not come within {BODY_S:.0f} seconds", code="request-timeout", remedy="send it again"
        ) from error
    except ClientDisconnect as error:
        raise InvalidInputError("the batch was cut by its sender", code="body-broken") from error


async def _take(control: Control, stream: Stream, batches: tuple[Batch, ...]) -> dict[str, object]:
    def taken() -> FileReport:
        content = io.BytesIO(merged(batches))
        return control.archives.of(stream.owner).telemetry.take(stream.name, content, stream.said)

    report = await asyncio.to_thread(taken)
    committed = await commit(
        control.writer, lambda tx: record_shipped(tx, report, by=stream.service, owner=stream.owner)
    )
    noted = replace(report, notes=(*report.notes, *clock_notes(report, control.clock.now())))
    return {"file": noted, "recorded": committed.value}

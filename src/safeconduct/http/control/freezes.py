"""Freezes: at once to start, with the partner to end."""

from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.freezes import freeze, freezes, parse_selector, preview, request_unfreeze
from safeconduct.access.model import Freeze
from safeconduct.access.reading_rights import selects
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import Reading, SignedBytes, answer, commit, parse
from safeconduct.http.control.programs import settled
from safeconduct.kernel.ids import FreezeId
from safeconduct.kernel.instants import rfc3339

router = APIRouter(prefix="/api/v1/freezes", tags=["freezes"])


class Start(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to stop, as `kind:name` or `all`, and why."""

    selector: str
    reason: str


@router.get("")
def list_freezes(reader: Reading, control: Installation) -> Response:
    """Returns the freezes in force that the reader may read of."""
    with control.snapshot() as records:
        return answer([_document(one) for one in freezes(records) if selects(records, reader, one.selector)])


@router.get("/preview")
def preview_freeze(_reading: Reading, control: Installation, selector: str) -> Response:
    """Returns whom a freeze would stop, without freezing."""
    with control.snapshot() as records:
        return answer(preview(records, parse_selector(selector)))


@router.post("/start")
async def start(signed: SignedBytes, control: Installation) -> Response:
    """Freezes. When this answers, the freeze is in force and running calls are being cut."""
    wanted = parse(signed, Start).body
    selector = parse_selector(wanted.selector)
    committed = await commit(
        control.writer,
        lambda tx: freeze(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            selector=selector,
            reason=wanted.reason,
        ),
    )
    return answer(_document(committed.value))


@router.post("/{freeze_id}/end")
async def end(signed: SignedBytes, control: Installation, freeze_id: str) -> Response:
    """Requests the end of a freeze, and asks the witness for its cosignature."""
    committed = await commit(
        control.writer,
        lambda tx: request_unfreeze(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            freeze_id=FreezeId(freeze_id),
        ),
    )
    return answer(await settled(control, committed.value) | {"freeze": freeze_id})


def _document(one: Freeze) -> dict[str, Any]:
    return {
        "id": one.id,
        "selector": str(one.selector),
        "by": one.by,
        "reason": one.reason,
        "at": rfc3339(one.at),
    }

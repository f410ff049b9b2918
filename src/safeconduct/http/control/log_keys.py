"""Acts on the logs themselves: another key, which waits for the partner, and closing, which waits for nobody."""

import asyncio
from collections.abc import Callable

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.acts import Capability, admit
from safeconduct.access.log_keys import check_open, check_rotation, close_log, request_rotation
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.programs import settled
from safeconduct.http.control.signed import Signed
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Records

router = APIRouter(prefix="/api/v1/logs", tags=["logs"])


class Rotate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which log is to have another key."""

    origin: str


class Close(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which log was compromised, and how that is known."""

    origin: str
    reason: str


@router.post("/rotate-key")
async def rotate_key(signed: SignedJson[Rotate], control: Installation) -> Response:
    """Makes another key for a log and requests that it sign. It does once the witness has cosigned the request."""
    origin = Origin(signed.body.origin)
    _admit(control, signed, Capability.ROTATE_LOG_KEY, lambda records: check_rotation(records, origin))
    change = await asyncio.to_thread(control.next_key, origin)
    committed = await commit(
        control.writer,
        lambda tx: request_rotation(tx, signed.act, change, operation=signed.operation, content=signed.content),
    )
    outcome = await settled(control, committed.value)
    return answer(outcome | {"origin": origin, "old": change.old, "new": change.new})


@router.post("/close")
async def close(signed: SignedJson[Close], control: Installation) -> Response:
    """Closes a compromised log and begins the one that goes on for it. When this answers, both are done."""
    wanted = signed.body
    origin = Origin(wanted.origin)
    _admit(control, signed, Capability.CLOSE_LOG, lambda records: check_open(records, origin))
    closing = await asyncio.to_thread(control.closing, origin)
    committed = await commit(
        control.writer,
        lambda tx: close_log(
            tx, signed.act, closing, wanted.reason, operation=signed.operation, content=signed.content
        ),
    )
    return answer(
        {
            "origin": origin,
            "closed": closing.usable,
            "trusted": closing.trusted,
            "successor": closing.successor,
            "successor_key": closing.successor_key,
            "entry": committed.value,
        }
    )


def _admit(control: Control, signed: Signed[object], capability: Capability, check: Callable[[Records], None]) -> None:
    """Returns if the signer may: before a key is made for whoever asks."""
    with control.snapshot() as records:
        admit(
            records,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            now=control.clock.now(),
            capability=capability,
        )
        check(records)

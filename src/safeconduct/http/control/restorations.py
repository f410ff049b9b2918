"""Restoring one pseudonym on request: for whom the path names, with a reason, in the log before it is told."""

import asyncio

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.gateway.restoration_events import TOKEN_ASKS, TokenAsks, TokenIs
from safeconduct.gateway.restorations import AskedToken, Looked, look_up, record_asked, space_asked
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.kernel.errors import SafeconductError

router = APIRouter(prefix="/api/v1/data", tags=["data"])


class RestoreToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token, the path and the session (`safeconduct-session`) in which it was made, and why."""

    token: str
    path: str
    session: str
    reason: str


@router.post("/restorations")
async def restore_token(signed: SignedJson[RestoreToken], control: Installation) -> Response:
    """Tells what a token stands for, once that it is told, to whom and why, is in the log.

    A token that is the organization's in another session is `foreign`, any other `forged`: these have no value.
    """
    asked = AskedToken(**msgspec.structs.asdict(signed.body))
    looked = await asyncio.to_thread(_look, control, signed.act.act.actor, asked)
    await commit(
        control.writer,
        lambda tx: record_asked(
            tx, signed.act, asked, looked.found, operation=signed.operation, content=signed.content
        ),
    )
    with control.snapshot() as records:
        asks = records.get(TOKEN_ASKS, signed.act.act.actor) or TokenAsks()
    told = {"token": asked.token, "found": looked.found, "value": looked.value}
    return answer(told | {"asked": msgspec.to_builtins(asks)})


def _look(control: Control, actor: str, asked: AskedToken) -> Looked:
    with control.snapshot() as records:
        person = records.get(kept.PRINCIPALS, actor)
        try:
            space = space_asked(records, person, asked) if person else None
        except SafeconductError:  # told when the act was verified, and to nobody before
            space = None
        return look_up(control.vault, records, space, asked.token) if space else Looked(TokenIs.FORGED)

"""Notices: which channels there are, what became of each notice, and a trial that says what came back."""

import asyncio
from typing import Any

from fastapi import APIRouter, Response

from safeconduct.access.acts import Capability, admit
from safeconduct.access.reading_rights import Reader
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.signed import Signed
from safeconduct.kernel.errors import AbsentError, UnavailableError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.listing import there_is
from safeconduct.program.notice_events import SENT_NOTICES, SentNotice
from safeconduct.program.notices import order_trial, sent, waiting

router = APIRouter(prefix="/api/v1/notices", tags=["notices"])

TRIAL_S = 45.0
"""Seconds that a trial is waited for: the longest conversation, and somebody else's before it."""

LOOK_S = 0.1
"""Seconds between two looks at whether it is over."""


@router.get("")
def list_notices(reader: Reading, control: Installation) -> Response:
    """Returns the notices to the reader's organization, or all: those that wait, and what became of the others."""
    with control.snapshot() as records:
        open_ = [(entry, one) for entry, one in waiting(records) if _reads(reader, one.to)]
        over = [_document(one) for one in sent(records) if _reads(reader, one.to)]
    shown = [
        {"id": entry, "at": rfc3339(one.at), "kind": one.kind, "to": one.to, "subject": one.subject}
        for entry, one in open_
    ]
    return answer({"waiting": shown, "tried": over})


@router.get("/channels")
def list_channels(_reading: Reading, control: Installation) -> Response:
    """Returns the channels of the operator's file: name, kind, whose notices go there and which kinds."""
    return answer(control.channels())


@router.post("/channels/{name}/trial")
async def try_channel(signed: SignedAlone, control: Installation, name: str) -> Response:
    """Sends a trial notice to a channel, once, and returns what came of it."""
    if control.upstreams is None:
        remedy = "safeconduct serve"
        raise UnavailableError("notices are sent by the running server", code="no-server", remedy=remedy)
    await asyncio.to_thread(_admit, control, signed)
    known = [one["name"] for one in await asyncio.to_thread(control.channels)]
    if name not in known:
        text = f"the installation names no channel {name[:64]!r}; {there_is(known, 'configured')}"
        raise AbsentError(text, code="channel-unknown", remedy="name it in notices.toml in the data folder")
    committed = await commit(
        control.writer,
        lambda tx: order_trial(tx, signed.act, name, operation=signed.operation, content=signed.content),
    )
    return answer(_document(await _over(control, committed.value.id)))


def _admit(control: Control, signed: Signed[Any]) -> None:
    """Returns if the signer may: which channels there are is told to nobody else."""
    with control.snapshot() as records:
        admit(
            records,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            now=control.clock.now(),
            capability=Capability.TRY_NOTICE,
        )


async def _over(control: Control, entry: EntryId) -> SentNotice:
    loop = asyncio.get_running_loop()
    until = loop.time() + TRIAL_S
    while loop.time() < until:
        with control.snapshot() as records:
            found = records.get(SENT_NOTICES, entry)
        if found is not None and found.over:
            return found
        await asyncio.sleep(LOOK_S)
    raise UnavailableError(f"nothing came back within {TRIAL_S:g} s; look again: safeconduct notify list")


def _reads(reader: Reader, organization: str) -> bool:
    return reader.local or reader.organization == organization


def _document(one: SentNotice) -> dict[str, Any]:
    tried = [
        {"channel": each.channel, "outcome": each.outcome, "said": each.said, "at": rfc3339(each.at)}
        for each in one.tried
    ]
    return {"id": one.id, "kind": one.kind, "to": one.to, "subject": one.subject, "over": one.over, "tried": tried}

"""Hunts saved by name: listed, shown, saved, removed. Who runs one asks it as any other."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response

from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone, SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.hunts import archive_of
from safeconduct.http.control.owned import Owner, admit
from safeconduct.soc.hunts import saved_events as saved
from safeconduct.soc.hunts.scheduling import forget_hunt
from safeconduct.soc.hunts.written import SALT_BYTES, Question, kept, read_kept
from safeconduct.soc.owners import owner_name

router = APIRouter(prefix="/api/v1/hunts/saved", tags=["hunts"])

Name = Annotated[str, Query(max_length=64, description="What the hunt is called, such as rare-parents.")]


@router.get("")
async def listed(control: Installation, reader: Reading, owner: Owner = "") -> Response:
    """Lists an owner's saved hunts, with who saved each."""
    archive_of(control, reader, owner)
    with control.snapshot() as records:
        return answer(saved.saved_hunts(records, owner_name(records, owner)))


@router.get("/{name}")
async def shown(control: Installation, reader: Reading, name: str, owner: Owner = "") -> Response:
    """Shows a saved hunt: what it asks, as `POST /api/v1/hunts` takes it, and who saved it."""
    archive = archive_of(control, reader, owner)
    with control.snapshot() as records:
        one = saved.saved_hunt(records, owner_name(records, owner), name)
    content = await asyncio.to_thread(archive.telemetry.kept_aside, one.digest, "hunt")
    return answer({"name": one.name, "by": one.by, "hunt": read_kept(content)})


@router.post("")
async def save(control: Installation, signed: SignedJson[Question], *, name: Name, owner: Owner = "") -> Response:
    """Saves a hunt, in the place of the one of that name."""
    saved.hunt_name(name)
    signed.body.hunt()
    owner = await admit(control, signed, owner)
    digest = await asyncio.to_thread(_kept, control, owner, name, signed.body)
    committed = await commit(
        control.writer,
        lambda tx: saved.save_hunt(
            tx, signed.act, name, digest, operation=signed.operation, content=signed.content, owner=owner
        ),
    )
    return answer({"saved": committed.value})


@router.post("/{name}/remove")
async def remove(control: Installation, signed: SignedAlone, name: str, owner: Owner = "") -> Response:
    """Removes a saved hunt, with its schedule and the list of its runs. Its entries stay."""
    owner = await admit(control, signed, owner)
    committed = await commit(
        control.writer,
        lambda tx: forget_hunt(tx, signed.act, name, operation=signed.operation, content=signed.content, owner=owner),
    )
    return answer({"removed": committed.value})


def _kept(control: Control, owner: str, name: str, question: Question) -> str:
    content = kept(question, control.entropy(SALT_BYTES))
    return control.archives.of(owner).telemetry.keep_aside(name, content, "hunt")

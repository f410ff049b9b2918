"""Prompts: in which words models are asked about incidents; listed, shown, registered, and back to what ships."""

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.hunts import archive_of
from safeconduct.http.control.owned import Owner
from safeconduct.soc.owners import owner_name
from safeconduct.soc.prompts import registry
from safeconduct.soc.prompts.events import PromptRegistered
from safeconduct.soc.prompts.model import Prompt, PromptKind, checked
from safeconduct.soc.prompts.shipped import SHIPPED

router = APIRouter(prefix="/api/v1/prompts", tags=["triage"])


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A prompt. `{data}` stands once in `request`, and in `found` where the kind is `hunt`; `system` holds none."""

    kind: PromptKind
    system: str
    request: str
    found: str = ""


class Demotion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is put in the words that ship again, and why; the reason is sealed in the log."""

    kind: PromptKind
    reason: str


@router.get("")
async def listed(control: Installation, reader: Reading, owner: Owner = "") -> Response:
    """Lists the prompts that ship and those that an owner registered, and which are in force."""
    archive_of(control, reader, owner)
    with control.snapshot() as records:
        owner = owner_name(records, owner)
        in_force = {registry.version_in_force(records, owner, kind) for kind in PromptKind}
        known = registry.registered(records, owner)
    own = [_registered(one) for one in known]
    return answer([one | {"in_force": one["version"] in in_force} for one in (*map(_shipped, SHIPPED.values()), *own)])


@router.get("/{kind}/{digits}")
async def shown(control: Installation, reader: Reading, kind: str, digits: str, owner: Owner = "") -> Response:
    """Shows the words of one version."""
    archive_of(control, reader, owner)
    with control.snapshot() as records:
        owner = owner_name(records, owner)
    prompt = await asyncio.to_thread(prompt_of, control, owner, f"{kind}/{digits}")
    texts = {"system": prompt.system, "request": prompt.request, "found": prompt.found}
    return answer({"kind": prompt.kind, "version": prompt.version, **texts})


@router.post("")
async def register(control: Installation, signed: SignedJson[Texts], owner: Owner = "") -> Response:
    """Registers a prompt so that it can be tried. What is in force stays so."""
    prompt = checked(Prompt(**msgspec.structs.asdict(signed.body)))
    with control.snapshot() as records:
        owner = owner_name(records, owner)
    telemetry = control.archives.of(owner).telemetry
    digest = await asyncio.to_thread(telemetry.keep_aside, prompt.version, prompt.content, "prompt")
    committed = await commit(
        control.writer,
        lambda tx: registry.register(
            tx, signed.act, prompt, digest, operation=signed.operation, content=signed.content, owner=owner
        ),
    )
    return answer({"registered": committed.value})


@router.post("/demote")
async def demote(control: Installation, signed: SignedJson[Demotion], owner: Owner = "") -> Response:
    """Puts what ships in force again, at once."""
    with control.snapshot() as records:
        owner = owner_name(records, owner)
    kind, reason = signed.body.kind, signed.body.reason
    committed = await commit(
        control.writer,
        lambda tx: registry.demote(
            tx, signed.act, kind, reason, operation=signed.operation, content=signed.content, owner=owner
        ),
    )
    return answer({"demoted": committed.value, "in_force": SHIPPED[kind].version})


def prompt_of(control: Control, owner: str, version: str) -> Prompt:
    """Returns the words of a version that ships or that an owner registered. Reads a file.

    Raises:
        AbsentError: `prompt-unknown`. UnavailableError: its file is not what the log says, or not there.
    """
    with control.snapshot() as records:
        digest = registry.digest_of(records, owner, version)
    if not digest:
        return registry.shipped(version)
    return registry.read_kept(control.archives.of(owner).telemetry.kept_aside(digest, "prompt"))


def prompt_in_force(control: Control, owner: str, kind: PromptKind) -> Prompt:
    """Returns the words in which questions of a kind about an owner's incidents are put. Reads a file.

    Raises:
        UnavailableError: as `prompt_of`: nothing else is asked in its place.
    """
    with control.snapshot() as records:
        version = registry.version_in_force(records, owner, kind)
    return prompt_of(control, owner, version)


def _shipped(prompt: Prompt) -> dict[str, Any]:
    return {"kind": prompt.kind, "number": registry.SHIPPED_NUMBER, "version": prompt.version, "by": "", "digest": ""}


def _registered(one: PromptRegistered) -> dict[str, Any]:
    return {"kind": one.kind, "number": one.number, "version": one.version, "by": one.by, "digest": one.digest}

"""Triage of incidents, and what became of the claims about them."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.model.parties import Principal
from safeconduct.access.reading_rights import Reader, reader_as
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.closing import closing_document
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.prompts import prompt_in_force
from safeconduct.http.control.readers import viewer_of
from safeconduct.http.control.signed import Signed
from safeconduct.http.control.triage_documents import (
    claim_document,
    error_document,
    model_document,
    sent_document,
    sent_in_vain,
    summary_document,
)
from safeconduct.http.control.whole_incidents import Whole, rechecked, whole_of
from safeconduct.kernel.errors import SafeconductError
from safeconduct.soc import triage_service
from safeconduct.soc.actions.grounds import ActionProposal, candidates
from safeconduct.soc.claim_events import claims_of
from safeconduct.soc.grounding import CheckedClaim
from safeconduct.soc.prompts.model import PromptKind
from safeconduct.soc.questions.model import Task
from safeconduct.soc.summary import summarize
from safeconduct.soc.triage_service import Answered, Asking, Recorded

router = APIRouter(prefix="/api/v1/incidents", tags=["triage"])


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to ask; what is not named is chosen where there is one choice. `model` false asks the rules alone."""

    path: str = ""
    principal: str = ""
    model: str | bool = True


@router.post("/{incident_id}/triage")
async def triage(control: Installation, signed: SignedJson[Wanted], incident_id: str) -> Response:
    """Says what the rules know, asks a model, checks what it claims, and records both.

    A model that is refused or fails changes nothing else: the answer then holds why, under `model.error`.
    """
    signer, _, here = await looked_at(control, signed, incident_id)
    summary, rules = await asyncio.to_thread(summarize, here.context)
    answered, model, left = await _ask(control, signer, signed.body, here)
    recorded = await record(control, signed, here, rules, answered)
    claims = [*rules, *(answered.claims if answered else ())]
    return answer(
        {
            "incident": here.incident.id,
            "summary": summary_document(summary),
            "claims": [claim_document(one) for one in claims],
            "model": model,
            "left_the_house": left,
            "candidates": [_candidate(one) for one in _candidates(control, here)],
            "closed": closing_document(recorded.closed) if recorded.closed else None,
            "entries": [entry.id for entry in recorded.entries],
        }
    )


@router.get("/{incident_id}/claims")
async def claims(control: Installation, reader: Reading, incident_id: str) -> Response:
    """Lists the recorded claims, each checked again against the events as they are stored now.

    They are sealed: that they were opened, and for whom, is in the log before this answers.
    """
    here = await asyncio.to_thread(whole_of, control, reader, incident_id)
    found = await rechecked(control, reader, here)
    return answer([claim_document(one) | {"recorded": outcome} for one, outcome in found])


@router.get("/{incident_id}/candidates")
async def list_candidates(control: Installation, reader: Reading, incident_id: str) -> Response:
    """Lists what could be proposed, by kind: targets that verified claims name and nothing protects."""
    here = await asyncio.to_thread(whole_of, control, reader, incident_id)
    return answer([_candidate(one) for one in _candidates(control, here)])


async def _ask(
    control: Control, signer: Principal, wanted: Wanted, here: Whole
) -> tuple[Answered | None, dict[str, Any], list[dict[str, Any]]]:
    if wanted.model is False:
        return None, {"asked": False}, []
    try:
        asking = await asyncio.to_thread(chosen, control, signer, wanted, here.owner)
        prompt = await asyncio.to_thread(prompt_in_force, control, here.owner, PromptKind.TRIAGE)
        answered = await triage_service.ask(here.context, control.caller(asking.principal), asking, Task(prompt=prompt))
    except SafeconductError as error:
        with control.snapshot() as records:
            viewer = viewer_of(reader_as(records, signer))
        return None, {"asked": True, "error": error_document(error)}, await sent_in_vain(control, viewer, error.call)
    return answered, model_document(asking, answered), [sent_document(answered)]


async def looked_at(control: Control, signed: Signed[object], incident_id: str) -> tuple[Principal, Reader, Whole]:
    """Returns who signed, if they may triage, what they read, and the incident as it is stored now."""
    signer = await asyncio.to_thread(admitted, control, signed)
    with control.snapshot() as records:
        reader = reader_as(records, signer)
    return signer, reader, await asyncio.to_thread(whole_of, control, reader, incident_id)


async def record(
    control: Control, signed: Signed[object], here: Whole, rules: Sequence[CheckedClaim], answered: Answered | None
) -> Recorded:
    """Records what became of the rules' claims and of a model's, if one answered."""
    committed = await commit(
        control.writer,
        lambda tx: triage_service.record(
            tx, signed.act, here.incident.id, rules, answered, operation=signed.operation, content=signed.content
        ),
    )
    return committed.value


def admitted(control: Control, signed: Signed[object]) -> Principal:
    """Returns who signed, if they may triage."""
    now = control.clock.now()
    with control.snapshot() as records:
        return triage_service.admit(records, signed.act, operation=signed.operation, content=signed.content, now=now)


def chosen(control: Control, signer: Principal, wanted: Wanted, owner: str) -> Asking:
    """Returns whom to ask."""
    model = wanted.model if isinstance(wanted.model, str) else ""
    with control.snapshot() as records:
        return triage_service.choose(
            records, signer, path=wanted.path, principal=wanted.principal, model=model, owner=owner
        )


def _candidates(control: Control, here: Whole) -> tuple[ActionProposal, ...]:
    with control.snapshot() as records:
        return candidates(records, here.incident.id, claims_of(records, here.incident.id), here.context.events)


def _candidate(one: ActionProposal) -> dict[str, Any]:
    return {"kind": one.kind, "target": one.target, "claims": one.claims}

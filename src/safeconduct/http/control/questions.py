"""Questions to a model about an incident beside triage: explain it, hunt about it. Neither judges it."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.adapters.siem.asking.file import Joined
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer
from safeconduct.http.control.owned import admit
from safeconduct.http.control.prompts import prompt_in_force
from safeconduct.http.control.readers import viewer_of
from safeconduct.http.control.siem_evidence import SiemTelemetry, refuse_other_owners
from safeconduct.http.control.signed import Signed
from safeconduct.http.control.triage import Wanted, chosen, looked_at, record
from safeconduct.http.control.triage_documents import (
    claim_document,
    error_document,
    model_document,
    sent_document,
    sent_in_vain,
)
from safeconduct.http.control.whole_incidents import Whole
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ids import CallId, EventId
from safeconduct.soc import triage_service
from safeconduct.soc.autonomy.levels import refuse_beyond
from safeconduct.soc.autonomy.model import Autonomy
from safeconduct.soc.grounding import Context
from safeconduct.soc.hunting_service import Hunting, Telemetry, hunt
from safeconduct.soc.hunts.model import Hunt
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.model_hunts import described, run
from safeconduct.soc.prompts.model import PromptKind
from safeconduct.soc.questions.model import Hunted, Task
from safeconduct.soc.triage_service import Answered, Asking

router = APIRouter(prefix="/api/v1/incidents", tags=["triage"])


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to ask; what is not named is chosen where there is one choice."""

    path: str = ""
    principal: str = ""
    model: str = ""


class HuntQuestion(Question, frozen=True, forbid_unknown_fields=True):
    """Whom to ask, and the table of a joined SIEM that hunts are asked of too; none where both are empty."""

    siem: str = ""
    table: str = ""


@dataclass(frozen=True, slots=True)
class _Told:
    """What came of a question: the checked answer, what of it is shown, and what left the house."""

    answered: Answered | None
    shown: dict[str, Any]
    left: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class IncidentTelemetry:
    """`Telemetry` of an incident's archive, read in threads."""

    here: Whole

    async def hunted(self, hunts: Sequence[Hunt], _: CallId) -> tuple[tuple[Hunted, ...], tuple[str, ...]]:
        return await asyncio.to_thread(run, hunts, self.here.searched)

    async def seeing(self, events: Collection[EventId]) -> Context:
        return await asyncio.to_thread(self.here.seeing, events)


@router.post("/{incident_id}/explain")
async def explain(control: Installation, signed: SignedJson[Question], incident_id: str) -> Response:
    """Has a model explain an incident in claims, without a verdict; checks and records them."""

    async def asked(here: Whole, asking: Asking) -> _Told:
        task = Task(prompt=await asyncio.to_thread(prompt_in_force, control, here.owner, PromptKind.EXPLAIN))
        answered = await triage_service.ask(here.context, control.caller(asking.principal), asking, task)
        return _Told(answered, {"model": model_document(asking, answered)}, [sent_document(answered)])

    return await _answer(control, signed, incident_id, asked)


@router.post("/{incident_id}/hunt")
async def hunt_about(control: Installation, signed: SignedJson[HuntQuestion], incident_id: str) -> Response:
    """Has a model propose hunts about an incident, runs them, has it claim what they show; checks and records that.

    The hunts are typed values within the incident's own telemetry, around its time; the model writes no query. Where
    the path may not hunt, none is asked. Each hunt is asked of a SIEM's table first, where one is named, and what it
    brings is kept.
    """
    joined = await _joined(control, signed)

    async def asked(here: Whole, asking: Asking) -> _Told:
        with control.snapshot() as records:
            refuse_beyond(records, asking.path, Autonomy.HUNT)
        sources = sorted(await asyncio.to_thread(here.archive.events.counts))
        prompt = await asyncio.to_thread(prompt_in_force, control, here.owner, PromptKind.HUNT)
        telemetry: Telemetry = IncidentTelemetry(here)
        if joined is not None:
            refuse_other_owners(here.owner)
            telemetry = SiemTelemetry(control, telemetry, joined, signed.body.table)
        caller = control.caller(asking.principal)
        done = await hunt(here.context, telemetry, caller, asking, sources, prompt=prompt)
        return _hunted(asking, done)

    return await _answer(control, signed, incident_id, asked)


async def _joined(control: Control, signed: Signed[HuntQuestion]) -> Joined | None:
    """Returns the SIEM that is asked too, and refuses before anything is asked what may not be asked of it."""
    if not signed.body.siem:
        return None
    await admit(control, signed, HOUSE_OWNED)
    joined = await asyncio.to_thread(control.siems.of, signed.body.siem)
    joined.scope.table(signed.body.table)
    return joined


def _hunted(asking: Asking, done: Hunting) -> _Told:
    left = [{"call": done.answer.call, "bytes": len(done.sent), "body": msgspec.Raw(done.sent)}]
    model: dict[str, Any] = {"asked": True, "error": error_document(done.failed) if done.failed else None}
    if done.answered is not None:
        model = model_document(asking, done.answered)
        left.append(sent_document(done.answered))
    shown = {
        "model": model,
        "hunts": [described(one) for one in done.hunted],
        "no_hunts": [{"position": position, "code": code} for position, code in done.proposed.problems],
        "unanswered": done.unanswered,
    }
    return _Told(done.answered, shown, left)


async def _answer(
    control: Control,
    signed: Signed[Question] | Signed[HuntQuestion],
    incident_id: str,
    asked: Callable[[Whole, Asking], Awaitable[_Told]],
) -> Response:
    signer, reader, here = await looked_at(control, signed, incident_id)
    wanted = Wanted(path=signed.body.path, principal=signed.body.principal, model=signed.body.model or True)
    try:
        told = await asked(here, await asyncio.to_thread(chosen, control, signer, wanted, here.owner))
    except SafeconductError as error:
        left = await sent_in_vain(control, viewer_of(reader), error.call)
        told = _Told(None, {"model": {"asked": True, "error": error_document(error)}}, left)
    recorded = await record(control, signed, here, (), told.answered)
    claims = told.answered.claims if told.answered else ()
    return answer(
        {
            "incident": here.incident.id,
            "claims": [claim_document(one) for one in claims],
            **told.shown,
            "left_the_house": told.left,
            "entries": [entry.id for entry in recorded.entries],
        }
    )

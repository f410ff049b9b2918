"""Questions to a model about an incident beside triage: explain it, hunt about it. Neither judges it."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.reading_rights import reader_as
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import Signed, answer, commit
from safeconduct.http.control.readers import viewer_of
from safeconduct.http.control.triage import (
    Wanted,
    Whole,
    admitted,
    chosen,
    claim_document,
    error_document,
    model_document,
    sent_document,
    sent_in_vain,
    whole_of,
)
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ids import EventId
from safeconduct.soc import triage_service
from safeconduct.soc.autonomy.levels import Autonomy, refuse_beyond
from safeconduct.soc.grounding import Context
from safeconduct.soc.hunting_service import Hunting, hunt
from safeconduct.soc.hunts.model import Hunt
from safeconduct.soc.model_hunts import described, run
from safeconduct.soc.triage import EXPLAIN, Hunted
from safeconduct.soc.triage_service import Answered, Asking

router = APIRouter(prefix="/api/v1/incidents", tags=["triage"])


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to ask; what is not named is chosen where there is one choice."""

    path: str = ""
    principal: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class _Told:
    """What came of a question: the checked answer, what of it is shown, and what left the house."""

    answered: Answered | None
    shown: dict[str, Any]
    left: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Telemetry:
    """`Telemetry` of an incident's archive, read in threads."""

    here: Whole

    async def hunted(self, hunts: Sequence[Hunt]) -> tuple[tuple[Hunted, ...], tuple[str, ...]]:
        return await asyncio.to_thread(run, hunts, self.here.searched)

    async def seeing(self, events: Collection[EventId]) -> Context:
        return await asyncio.to_thread(self.here.seeing, events)


@router.post("/{incident_id}/explain")
async def explain(control: Installation, signed: SignedJson[Question], incident_id: str) -> Response:
    """Has a model explain an incident in claims, without a verdict; checks and records them."""

    async def asked(here: Whole, asking: Asking) -> _Told:
        answered = await triage_service.ask(here.context, control.caller(asking.principal), asking, EXPLAIN)
        return _Told(answered, {"model": model_document(asking, answered)}, [sent_document(answered)])

    return await _answer(control, signed, incident_id, asked)


@router.post("/{incident_id}/hunt")
async def hunt_about(control: Installation, signed: SignedJson[Question], incident_id: str) -> Response:
    """Has a model propose hunts about an incident, runs them, has it claim what they show; checks and records that.

    The hunts are typed values within the incident's own telemetry, around its time; the model writes no query. Where
    the path may not hunt, none is asked.
    """

    async def asked(here: Whole, asking: Asking) -> _Told:
        with control.snapshot() as records:
            refuse_beyond(records, asking.path, Autonomy.HUNT)
        sources = sorted(await asyncio.to_thread(here.archive.events.counts))
        done = await hunt(here.context, _Telemetry(here), control.caller(asking.principal), asking, sources)
        return _hunted(asking, done)

    return await _answer(control, signed, incident_id, asked)


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


async def _answer(control: Control, signed: Signed[Question], incident_id: str, asked: Any) -> Response:  # noqa: ANN401
    signer = await asyncio.to_thread(admitted, control, signed)
    with control.snapshot() as records:
        reader = reader_as(records, signer)
    here = await asyncio.to_thread(whole_of, control, reader, incident_id)
    wanted = Wanted(path=signed.body.path, principal=signed.body.principal, model=signed.body.model or True)
    try:
        told = await asked(here, await asyncio.to_thread(chosen, control, signer, wanted, here.owner))
    except SafeconductError as error:
        left = await sent_in_vain(control, viewer_of(reader), error.call)
        told = _Told(None, {"model": {"asked": True, "error": error_document(error)}}, left)
    committed = await commit(
        control.writer,
        lambda tx: triage_service.record(
            tx, signed.act, here.incident.id, (), told.answered, operation=signed.operation, content=signed.content
        ),
    )
    claims = told.answered.claims if told.answered else ()
    return answer(
        {
            "incident": here.incident.id,
            "claims": [claim_document(one) for one in claims],
            **told.shown,
            "left_the_house": told.left,
            "entries": [entry.id for entry in committed.value],
        }
    )

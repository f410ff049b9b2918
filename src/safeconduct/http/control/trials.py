"""Trials of prompts on past incidents: opened, asked pair by pair, shown, and promoted from."""

import asyncio
from dataclasses import replace

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.model.parties import Principal
from safeconduct.access.reading_rights import Reader, reader_as
from safeconduct.gateway.budgets.model import Usage
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone, SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import Owner, read_owners
from safeconduct.http.control.prompts import prompt_of
from safeconduct.http.control.questions import IncidentTelemetry
from safeconduct.http.control.triage import admitted
from safeconduct.http.control.trial_documents import pair_document, trial_document, trial_row
from safeconduct.http.control.whole_incidents import whole_of
from safeconduct.kernel.errors import SafeconductError
from safeconduct.soc.autonomy.levels import refuse_beyond
from safeconduct.soc.autonomy.model import Autonomy
from safeconduct.soc.owners import owner_name
from safeconduct.soc.prompts.model import PromptKind
from safeconduct.soc.triage_service import Asking, choose
from safeconduct.soc.trials.asking import Begun, begin, record_pair
from safeconduct.soc.trials.metering import metered
from safeconduct.soc.trials.model import Answer, Pair
from safeconduct.soc.trials.opening import Wanted, open_trial, path_for
from safeconduct.soc.trials.pairing import Subject, answer_in
from safeconduct.soc.trials.promoting import promote
from safeconduct.soc.trials.reading import trial_of, trials_of

router = APIRouter(prefix="/api/v1/trials", tags=["triage"])


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which version to try, on which path, on how many of the incidents that people closed last, for how many tokens.

    Principal and model are chosen where there is one choice.
    """

    candidate: str
    path: str
    principal: str = ""
    model: str = ""
    cases: int = 50
    tokens: int = 500_000


@router.get("")
async def listed(control: Installation, reader: Reading) -> Response:
    """Lists the trials, the latest first, with how far each is."""
    with control.snapshot() as records:
        found = trials_of(records, read_owners(control, records, reader))
    return answer([trial_row(one, control.clock.now()) for one in found])


@router.get("/{trial_id}")
async def shown(control: Installation, reader: Reading, trial_id: str) -> Response:
    """Shows what a trial found so far, pair by pair, and what stands against a promotion."""
    with control.snapshot() as records:
        trial = trial_of(records, trial_id, read_owners(control, records, reader))
    return answer(trial_document(trial, control.clock.now()))


@router.post("")
async def opened(control: Installation, signed: SignedJson[Plan], owner: Owner = "") -> Response:
    """Opens a trial of a version against the one in force. Nothing is asked yet."""
    body = signed.body
    with control.snapshot() as records:
        owner = owner_name(records, owner)
    wanted = Wanted(
        candidate=body.candidate,
        path=body.path,
        principal=body.principal,
        model=body.model,
        cases=body.cases,
        tokens_max=body.tokens,
        owner=owner,
    )
    committed = await commit(
        control.writer,
        lambda tx: open_trial(tx, signed.act, wanted, operation=signed.operation, content=signed.content),
    )
    with control.snapshot() as records:
        return answer(trial_row(trial_of(records, committed.value), control.clock.now()))


@router.post("/{trial_id}/next")
async def ask_next(control: Installation, signed: SignedAlone, trial_id: str) -> Response:
    """Asks both versions about the next incident, and says how far the trial is then."""
    signer = await asyncio.to_thread(admitted, control, signed)
    asking = await asyncio.to_thread(_asking, control, signer, trial_id)
    committed = await commit(
        control.writer,
        lambda tx: begin(tx, signed.act, trial_id, asking, operation=signed.operation, content=signed.content),
    )
    begun = committed.value
    with control.snapshot() as records:
        reader = reader_as(records, signer)
    pair = await _pair(control, begun, asking, reader)
    recorded = await commit(control.writer, lambda tx: record_pair(tx, begun, pair))
    return answer(trial_row(recorded.value, control.clock.now()) | {"pair": pair_document(begun.case, pair)})


@router.post("/{trial_id}/promote")
async def promoted(control: Installation, signed: SignedAlone, trial_id: str) -> Response:
    """Puts the version that was tried in force, if the trial shows that it is not worse."""
    committed = await commit(
        control.writer,
        lambda tx: promote(tx, signed.act, trial_id, operation=signed.operation, content=signed.content),
    )
    return answer({"promoted": committed.value})


def _asking(control: Control, signer: Principal, trial_id: str) -> Asking:
    with control.snapshot() as records:
        plan = trial_of(records, trial_id).plan
        if plan.kind is PromptKind.HUNT:
            refuse_beyond(records, plan.path, Autonomy.HUNT)
        return choose(records, signer, path=plan.path, principal=plan.principal, model=plan.model, owner=plan.owner)


async def _pair(control: Control, begun: Begun, asking: Asking, reader: Reader) -> Pair:
    plan = begun.trial.plan
    try:
        here = await asyncio.to_thread(whole_of, control, reader, begun.case.incident)
        prompts = [
            await asyncio.to_thread(prompt_of, control, plan.owner, one) for one in (plan.candidate, plan.baseline)
        ]
        sources = sorted(await asyncio.to_thread(here.archive.events.counts))
    except SafeconductError as error:
        failed = Answer(failed=error.code)
        return Pair(candidate=failed, baseline=failed)
    subject = Subject(
        whole=here.context,
        telemetry=IncidentTelemetry(here),
        sources=sources,
        caller=control.caller(asking.principal),
        asking=asking,
    )
    candidate, baseline = [_metered(control, asking, await answer_in(subject, one)) for one in prompts]
    return Pair(candidate=candidate, baseline=baseline)


def _metered(control: Control, asking: Asking, found: Answer) -> Answer:
    worst = Usage(asking.budget.prompt_tokens_max, asking.budget.answer_tokens_max)
    with control.snapshot() as records:
        tokens, micro_usd = metered(records, path_for(records, asking), found.calls, worst)
    return replace(found, tokens=tokens, micro_usd=micro_usd)

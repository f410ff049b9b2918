"""Triage of incidents, and what became of the claims about them."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.model import Principal
from safeconduct.access.opening_rules import Viewer
from safeconduct.access.reading_rights import Reader, reader_as
from safeconduct.adapters.telemetry.archives import Archive
from safeconduct.gateway.events import CALL_INTENT
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import Reading, Signed, answer, commit
from safeconduct.http.control.openings import sealed_fact, sealed_facts, show
from safeconduct.http.control.readers import viewer_of
from safeconduct.http.control.telemetry import whole_incident
from safeconduct.kernel.errors import AbsentError, SafeconductError
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc import triage_service
from safeconduct.soc.actions.grounds import ActionProposal, candidates
from safeconduct.soc.attack import attack_table
from safeconduct.soc.claim_events import ClaimRecord, claims_of
from safeconduct.soc.grounding import CheckedClaim, Context, Outcome
from safeconduct.soc.hunts.model import Hunt, HuntResult
from safeconduct.soc.model import Incident
from safeconduct.soc.rechecking import SealedClaims, read_sealed, recheck
from safeconduct.soc.summary import Summary, rule_context, sentences, summarize
from safeconduct.soc.triage_service import Answered, Asking

router = APIRouter(prefix="/api/v1/incidents", tags=["triage"])


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to ask; what is not named is chosen where there is one choice. `model` false asks the rules alone."""

    path: str = ""
    principal: str = ""
    model: str | bool = True


@dataclass(frozen=True, slots=True)
class Whole:
    """An incident as it is stored now, whose telemetry it is of, and what claims about it are checked against."""

    archive: Archive
    owner: str
    context: Context

    @property
    def incident(self) -> Incident:
        """The incident."""
        return self.context.incident

    def searched(self, hunt: Hunt) -> HuntResult:
        """Returns what a hunt over the incident's telemetry finds, within the budget of a question."""
        return _searched(self.archive, hunt)

    def seeing(self, events: Collection[EventId]) -> Context:
        """Returns the context with further events, as they are stored now."""
        return replace(self.context, events={**self.context.events, **self.archive.events.many(events)})


@router.post("/{incident_id}/triage")
async def triage(control: Installation, signed: SignedJson[Wanted], incident_id: str) -> Response:
    """Says what the rules know, asks a model, checks what it claims, and records both.

    A model that is refused or fails changes nothing else: the answer then holds why, under `model.error`.
    """
    wanted = signed.body
    signer = await asyncio.to_thread(admitted, control, signed)
    with control.snapshot() as records:
        reader = reader_as(records, signer)
    here = await asyncio.to_thread(whole_of, control, reader, incident_id)
    summary, rules = await asyncio.to_thread(summarize, here.context)
    answered, model, left = await _ask(control, signer, wanted, here)
    committed = await commit(
        control.writer,
        lambda tx: triage_service.record(
            tx, signed.act, here.incident.id, rules, answered, operation=signed.operation, content=signed.content
        ),
    )
    claims = [*rules, *(answered.claims if answered else ())]
    return answer(
        {
            "incident": here.incident.id,
            "summary": summary_document(summary),
            "claims": [claim_document(one) for one in claims],
            "model": model,
            "left_the_house": left,
            "candidates": [_candidate(one) for one in _candidates(control, here)],
            "entries": [entry.id for entry in committed.value],
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


async def rechecked(control: Control, reader: Reader, here: Whole) -> list[tuple[CheckedClaim, Outcome]]:
    """Returns the recorded claims as they hold now, each with what was found when it was recorded.

    They are opened for the reader, which leaves an entry before this returns.
    """
    recorded = _recorded(control, here)
    parts = await _opened(control, viewer_of(reader), here, list(recorded.values()))
    context = await asyncio.to_thread(here.seeing, frozenset[EventId]().union(*(part.events for part in parts)))
    checked = await asyncio.to_thread(recheck, parts, context)
    return [(one, recorded[one.claim.id].claim.outcome) for one in checked if one.claim.id in recorded]


def claim_document(checked: CheckedClaim) -> dict[str, Any]:
    """Returns a checked claim as it is shown."""
    claim = checked.claim
    return {
        "id": claim.id,
        "kind": claim.kind,
        "author": claim.author.kind,
        "author_name": claim.author.name,
        "text": checked.text,
        "evidence": [{"event": one.event, "pointer": one.pointer, "quote": one.quote} for one in claim.evidence],
        "rests_on": getattr(claim.predicate, "claims", ()),
        "outcome": checked.outcome,
        "reason": checked.reason.code,
        "rule": "" if checked.verified else checked.reason.clause,
        "detail": checked.reason.text,
    }


def summary_document(summary: Summary) -> dict[str, Any]:
    """Returns a summary as it is shown."""
    return {
        "text": sentences(summary),
        "score": summary.score,
        "score_reasons": summary.score_reasons,
        "first": rfc3339(summary.first_at),
        "last": rfc3339(summary.last_at),
        "alerts": summary.alerts,
        "grounded": summary.grounded,
        "who": summary.who,
        "entities": summary.entities,
        "techniques": summary.techniques,
        "steps": [
            {
                "at": rfc3339(step.at),
                "title": step.title,
                "level": step.level,
                "alerts": step.alerts,
                "techniques": step.techniques,
                "entities": step.entities,
                "claims": step.claims,
            }
            for step in summary.steps
        ],
    }


async def _ask(
    control: Control, signer: Principal, wanted: Wanted, here: Whole
) -> tuple[Answered | None, dict[str, Any], list[dict[str, Any]]]:
    if wanted.model is False:
        return None, {"asked": False}, []
    try:
        asking = await asyncio.to_thread(chosen, control, signer, wanted, here.owner)
        answered = await triage_service.ask(here.context, control.caller(asking.principal), asking)
    except SafeconductError as error:
        with control.snapshot() as records:
            viewer = viewer_of(reader_as(records, signer))
        return None, {"asked": True, "error": error_document(error)}, await sent_in_vain(control, viewer, error.call)
    return answered, model_document(asking, answered), [sent_document(answered)]


def error_document(error: SafeconductError) -> dict[str, Any]:
    """Returns why no model answered, as it is shown."""
    return {"code": error.code, "message": error.message, "clause": error.clause, "remedy": error.remedy}


def model_document(asking: Asking, answered: Answered) -> dict[str, Any]:
    """Returns who was asked and answered, as it is shown."""
    return {
        "asked": True,
        "error": None,
        "path": asking.path,
        "purpose": asking.purpose,
        "upstream": asking.upstream,
        "autonomy": asking.autonomy,
        "principal": asking.principal,
        "name": answered.answer.model,
        "call": answered.answer.call,
        "events_shown": sorted(answered.asked.events.values()),
        "unreadable": answered.reading.unreadable,
    }


def sent_document(answered: Answered) -> dict[str, Any]:
    """Returns what left the house on a call that brought an answer."""
    return {
        "call": answered.answer.call,
        "bytes": len(answered.asked.payload),
        "body": msgspec.Raw(answered.asked.payload),
    }


async def sent_in_vain(control: Control, viewer: Viewer, call: str) -> list[dict[str, Any]]:
    """Returns what left the house on a call that brought no answer: what its intent says, if it has one."""
    if not call:
        return []
    try:
        entry = await asyncio.to_thread(control.log.entry, call)
    except AbsentError:  # refused and, being one of many, not recorded
        return []
    if entry.type != CALL_INTENT.name:
        return []
    facts = {one.field: one for one in await asyncio.to_thread(sealed_facts, control, call)}
    sent = facts.get("sent", facts["request"])
    opened = await show(control, viewer, [sent], f"what left the house on call {call}, which brought no answer")
    body = str(opened[sent.place]).encode()
    return [{"call": call, "bytes": len(body), "body": msgspec.Raw(body)}]


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


def _searched(archive: Archive, hunt: Hunt) -> HuntResult:
    return archive.hunts.run(hunt, triage_service.HUNT_BUDGET)


def whole_of(control: Control, reader: Reader, incident_id: str) -> Whole:
    """Returns an incident that the reader reads, with what claims about it are checked against."""
    record, incident = whole_incident(control, reader, incident_id)
    archive = control.archives.of(record.owner)
    context = rule_context(
        incident,
        archive.events.many(incident.events),
        attack_table().techniques,
        inventory=archive.telemetry.inventory(),
        search=partial(_searched, archive),
    )
    return Whole(archive, record.owner, context)


def _recorded(control: Control, here: Whole) -> dict[str, ClaimRecord]:
    with control.snapshot() as records:
        return {record.claim.id: record for record in claims_of(records, here.incident.id)}


async def _opened(control: Control, viewer: Viewer, here: Whole, recorded: Sequence[ClaimRecord]) -> list[SealedClaims]:
    entries = sorted({record.entry for record in recorded})
    facts = await asyncio.to_thread(
        lambda: [sealed_fact(control, entry, field) for entry in entries for field in ("claims", "shown")]
    )
    if not facts:
        return []
    opened = await show(control, viewer, facts, f"claims about incident {here.incident.id} are shown")
    return [read_sealed(opened[f"{entry}/claims"], opened[f"{entry}/shown"]) for entry in entries]


def _candidates(control: Control, here: Whole) -> tuple[ActionProposal, ...]:
    with control.snapshot() as records:
        return candidates(records, here.incident.id, claims_of(records, here.incident.id), here.context.events)


def _candidate(one: ActionProposal) -> dict[str, Any]:
    return {"kind": one.kind, "target": one.target, "claims": one.claims}

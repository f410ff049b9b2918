"""What the answers of triage and of questions show: summaries, claims, who was asked, and what left the house."""

import asyncio
from typing import Any

import msgspec

from safeconduct.access.opening_rules import Viewer
from safeconduct.gateway.events import CALL_INTENT
from safeconduct.http.control.context import Control
from safeconduct.http.control.openings import sealed_facts, show
from safeconduct.kernel.errors import AbsentError, SafeconductError
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.grounding import CheckedClaim
from safeconduct.soc.summary import Step, Summary, sentences
from safeconduct.soc.triage_service import Answered, Asking


def claim_document(checked: CheckedClaim) -> dict[str, Any]:
    """Returns a checked claim as it is shown."""
    claim = checked.claim
    return {
        "id": claim.id,
        "kind": claim.kind,
        "author": claim.author.kind,
        "author_name": claim.author.name,
        "author_version": claim.author.version,
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
        "steps": [_step_document(step) for step in summary.steps],
    }


def _step_document(step: Step) -> dict[str, Any]:
    return {
        "at": rfc3339(step.at),
        "title": step.title,
        "level": step.level,
        "alerts": step.alerts,
        "techniques": step.techniques,
        "entities": step.entities,
        "claims": step.claims,
    }


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
        "prompt": answered.asked.prompt,
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

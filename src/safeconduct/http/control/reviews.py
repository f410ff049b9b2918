"""Reviews: what people make of what models answered about incidents, and what that says of each path."""

from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import read_owners
from safeconduct.http.control.signed import Signed
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.autonomy import reviewing
from safeconduct.soc.autonomy.review_events import Decision, Review
from safeconduct.soc.autonomy.reviewing import Opinion, Rate
from safeconduct.soc.claim_events import AnswerRecord
from safeconduct.soc.predicates import Judgment

router = APIRouter(prefix="/api/v1/reviews", tags=["triage"])


class Why(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an answer is accepted or rejected; sealed in the log."""

    reason: str


class Correction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the incident is instead, and why; the reason is sealed in the log."""

    judgment: Judgment
    reason: str


@router.get("")
async def queue(control: Installation, reader: Reading) -> Response:
    """Lists what models answered about incidents, oldest first; what has no `decision` waits for a review."""
    with control.snapshot() as records:
        found = reviewing.answers(records, read_owners(control, records, reader))
    return answer([_document(one, review) for one, review in found])


@router.get("/report")
async def report(control: Installation, reader: Reading) -> Response:
    """Says of each path which autonomy is in force, and how many of its answers people accepted."""
    with control.snapshot() as records:
        found = reviewing.rates(records, read_owners(control, records, reader))
    return answer([_rate(one) for one in found])


@router.post("/{call_id}/accept")
async def accept(control: Installation, signed: SignedJson[Why], call_id: str) -> Response:
    """Says that what a model answered holds."""
    opinion = Opinion(answer=call_id, decision=Decision.ACCEPTED, reason=signed.body.reason)
    return await _review(control, signed, opinion)


@router.post("/{call_id}/correct")
async def correct(control: Installation, signed: SignedJson[Correction], call_id: str) -> Response:
    """Says that a model judged wrongly, and what is right."""
    body = signed.body
    opinion = Opinion(answer=call_id, decision=Decision.CORRECTED, reason=body.reason, judgment=body.judgment)
    return await _review(control, signed, opinion)


@router.post("/{call_id}/reject")
async def reject(control: Installation, signed: SignedJson[Why], call_id: str) -> Response:
    """Says that what a model answered is of no use."""
    opinion = Opinion(answer=call_id, decision=Decision.REJECTED, reason=signed.body.reason)
    return await _review(control, signed, opinion)


async def _review(control: Installation, signed: Signed[Any], opinion: Opinion) -> Response:
    committed = await commit(
        control.writer,
        lambda tx: reviewing.review(tx, signed.act, opinion, operation=signed.operation, content=signed.content),
    )
    return answer(_reviewed(committed.value))


def _document(one: AnswerRecord, review: Review | None) -> dict[str, Any]:
    return {
        "call": one.call,
        "incident": one.incident,
        "path": one.path,
        "prompt": one.prompt,
        "at": rfc3339(one.at),
        "claims": one.claims,
        "verified": one.verified,
        "verdict": one.verdict,
        **(_reviewed(review) if review else {"decision": ""}),
    }


def _reviewed(review: Review) -> dict[str, Any]:
    said = review.reviewed
    return {
        "call": said.answer,
        "decision": said.decision,
        "judgment": said.judgment or "",
        "by": said.by,
        "reviewed_at": rfc3339(review.at),
        "entry": review.entry,
    }


def _rate(one: Rate) -> dict[str, Any]:
    low, high = one.interval
    counted = {str(decision): one.decisions.get(decision, 0) for decision in Decision}
    return {
        "path": one.path,
        "in_force": one.in_force,
        "answers": one.answers,
        "reviewed": one.reviewed,
        **counted,
        "accepted_share": [round(low, 3), round(high, 3)],
    }

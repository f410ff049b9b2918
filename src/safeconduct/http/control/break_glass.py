"""Break-glass: one party opens a template's grant alone, the other is told with it, and both review it after."""

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.acts import Capability
from safeconduct.access.break_glass import find_review, review_digest, reviews, vote_on_review
from safeconduct.access.glass_opening import break_glass
from safeconduct.access.grant_model import Finding, Review
from safeconduct.access.grant_requests import find
from safeconduct.access.grant_rules import policy
from safeconduct.access.reading_rights import Reader, concerns
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.grants import case_document
from safeconduct.http.control.readers import check_capability
from safeconduct.kernel.ids import GrantId, PrincipalId
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.kernel.ports import Records

router = APIRouter(prefix="/api/v1/break-glass", tags=["grants"])


class Open(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, and for which service of the signer's, if not for the signer."""

    reason: str
    principal: str = ""


class Reviewed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a party found, why, and the digest of what it looked at."""

    finding: Finding
    reason: str
    review: str


@router.get("")
def list_templates(_reading: Reading, control: Installation) -> Response:
    """Returns the templates of the program in force."""
    with control.snapshot() as records:
        return answer(policy(records).break_glass)


@router.post("/{template}/open")
async def open_glass(signed: SignedJson[Open], control: Installation, template: str) -> Response:
    """Opens a template's grant, at once where it takes one person. The other party is told in the same transaction."""
    asked = signed.body
    committed = await commit(
        control.writer,
        lambda tx: break_glass(
            tx,
            signed.act,
            template,
            asked.reason,
            PrincipalId(asked.principal) if asked.principal else None,
            operation=signed.operation,
            content=signed.content,
        ),
    )
    with control.snapshot() as records:
        return answer(case_document(records, find(records, committed.value.id)))


@router.get("/reviews")
def list_reviews(reader: Reading, control: Installation) -> Response:
    """Returns every review that was owed and concerns the reader, oldest first, with what each party found."""
    with control.snapshot() as records:
        now = control.clock.now()
        found = [one for one in reviews(records) if _reads(records, reader, one)]
        return answer([_document(records, one, now) for one in found])


@router.post("/reviews/{grant_id}/vote")
async def vote_on(signed: SignedJson[Reviewed], control: Installation, grant_id: str) -> Response:
    """Says for the signer's party whether a break-glass was justified."""
    said = signed.body
    await asyncio.to_thread(check_capability, control, signed, Capability.REVIEW_BREAK_GLASS)
    committed = await commit(
        control.writer,
        lambda tx: vote_on_review(
            tx,
            signed.act,
            find(tx, grant_id),
            said.finding,
            said.reason,
            seen=said.review,
            operation=signed.operation,
            content=signed.content,
        ),
    )
    return answer(_told(control, committed.value.id))


def _reads(records: Records, reader: Reader, review: Review) -> bool:
    case = find(records, review.id)
    return any(concerns(records, reader, one) for one in (case.by, case.draft.principal))


def _told(control: Control, grant_id: GrantId) -> dict[str, Any]:
    with control.snapshot() as records:
        return _document(records, find_review(records, grant_id), control.clock.now())


def _document(records: Records, review: Review, now: Instant) -> dict[str, Any]:
    case = find(records, review.id)
    return {
        "id": review.id,
        "template": review.template,
        "organization": review.organization,
        "by": case.by,
        "reason": case.draft.reason,
        "grant": case.state,
        "due_at": rfc3339(review.due_at),
        "overdue": review.overdue(now),
        "missing": review.missing,
        "votes": review.votes,
        "finding": review.finding,
        "review": review_digest(case, review),
        "text": case.draft.text,
    }

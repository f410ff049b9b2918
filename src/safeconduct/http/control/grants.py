"""Grants: those in force, those asked for, and all that became of them. What is shown is what is voted on."""

from dataclasses import asdict
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct import approvals
from safeconduct.access import records as kept
from safeconduct.access.acts import ProgramElectorate
from safeconduct.access.budgets import Budget
from safeconduct.access.grant_conditions import conditions_document
from safeconduct.access.grant_events import REVIEWS
from safeconduct.access.grant_model import GrantCase, GrantState
from safeconduct.access.grant_requests import (
    Wanted,
    cases,
    find,
    reads_case,
    reissue,
    request_grant,
    revoke,
    unknown_grant,
    vote,
    withdraw,
)
from safeconduct.access.model.grants import Grant, GrantOrigin
from safeconduct.access.reading_rights import concerns
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.ballots import SignedBallot, proposal_document
from safeconduct.http.control.bodies import SignedAlone, SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.programs import settled
from safeconduct.kernel.ids import GrantId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339
from safeconduct.kernel.ports import Records

router = APIRouter(prefix="/api/v1", tags=["grants"])


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for. Purpose and scope default to the path's, `from` to now, the tier to the principal's own."""

    principal: str
    path: str
    until: str
    reason: str
    opens: str = msgspec.field(name="from", default="")
    purpose: str = ""
    scope: str = ""
    tier: int | None = None
    budget: Budget | None = None
    conditions: dict[str, str] = {}


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    reason: str


@router.get("/grants")
def list_grants(reader: Reading, control: Installation) -> Response:
    """Returns the grants in force of principals who concern the reader."""
    now = control.clock.now()
    with control.snapshot() as records:
        held = [grant for grant in kept.grants(records) if concerns(records, reader, grant.principal)]
        return answer([_grant(grant, now) for grant in held])


@router.get("/grant-requests")
def list_cases(reader: Reading, control: Installation) -> Response:
    """Returns every grant that was ever asked for, oldest first, whatever became of it.

    Those are the grants of principals who concern the reader, and those that the reader asked for or votes on.
    """
    with control.snapshot() as records:
        return answer([summary(case) for case in cases(records) if reads_case(records, reader, case)])


@router.get("/grants/{grant_id}")
def show_grant(reader: Reading, control: Installation, grant_id: str) -> Response:
    """Returns a grant, and for one that was asked for the exact text that is voted on, its votes and its entries."""
    with control.snapshot() as records:
        held = kept.grant(records, grant_id)
        shown = _grant(held, control.clock.now()) if held else {}
        if held is None or held.origin is not GrantOrigin.PROGRAM:
            case = find(records, grant_id)
            if not reads_case(records, reader, case):
                raise unknown_grant(grant_id)
            return answer(shown | case_document(records, case))
        if not concerns(records, reader, held.principal):
            raise unknown_grant(grant_id)
    return answer(shown)


@router.post("/grants/request")
async def ask_for_grant(signed: SignedJson[Ask], control: Installation) -> Response:
    """Asks for a grant. It is put to the vote of the groups that the program names."""
    asked = signed.body
    wanted = _wanted(asked)
    committed = await commit(
        control.writer,
        lambda tx: request_grant(tx, signed.act, wanted, operation=signed.operation, content=signed.content),
    )
    return answer(_told(control, committed.value.id))


@router.post("/grants/{grant_id}/reissue")
async def reissue_grant(signed: SignedJson[Reason], control: Installation, grant_id: str) -> Response:
    """Asks for the same once more, for as long. Nothing is renewed: this is a request of its own."""
    reason = signed.body.reason
    committed = await commit(
        control.writer,
        lambda tx: reissue(
            tx, signed.act, GrantId(grant_id), reason, operation=signed.operation, content=signed.content
        ),
    )
    return answer(_told(control, committed.value.id))


@router.post("/grants/{grant_id}/vote")
async def vote_on_grant(signed: SignedBallot, control: Installation, grant_id: str) -> Response:
    """Casts a vote. Its body is the ballot, byte for byte: that is what the voter signs. The last one needed issues.

    An elevation then waits for the partner's cosignature, which this asks for.
    """
    ballot = signed.body
    committed = await commit(
        control.writer,
        lambda tx: vote(
            tx, ProgramElectorate(), GrantId(grant_id), ballot.verdict, signed.act, operation=signed.operation
        ),
    )
    case = committed.value
    outcome = await settled(control, case.entries[-1]) if case.state is GrantState.WAITING else {}
    return answer(_told(control, case.id) | outcome)


@router.post("/grants/{grant_id}/revoke")
async def revoke_grant(signed: SignedJson[Reason], control: Installation, grant_id: str) -> Response:
    """Ends a grant at once. When this answers it is in force nowhere, and what ran under it is being cut."""
    reason = signed.body.reason
    committed = await commit(
        control.writer,
        lambda tx: revoke(
            tx, signed.act, GrantId(grant_id), reason, operation=signed.operation, content=signed.content
        ),
    )
    return answer(_told(control, committed.value.id))


@router.post("/grants/{grant_id}/withdraw")
async def withdraw_request(signed: SignedAlone, control: Installation, grant_id: str) -> Response:
    """Takes a request back that is not decided yet. Only who made it can; nobody votes on it after."""
    committed = await commit(
        control.writer,
        lambda tx: withdraw(tx, signed.act, GrantId(grant_id), operation=signed.operation, content=signed.content),
    )
    return answer(_told(control, committed.value.id))


def summary(case: GrantCase) -> dict[str, Any]:
    """Returns a request in a line."""
    draft = case.draft
    return {
        "id": case.id,
        "at": rfc3339(case.at),
        "by": case.by,
        "principal": draft.principal,
        "path": draft.path,
        "tier": draft.tier,
        "origin": draft.origin,
        "state": case.state,
        "until": rfc3339(draft.window.closes_at),
        "why": case.why,
    }


def case_document(records: Records, case: GrantCase) -> dict[str, Any]:
    """Returns a request whole: `text` is exactly what is voted on, `content` the SHA-256 of its bytes."""
    approval = approvals.find(records, case.approval) if case.approval else None
    review = records.get(REVIEWS, case.id)
    return summary(case) | {
        "text": case.draft.text,
        "content": case.draft.digest,
        "reason": case.draft.reason,
        "replaces": case.draft.replaces,
        "decide_by": rfc3339(case.decide_by),
        "ended_at": rfc3339(case.ended_at) if case.ended_at is not None else None,
        "entries": case.entries,
        "approval": proposal_document(approval) if approval else None,
        "review_due": rfc3339(review.due_at) if review else None,
    }


def _told(control: Control, grant_id: str) -> dict[str, Any]:
    with control.snapshot() as records:
        return case_document(records, find(records, grant_id))


def _wanted(asked: Ask) -> Wanted:
    return Wanted(
        principal=PrincipalId(asked.principal),
        path=PathId(asked.path),
        closes_at=parse_rfc3339(asked.until),
        opens_at=parse_rfc3339(asked.opens) if asked.opens else None,
        reason=asked.reason,
        purpose=asked.purpose,
        scope=asked.scope,
        tier=asked.tier,
        budget=asked.budget,
        conditions=asked.conditions,
    )


def _grant(grant: Grant, now: Instant) -> dict[str, Any]:
    window = {"from": rfc3339(grant.window.opens_at), "until": rfc3339(grant.window.closes_at)}
    shown = {"window": window, "open": grant.window.holds(now), "conditions": conditions_document(grant.conditions)}
    return asdict(grant) | shown

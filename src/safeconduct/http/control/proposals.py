"""Policies that both parties vote on before they can be applied."""

import asyncio
from typing import Any

from fastapi import APIRouter, Response

from safeconduct import approvals
from safeconduct.access.activation import proposals, propose, vote
from safeconduct.access.activation_events import ProposedPolicies
from safeconduct.access.acts import ProgramElectorate
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.ballots import SignedBallot, approval_document
from safeconduct.http.control.bodies import SignedProgram
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.programs import read_source
from safeconduct.kernel.ids import ApprovalId
from safeconduct.kernel.ports import Records

router = APIRouter(prefix="/api/v1/policies/proposals", tags=["standing"])


@router.get("")
def list_proposals(_reading: Reading, control: Installation) -> Response:
    """Lists the policies that were put to the vote, oldest first, each with its whole text."""
    with control.snapshot() as records:
        return answer([_document(records, one) for one in proposals(records)])


@router.post("/new")
async def propose_policies(signed: SignedProgram, control: Installation) -> Response:
    """Puts the policies of the program file in the body to the vote of both parties."""
    program = await asyncio.to_thread(read_source, signed.body, control)
    committed = await commit(
        control.writer,
        lambda tx: propose(tx, program, signed.act, operation=signed.operation, content=signed.content),
    )
    return answer(approval_document(committed.value))


@router.post("/{approval_id}/vote")
async def vote_on_policies(signed: SignedBallot, control: Installation, approval_id: str) -> Response:
    """Casts a vote on proposed policies. Its body is the ballot, byte for byte: that is what the voter signs."""
    ballot = signed.body
    committed = await commit(
        control.writer,
        lambda tx: vote(
            tx, ProgramElectorate(), ApprovalId(approval_id), ballot.verdict, signed.act, operation=signed.operation
        ),
    )
    return answer(approval_document(committed.value))


def _document(records: Records, one: ProposedPolicies) -> dict[str, Any]:
    approval = approval_document(approvals.find(records, one.approval))
    return {"by": one.by, "text": one.text, "content": one.content, "approval": approval}

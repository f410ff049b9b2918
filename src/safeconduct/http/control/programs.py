"""Programs: what one would change, asking for it, and what is in force."""

import asyncio
from typing import Any

from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.changes import plan
from safeconduct.access.drift import drift
from safeconduct.access.freezes import pending
from safeconduct.access.model.changes import Pending
from safeconduct.access.program import Program
from safeconduct.access.programs import apply
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import ReadProgram, SignedProgram
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import rfc3339
from safeconduct.program.file import read_program
from safeconduct.program.ownerless import ownerless

router = APIRouter(prefix="/api/v1/programs", tags=["programs"])


@router.post("/plan")
def plan_program(source: ReadProgram, control: Installation) -> Response:
    """Returns what the program file in the body would change, and what is in force beside it. Changes nothing."""
    program = read_source(source, control)
    with control.snapshot() as records:
        planned = plan(records, program)
        beside = [one.document() for one in drift(records, planned.changes, control.clock.now())]
    return answer(planned.document() | {"drift": beside})


@router.post("/apply")
async def apply_program(signed: SignedProgram, control: Installation) -> Response:
    """Requests that the program file in the body come into force, and asks the witness for its cosignature."""
    program = await asyncio.to_thread(read_source, signed.body, control)
    committed = await commit(
        control.writer,
        lambda tx: apply(tx, program, signed.act, operation=signed.operation, content=signed.content),
    )
    applied = committed.value
    planned = applied.plan.document()
    if applied.request is None:
        return answer({"request": None, "state": "unchanged", "problem": None, "plan": planned})
    await asyncio.to_thread(control.open_log, program.agreement.origin)
    outcome = await settled(control, applied.request)
    in_force = outcome["state"] == "in-force"
    log_key = control.logs.verifier(program.agreement.origin).text if in_force else None
    return answer(outcome | {"plan": planned, "log_key": log_key})


@router.get("")
def show_programs(_reading: Reading, control: Installation) -> Response:
    """Returns the program in force, if any, and what waits for the partner."""
    with control.snapshot() as records:
        program, agreement = kept.program_in_force(records), kept.agreement_in_force(records)
        waiting = [waiting_document(one) for one in pending(records)]
    return answer({"in_force": program, "agreement": agreement, "waiting": waiting})


@router.get("/ownerless")
def list_ownerless(_reading: Reading, control: Installation) -> Response:
    """Returns what has an owner who is there no more, and why."""
    with control.snapshot() as records:
        return answer(ownerless(records, control.clock.now()))


async def settled(control: Control, request: EntryId) -> dict[str, Any]:
    """Tries to bring a request into force; returns whether it is, or what it waits for."""
    problem = (await control.settle()).get(request)
    with control.snapshot() as records:
        state = "waiting" if records.get(kept.PENDING, request) else "in-force"
    return {"request": request, "state": state, "problem": problem.message if problem else None}


def waiting_document(one: Pending) -> dict[str, Any]:
    """Returns what people are told of a request that waits."""
    return {
        "request": one.request,
        "kind": one.kind,
        "by": one.by,
        "at": rfc3339(one.at),
        "waits_for": one.witness.name,
        "freeze": one.freeze,
        "changes": len(one.changes),
    }


def read_source(source: bytes, control: Control) -> Program:
    """Reads a program file as this installation does.

    Raises:
        TooLargeError, ProgramInvalidError: as `read_program`.
    """
    return read_program(source, upstreams=control.upstreams, entry_types=control.forms)

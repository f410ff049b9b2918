"""The agreement: what stands, what is to follow it, every version there was, and its end by one party."""

import msgspec
from fastapi import APIRouter, Response

from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.program.agreements import history, shown, terminate
from safeconduct.program.clocks import clock_documents

router = APIRouter(prefix="/api/v1/agreement", tags=["agreement"])


class Termination(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the agreement is ended."""

    reason: str


@router.get("")
def show_agreement(_reading: Reading, control: Installation) -> Response:
    """Returns the agreement that stands with its digest and signatures, its next version, and what is to be done."""
    with control.snapshot() as records:
        return answer(shown(records, control.clock.now()))


@router.get("/history")
def list_versions(_reading: Reading, control: Installation) -> Response:
    """Returns every version that came into force: its digest, who signed, and the entries that brought it."""
    with control.snapshot() as records:
        return answer(history(records))


@router.get("/clocks")
def list_clocks(_reading: Reading) -> Response:
    """Returns the regulatory clocks that notices can feed, each with the article it comes from."""
    return answer(clock_documents())


@router.post("/terminate")
async def terminate_agreement(signed: SignedJson[Termination], control: Installation) -> Response:
    """Ends the agreement for the signer's party, after the notice that was agreed. Waits for nobody."""
    wanted = signed.body
    await commit(
        control.writer,
        lambda tx: terminate(tx, signed.act, operation=signed.operation, content=signed.content, reason=wanted.reason),
    )
    with control.snapshot() as records:
        return answer(shown(records, control.clock.now()))

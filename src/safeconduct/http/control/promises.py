"""Broken promises: reported by either party with a proof, and what is on record."""

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.promise_events import Reported
from safeconduct.access.promises import broken_promises, quorum_in_force, report_broken
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.declared import Content
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.signed import SignedBytes
from safeconduct.kernel.instants import rfc3339
from safeconduct.ledger.omission import BrokenPromise

router = APIRouter(prefix="/api/v1/promises", tags=["logs"])

SignedOmission = Annotated[SignedBytes, Content("application/json", "The file of an omission, as a prober wrote it.")]


@router.get("")
def list_broken(_reading: Reading, control: Installation) -> Response:
    """Returns the broken promises on record."""
    with control.snapshot() as records:
        return answer([_document(one) for one in broken_promises(records)])


@router.post("/broken")
async def report(signed: SignedOmission, control: Installation) -> Response:
    """Records a broken promise. The body is the file of an omission; one that proves nothing is refused."""
    broken = await asyncio.to_thread(_verified, control, signed.body)
    committed = await commit(
        control.writer,
        lambda tx: report_broken(
            tx, signed.act, operation=signed.operation, content=signed.content, broken=broken, proof=signed.body
        ),
    )
    return answer(_document(committed.value))


def _verified(control: Control, proof: bytes) -> BrokenPromise:
    with control.snapshot() as records:
        quorum = quorum_in_force(records)
    return control.logs.broken_promise(proof, quorum)


def _document(reported: Reported) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(reported.promise)
    more = {"rests_on": reported.promise.breach.rests_on, "record": reported.record, "by": reported.by}
    return facts | more | {"at": rfc3339(reported.at)}

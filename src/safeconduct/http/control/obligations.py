"""Obligations: what is owed, handing evidence in, and accepting or returning it."""

from collections.abc import Callable

import msgspec
from fastapi import APIRouter, Response

from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.signed import Signed
from safeconduct.kernel.ports import Transaction
from safeconduct.program.obligations.meeting import hand_in, judge
from safeconduct.program.obligations.model import Duty
from safeconduct.program.obligations.reading import duties, duty_document, shown
from safeconduct.program.vetting.acting import Asked

router = APIRouter(prefix="/api/v1/obligations", tags=["obligations"])


class HandIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Evidence: a SHA-256, what it is and where it is from. The document itself is never sent."""

    kind: str
    sha256: str
    source: str


class Judge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The SHA-256 of what was looked at, whether it is accepted, and why not if it is returned."""

    sha256: str
    accepted: bool
    reason: str = ""


@router.get("")
def list_obligations(_reading: Reading, control: Installation) -> Response:
    """Returns what the program says is owed: by whom, until when, and what is lowered because of it."""
    with control.snapshot() as records:
        return answer([duty_document(one) for one in duties(records)])


@router.get("/{name}")
def show_obligation(_reading: Reading, control: Installation, name: str) -> Response:
    """Returns an obligation with everything that met it."""
    with control.snapshot() as records:
        return answer(shown(records, name))


@router.post("/{name}/hand-in")
async def hand_in_evidence(signed: SignedJson[HandIn], control: Installation, name: str) -> Response:
    """Hands evidence in, as a digest. It stops no clock until the other party accepted it."""
    said = signed.body
    return await _step(
        control,
        signed,
        lambda tx, asked: hand_in(tx, asked, name, kind=said.kind, sha256=said.sha256, source=said.source),
    )


@router.post("/{name}/judge")
async def judge_evidence(signed: SignedJson[Judge], control: Installation, name: str) -> Response:
    """Accepts evidence, which raises again what was lowered, or returns it with a reason. For the other party."""
    said = signed.body
    return await _step(
        control,
        signed,
        lambda tx, asked: judge(tx, asked, name, sha256=said.sha256, accepted=said.accepted, reason=said.reason),
    )


async def _step(control: Control, signed: Signed[object], command: Callable[[Transaction, Asked], Duty]) -> Response:
    asked = Asked(signed.act, signed.operation, signed.content)
    committed = await commit(control.writer, lambda tx: command(tx, asked))
    return answer(duty_document(committed.value))

"""Cases: what watch found, what was done about it, and what people decided."""

import msgspec
from fastapi import APIRouter, Response

from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import EntryId
from safeconduct.watch.cases import appeal_case, decide_case, find_case
from safeconduct.watch.reading import case_document, cases_for, rates, reads_case, signals_document

router = APIRouter(prefix="/api/v1/cases", tags=["cases"])


class DecideCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the case is what it looked like, and why."""

    confirmed: bool
    reason: str


class AppealCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the case is wrong."""

    reason: str


@router.get("")
def list_cases(reader: Reading, control: Installation) -> Response:
    """Returns the cases on record, oldest first: to overseers all, to others those that stopped them."""
    with control.snapshot() as records:
        found = cases_for(records, reader, control.clock.now())
    return answer([case_document(one) for one in found])


@router.get("/signals")
def list_signals(_reader: Reading) -> Response:
    """Returns what is looked for: what counts, in which window, from how many on."""
    return answer(signals_document())


@router.get("/report")
def report(_reader: Reading, control: Installation) -> Response:
    """Returns how many cases each signal opened, and how many of them were false alarms."""
    with control.snapshot() as records:
        return answer(rates(records))


@router.get("/{case_id}")
def show_case(reader: Reading, control: Installation, case_id: str) -> Response:
    """Returns one case with its evidence, to whom the list shows it."""
    with control.snapshot() as records:
        found = find_case(records, EntryId(case_id))
        if not reads_case(records, reader, found, control.clock.now()):
            raise AbsentError(f"there is no case {case_id[:64]!r}", code="case-unknown")
    return answer(case_document(found))


@router.post("/{case_id}/decide")
async def decide(signed: SignedJson[DecideCase], control: Installation, case_id: str) -> Response:
    """Confirms or dismisses a case. A dismissal lifts what the case restricted."""
    said = signed.body
    committed = await commit(
        control.writer,
        lambda tx: decide_case(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            case_id=EntryId(case_id),
            confirmed=said.confirmed,
            reason=said.reason,
        ),
    )
    return answer(case_document(committed.value))


@router.post("/{case_id}/appeal")
async def appeal(signed: SignedJson[AppealCase], control: Installation, case_id: str) -> Response:
    """Appeals a case that stopped something of the signer's organization. There is one appeal of a case."""
    reason = signed.body.reason
    committed = await commit(
        control.writer,
        lambda tx: appeal_case(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            case_id=EntryId(case_id),
            reason=reason,
        ),
    )
    return answer(case_document(committed.value))

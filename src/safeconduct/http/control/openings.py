"""Opening sealed fields: an act with a reason, in the log before anything is shown."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct import approvals
from safeconduct.access import records as kept
from safeconduct.access.acts import ProgramElectorate
from safeconduct.access.opening import Answered, open_field, openings, show_fields, vote
from safeconduct.access.opening_events import ProposedOpening
from safeconduct.access.opening_rules import SealedFact, Viewer, Wanted
from safeconduct.access.reading_rights import Reader, reader_as, votes
from safeconduct.gateway.held_answers import refuse_own_answer
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.ballots import SignedBallot, approval_document
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.signed import Signed
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import ApprovalId
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.disclosures import encode_disclosure
from safeconduct.ledger.reader import unknown_entry

router = APIRouter(prefix="/api/v1/logs", tags=["openings"])

ACCEPTED = 202


class Open(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why. `own_copy` where the value is opened from the caller's own copy, and so not asked for.

    `disclose` asks for a file that shows this field to whoever has public keys.
    """

    reason: str
    own_copy: bool = False
    disclose: bool = False


@router.post("/entries/{entry_id}/fields/{field}/open")
async def open_sealed(signed: SignedJson[Open], control: Installation, entry_id: str, field: str) -> Response:
    """Opens a sealed field, once that it was opened, by whom and why, is in the log.

    Where the agreement asks for both parties, this puts it to the vote and answers 202; the same request, approved,
    opens it.
    """
    asked = signed.body
    await asyncio.to_thread(_check_opener, control, signed, entry_id)
    sealed = await asyncio.to_thread(sealed_fact, control, entry_id, field)
    wanted = Wanted(sealed=sealed, reason=asked.reason, own_copy=asked.own_copy)

    def opened(tx: Transaction) -> Answered:
        answered = open_field(tx, signed.act, wanted, operation=signed.operation, content=signed.content)
        refuse_own_answer(tx, entry_id, signed.act.act.actor)
        return answered

    committed = await commit(control.writer, opened)
    told = _told(wanted, committed.value)
    if committed.value.opened is None:
        return answer(told, ACCEPTED)
    if asked.own_copy:
        return answer(told)
    return answer(told | await asyncio.to_thread(_value, control, sealed, disclose=asked.disclose))


@router.get("/openings")
def list_openings(reader: Reading, control: Installation) -> Response:
    """Lists the openings that were put to the vote and that the reader asked for or votes on, oldest first."""
    with control.snapshot() as records:
        return answer([_document(records, one) for one in openings(records) if reads_opening(records, reader, one)])


@router.post("/openings/{approval_id}/vote")
async def vote_on_opening(signed: SignedBallot, control: Installation, approval_id: str) -> Response:
    """Casts a vote on an opening. Its body is the ballot, byte for byte: that is what the voter signs."""
    ballot = signed.body
    committed = await commit(
        control.writer,
        lambda tx: vote(
            tx, ProgramElectorate(), ApprovalId(approval_id), ballot.verdict, signed.act, operation=signed.operation
        ),
    )
    return answer(approval_document(committed.value))


def _check_opener(control: Control, signed: Signed[object], entry_id: str) -> None:
    with control.snapshot() as records:
        signer = records.get(kept.PRINCIPALS, signed.act.act.actor)
        if signer is not None and not reader_as(records, signer).in_agreement:
            raise unknown_entry(entry_id)  # no organization of theirs reads any sealed field


def sealed_fact(control: Control, entry_id: str, field: str) -> SealedFact:
    """Returns what an entry says of a sealed field.

    Raises:
        AbsentError: there is no such entry or field.
    """
    found = next((fact for fact in sealed_facts(control, entry_id) if fact.field == field), None)
    if found is None:
        raise AbsentError(f"entry {entry_id} has no sealed field {field[:64]!r}", code="field-unknown")
    return found


def sealed_facts(control: Control, entry_id: str) -> list[SealedFact]:
    """Returns what an entry says of its sealed fields.

    Raises:
        AbsentError: there is no such entry.
    """
    entry, leaf = control.log.entry(entry_id), control.log.leaf(entry_id)
    return [
        SealedFact(
            entry=entry.id,
            origin=entry.origin,
            type=entry.type,
            field=name,
            key=said.key,
            readers=frozenset(said.readers),
        )
        for name, said in sorted(leaf.sealed.items())
    ]


async def show(control: Control, viewer: Viewer, shown: Sequence[SealedFact], reason: str) -> dict[str, Any]:
    """Opens fields for somebody who is shown what is made of them, once that is in the log. Returns the values.

    They stand at `entry/field`.

    Raises:
        RefusedError, AbsentError: as `show_fields`.
    """
    await commit(control.writer, lambda tx: show_fields(tx, viewer, shown, reason))
    return await asyncio.to_thread(
        lambda: {one.place: control.log.open_field(one.entry, one.field).value for one in shown}
    )


def reads_opening(records: Records, reader: Reader, one: ProposedOpening) -> bool:
    """Tells whether an opening is the reader's to see: who asked, votes, or oversees."""
    groups = approvals.find(records, one.approval).proposal.groups
    return reader.oversees or reader.principal == one.by or votes(reader, groups)


def _told(wanted: Wanted, answered: Answered) -> dict[str, Any]:
    told = {
        "entry": wanted.sealed.entry,
        "field": wanted.sealed.field,
        "reason": wanted.reason,
        "state": "opened" if answered.opened else "waiting",
        "opened": answered.opened,
    }
    return told | {"approval": approval_document(answered.waits_for) if answered.waits_for else None}


def _value(control: Control, sealed: SealedFact, *, disclose: bool) -> dict[str, Any]:
    opening = control.log.open_field(sealed.entry, sealed.field)
    file = encode_disclosure(opening, control.logs.proof(sealed.entry)) if disclose else None
    return {"value": opening.value, "disclosure": file}


def _document(records: Records, one: ProposedOpening) -> dict[str, Any]:
    return {
        "entry": one.entry,
        "field": one.field,
        "by": one.by,
        "reason": one.reason,
        "approval": approval_document(approvals.find(records, one.approval)),
    }

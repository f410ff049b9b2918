"""Appeals against how calls ended, and their decisions."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability
from safeconduct.access.appeal_events import Appeal
from safeconduct.access.appeals import appeals_for, decide_appeal
from safeconduct.access.grant_events import GRANT_CASES
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.readers import check_capability
from safeconduct.http.proofs import call_entry, explain_call
from safeconduct.kernel.ids import is_ulid
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.program.vetting.reading import judged_by

router = APIRouter(prefix="/api/v1/appeals", tags=["calls"])


class Decide(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the appeal is right, and why."""

    upheld: bool
    reason: str


@router.get("")
def list_appeals(reader: Reading, control: Installation) -> Response:
    """Returns the appeals on record, oldest first: to trust and safety all, to others their organization's."""
    with control.snapshot() as records:
        found = appeals_for(records, reader)
    return answer([appeal_document(one) for one in found])


@router.post("/{call_id}/decide")
async def decide(signed: SignedJson[Decide], control: Installation, call_id: str) -> Response:
    """Decides the appeal against a call: by the party that answers for misuse review, and nobody with a hand in it."""
    said = signed.body
    await asyncio.to_thread(check_capability, control, signed, Capability.DECIDE_APPEAL)
    involved = await asyncio.to_thread(_involved, control, call_id)
    committed = await commit(
        control.writer,
        lambda tx: decide_appeal(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            call=call_id,
            upheld=said.upheld,
            reason=said.reason,
            involved=involved,
        ),
    )
    return answer(appeal_document(committed.value))


def _involved(control: Control, call_id: str) -> frozenset[str]:
    """Returns whose call it was, and who is behind what decided: by the entries and the vetting its clauses name.

    What no entry of its own decided, the program did: then it is whoever brought that.
    """
    entry = call_entry(control.log, call_id)
    with control.snapshot() as records:
        told = explain_call(control.log, records, entry)
        program = kept.program_in_force(records)
        found = [*_named(told), *(case for one in _named(told) for case in _closing(records, one))]
        judges = {one for clause in _clauses(told) for one in judged_by(records, clause)}
    behind = {str(control.log.entry(one).body.get("by", "")) for one in found}
    if not found and program is not None:
        behind = {str(control.log.entry(program.request).body["by"])}
    return frozenset({str(entry.body["principal"]), *behind, *judges})


def _named(told: Mapping[str, Any]) -> list[str]:
    return [part for clause in _clauses(told) for part in re.split("[:/]", clause) if is_ulid(part)]


def _clauses(told: Mapping[str, Any]) -> list[str]:
    return [told["clause"], *(one["clause"] for one in told["against"])]


def _closing(records: Records, grant: str) -> tuple[str, ...]:
    case = records.get(GRANT_CASES, grant)
    return case.entries[-1:] if case else ()


def appeal_document(one: Appeal) -> dict[str, Any]:
    """Returns an appeal with its decision, if there is one."""
    decision = asdict(one.decision) | {"at": rfc3339(one.decision.at)} if one.decision else None
    return asdict(one) | {"at": rfc3339(one.at), "due_at": rfc3339(one.due_at), "decision": decision}

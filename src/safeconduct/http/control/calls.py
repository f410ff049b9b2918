"""Governed calls as the log has them: what was asked, how it ended, and what of it is sealed."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from safeconduct.access.acts import ProgramElectorate
from safeconduct.access.appeals import lodge_appeal
from safeconduct.access.reading_rights import Reader, concerns, votes
from safeconduct.approvals import find
from safeconduct.gateway.events import CALL_OUTCOME, CALL_REFUSED, ENDED_CALLS
from safeconduct.gateway.held_answers import held_answers, is_answer, vote_on_answer
from safeconduct.gateway.held_events import HeldAnswer
from safeconduct.gateway.holding import HeldCall, held_calls, vote_on_call
from safeconduct.gateway.label_events import ANSWER, CALL_LABELLED, LABEL_ENTRIES, REQUEST, CallLabelled
from safeconduct.http.control.appeals import appeal_document
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.ballots import SignedReasonedBallot, approval_document
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.named import named_call
from safeconduct.http.control.openings import sealed_facts
from safeconduct.http.proofs import begins_call, call_entry, explain_call, placed
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import ApprovalId, OrganizationId
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Records

router = APIRouter(prefix="/api/v1/calls", tags=["calls"])

ENTRIES_MAX = 2000
"""Entries of each log, newest first, that a listing looks through. A page of the log explorer comes later."""

Count = Annotated[int, Query(ge=1, le=1000)]


class Lodge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the call should have ended otherwise."""

    reason: str


@router.get("")
def list_calls(reader: Reading, control: Installation, count: Count = 50) -> Response:
    """Lists the latest calls that concern the reader, newest first: allowed and refused ones."""
    with control.snapshot() as records:
        seen = [entry for entry in latest_calls(control) if _reads(records, reader, entry)]
    found = sorted(seen, key=lambda entry: entry.id, reverse=True)[:count]
    return answer([_document(control, entry) for entry in found])


@router.get("/held")
def list_held(reader: Reading, control: Installation) -> Response:
    """Lists the calls and answers that were held for a person, oldest first, each with its approval.

    Told are those whom they concern, and who votes on them. `kind` says what is held; of an answer `field` is what
    seals it, to be opened in its `entry`.
    """
    with control.snapshot() as records:
        every: list[HeldCall | HeldAnswer] = [*held_calls(records), *held_answers(records)]
        found = sorted(every, key=lambda one: one.entry)
        return answer([_held(records, one) for one in found if _reads_held(records, reader, one)])


@router.post("/held/{approval_id}/vote")
async def vote_on_held(signed: SignedReasonedBallot, control: Installation, approval_id: str) -> Response:
    """Casts a vote on a held call or answer. Its body is the ballot, byte for byte: that is what the voter signs.

    On an answer it says why, and who lets it go has opened it.
    """
    ballot = signed.body
    committed = await commit(
        control.writer,
        lambda tx: (vote_on_answer if is_answer(tx, approval_id) else vote_on_call)(
            tx,
            ProgramElectorate(),
            ApprovalId(approval_id),
            ballot.verdict,
            signed.act,
            operation=signed.operation,
            reason=ballot.reason,
        ),
    )
    return answer(approval_document(committed.value))


@router.get("/{call_id}")
def show_call(reader: Reading, control: Installation, call_id: str) -> Response:
    """Shows one call, and which fields are sealed with its request and its outcome. Each is opened by an act.

    The beginning of an id will do where one call alone has it.
    """
    entry = named_call(control, reader, call_id, _reads)
    document = _document(control, entry)
    parts = {"request": document["call"], "outcome": document["outcome"]}
    return answer(document | {"sealed": {part: _sealed(control, entry) for part, entry in parts.items()}})


@router.get("/{call_id}/labels")
def call_labels(reader: Reading, control: Installation, call_id: str) -> Response:
    """Returns whose word each text of a call, and of its answer, was taken for, and why; empty where nothing labels."""
    entry = named_call(control, reader, call_id, _reads)
    with control.snapshot() as records:
        labelled = [one for _, one in records.scan(LABEL_ENTRIES, f"{entry.id}/")]
    found = {one.stage: one for one in map(CALL_LABELLED.read, map(control.log.entry, labelled))}
    return answer({stage: _trail(found[stage]) for stage in (REQUEST, ANSWER) if stage in found})


@router.get("/{call_id}/explanation")
def explain(reader: Reading, control: Installation, call_id: str) -> Response:
    """Returns why a call of the reader's organization ended as it did, and what would make it pass."""
    entry = named_call(control, reader, call_id, _is_told_why)
    with control.snapshot() as records:
        return answer(explain_call(control.log, records, entry))


@router.post("/{call_id}/appeal")
async def appeal(signed: SignedJson[Lodge], control: Installation, call_id: str) -> Response:
    """Lodges an appeal against how a call of the signer's organization ended. There is one for each call."""
    reason = signed.body.reason
    entry = await asyncio.to_thread(call_entry, control.log, call_id)
    committed = await commit(
        control.writer,
        lambda tx: lodge_appeal(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            call=call_id,
            organization=OrganizationId(str(entry.body["organization"])),
            reason=reason,
        ),
    )
    return answer(appeal_document(committed.value))


def _reads(records: Records, reader: Reader, entry: Entry) -> bool:
    return concerns(records, reader, str(entry.body["principal"]))


def _is_told_why(_records: Records, reader: Reader, entry: Entry) -> bool:
    own = reader.principal == entry.body["principal"]
    return reader.local or own or (reader.in_agreement and reader.organization == entry.body["organization"])


def _trail(labelled: CallLabelled) -> dict[str, Any]:
    return {
        "context": labelled.context,
        "blocks": [
            {"at": one.at, "source": one.source, "integrity": one.integrity, "why": one.why} for one in labelled.blocks
        ],
        "unlisted": labelled.unlisted,
        "prompts": labelled.prompts,
    }


def _reads_held(records: Records, reader: Reader, one: HeldCall | HeldAnswer) -> bool:
    approval = find(records, one.held.approval)
    return concerns(records, reader, one.held.principal) or votes(reader, approval.proposal.groups)


def _held(records: Records, one: HeldCall | HeldAnswer) -> dict[str, Any]:
    approval = find(records, one.held.approval)
    told = {"kind": approval.proposal.kind, "entry": one.entry, "at": rfc3339(one.at)}
    field = {"field": one.sealed_as} if isinstance(one, HeldAnswer) else {}
    return asdict(one.held) | told | field | {"approval": approval_document(approval)}


def latest_calls(control: Control) -> Iterator[Entry]:
    """Yields the entries that the latest calls begin with, log by log."""
    for origin in control.log.origins():
        start = max(0, control.log.size(origin) - ENTRIES_MAX)
        for entry in control.log.entries(origin, start):
            if begins_call(entry):
                yield entry


def _document(control: Control, entry: Entry) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "call": entry.id,
        "at": rfc3339(entry.at),
        "origin": entry.origin,
        "index": entry.index,
        "outcome": None,
    }
    if entry.type == CALL_REFUSED.name:
        return shown | {"state": "refused", "why": entry.body["code"]} | dict(entry.body)
    with control.snapshot() as records:
        ended = records.get(ENDED_CALLS, entry.id)
    shown |= {"state": "running"} | dict(entry.body)
    found = placed(control.log, ended.outcome) if ended else None
    if found is None:
        return shown
    outcome = CALL_OUTCOME.read(found)
    return shown | {
        "outcome": found.id,
        "state": outcome.end,
        "why": outcome.why,
        "clause": outcome.clause,
        "released_bytes": outcome.released_bytes,
        "prompt_tokens": outcome.prompt_tokens,
        "completion_tokens": outcome.completion_tokens,
    }


def _sealed(control: Control, entry_id: str | None) -> list[dict[str, Any]]:
    facts = sealed_facts(control, entry_id) if entry_id else []
    return [{"entry": one.entry, "field": one.field, "readers": sorted(one.readers)} for one in facts]

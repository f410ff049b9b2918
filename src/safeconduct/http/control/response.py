"""Response actions: propose, vote, run, roll back; and the tokens with which firewalls fetch the list."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from fastapi import APIRouter, Response

from safeconduct import approvals
from safeconduct.access.acts import ProgramElectorate
from safeconduct.access.reading_rights import Reader, votes
from safeconduct.access.secrets import make_secret, secret_hash
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.ballots import SignedBallot, approval_document
from safeconduct.http.control.bodies import SignedAlone, SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.kernel.beginnings import the_only
from safeconduct.kernel.ids import ActionId, ClaimId, IncidentId
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.soc.actions import ending, proposing
from safeconduct.soc.actions.grounds import ActionProposal, Stored, candidates
from safeconduct.soc.actions.kinds import BLOCK_IP
from safeconduct.soc.actions.list_tokens import issue_list_token
from safeconduct.soc.actions.model import Action
from safeconduct.soc.actions.reading import actions, begun_actions, find, unknown_action, voters
from safeconduct.soc.claim_events import claim_record, claims_of
from safeconduct.soc.incidents.reading import incident_record
from safeconduct.soc.ingesting import HOUSE_OWNED

router = APIRouter(prefix="/api/v1", tags=["actions"])


class Propose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to do against what, because of which claims; without any, all verified ones that name the target."""

    target: str
    kind: str = BLOCK_IP
    claims: tuple[ClaimId, ...] = ()


class Holder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who gets a token, such as one firewall."""

    holder: str


@router.post("/incidents/{incident_id}/actions")
async def propose(control: Installation, signed: SignedJson[Propose], incident_id: str) -> Response:
    """Proposes an action and puts it to the vote, or has it approved by the program's playbook."""
    asked = signed.body
    wanted, stored = await asyncio.to_thread(_grounds, control, incident_id, asked)
    committed = await commit(
        control.writer,
        lambda tx: proposing.propose(
            tx, signed.act, wanted, stored, operation=signed.operation, content=signed.content
        ),
    )
    return _shown(control, committed.value)


@router.get("/actions")
async def list_actions(control: Installation, reader: Reading) -> Response:
    """Lists the actions that the reader may read, oldest first."""
    with control.snapshot() as records:
        found = [action for action in actions(records) if reads_action(records, reader, action)]
        return answer([_document(records, action) for action in found])


@router.get("/actions/{action_id}")
async def show(control: Installation, reader: Reading, action_id: str) -> Response:
    """Shows an action: what it rests on, how it is undone, how its effect is seen.

    The beginning of an id will do where one action alone has it.
    """
    with control.snapshot() as records:
        begun = begun_actions(records, action_id)
        read = {action.id: action for action in begun if reads_action(records, reader, action)}
        return answer(_document(records, the_only(read, action_id, "action", unknown_action(action_id))))


@router.post("/actions/{action_id}/vote")
async def vote(control: Installation, signed: SignedBallot, action_id: str) -> Response:
    """Casts a vote. Its body is the ballot, byte for byte: that is what the voter signs."""
    ballot = signed.body
    return await _change(
        control,
        lambda tx: proposing.vote(
            tx, ProgramElectorate(), ActionId(action_id), ballot.verdict, signed.act, operation=signed.operation
        ),
    )


@router.post("/actions/{action_id}/run")
async def run(control: Installation, signed: SignedAlone, action_id: str) -> Response:
    """Carries out an approved action, and looks whether it took effect."""
    return await _change(
        control,
        lambda tx: proposing.run(
            tx, signed.act, ActionId(action_id), operation=signed.operation, content=signed.content
        ),
    )


@router.post("/actions/{action_id}/roll-back")
async def roll_back(control: Installation, signed: SignedAlone, action_id: str) -> Response:
    """Undoes an action, and looks whether it is undone."""
    return await _change(
        control,
        lambda tx: ending.roll_back(
            tx, signed.act, ActionId(action_id), operation=signed.operation, content=signed.content
        ),
    )


@router.post("/lists/block-ip/tokens")
async def issue_token(control: Installation, signed: SignedJson[Holder]) -> Response:
    """Gives a holder a token for the list and shows it, this once. A former one of theirs ends."""
    holder = signed.body.holder
    token = make_secret(control.entropy)
    await commit(
        control.writer,
        lambda tx: issue_list_token(
            tx, signed.act, secret_hash(token), holder=holder, operation=signed.operation, content=signed.content
        ),
    )
    address = f"/edl/{BLOCK_IP}.txt?{urlencode({'token': token}, quote_via=quote)}"
    return answer({"list": BLOCK_IP, "holder": holder, "token": token, "address": (control.lists_url or "") + address})


async def _change(control: Control, command: Callable[[Transaction], Action]) -> Response:
    committed = await commit(control.writer, command)
    # The effect looks at the list over HTTP; without a server it waits for one.
    await control.settle()
    return _shown(control, committed.value)


def reads_action(records: Records, reader: Reader, action: Action) -> bool:
    """Tells whether an action is the reader's to see: one of the partner's people, or who votes."""
    return reader.of_house or votes(reader, voters(records, action))


def _shown(control: Control, action: Action) -> Response:
    with control.snapshot() as records:
        return answer(_document(records, find(records, action.id)))


def _grounds(control: Control, incident_id: str, asked: Propose) -> tuple[ActionProposal, Stored]:
    with control.snapshot() as records:
        found = incident_record(records, incident_id)
        incident = IncidentId(found.id)
        kept = list(claims_of(records, incident))
    cited = {place.event for record in kept for place in record.claim.evidence}
    stored = control.archives.of(HOUSE_OWNED).events.many(cited)
    claims = asked.claims
    if not claims:
        with control.snapshot() as records:
            offered = candidates(records, incident, kept, stored)
        claims = next((one.claims for one in offered if (one.kind, one.target) == (asked.kind, asked.target)), ())
    return ActionProposal(incident=incident, kind=asked.kind, target=asked.target, claims=claims), stored


def _document(records: Records, action: Action) -> dict[str, Any]:
    approval = approval_document(approvals.find(records, action.approval)) if action.approval else None
    return {
        "id": action.id,
        "kind": action.kind,
        "target": action.target,
        "state": action.state,
        "states": action.states,
        "absence": action.absence,
        "incident": action.incident,
        "claims": [_claim(records, action.incident, claim) for claim in action.claims],
        "proposed_by": action.proposed_by,
        "proposed_at": rfc3339(action.proposed_at),
        "expires_at": rfc3339(action.expires_at),
        "approval": approval,
        "playbook": action.playbook,
        "why": action.why,
        "points": action.reports,
        "precondition": action.precondition,
        "inverse": action.inverse,
        "list": action.inverse.list,
    }


def _claim(records: Records, incident: IncidentId, claim: ClaimId) -> dict[str, Any]:
    record = claim_record(records, incident, claim)
    return {"id": claim, "outcome": record.claim.outcome if record else "unknown"}

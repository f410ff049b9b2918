"""What the page for passkeys shows of an act that somebody is to sign: the exact text, and what each choice sends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Response

from safeconduct import approvals
from safeconduct.access import records as kept
from safeconduct.access.appeals import appeals_for
from safeconduct.access.grant_requests import find as find_grant
from safeconduct.access.grant_requests import reads_case, unknown_grant
from safeconduct.access.opening_events import OPENINGS
from safeconduct.access.passkey_events import find as find_passkey
from safeconduct.access.reading_rights import Reader, concerns, reads_freeze
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.ballots import proposal_document
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer
from safeconduct.http.control.openings import reads_opening
from safeconduct.http.control.response import reads_action
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.errors import AbsentError, ConflictError
from safeconduct.kernel.ids import ActionId, ApprovalId
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.soc.actions.reading import find as find_action
from safeconduct.soc.actions.reading import unknown_action

router = APIRouter(prefix="/api/v1/to-sign", tags=["passkeys"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One thing that can be signed: the route and the body. `asks` names the field that the signer types, if any."""

    label: str
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    asks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSign:
    """An act to be signed. `text` is what it is about, byte for byte; a vote's `proposal` is made of its digest."""

    title: str
    text: str
    choices: tuple[Choice, ...]
    proposal: Mapping[str, Any] | None = None


@router.get("/{kind}/{subject}")
def show(reader: Reading, control: Installation, kind: str, subject: str) -> Response:
    """Returns what somebody is asked to sign, and what each choice would send: kind and id as on the page's address."""
    if kind not in KINDS:
        text = f"there is nothing of kind {kind[:32]!r} to sign on a page; there is {', '.join(sorted(KINDS))}"
        raise AbsentError(text, code="kind-unknown")
    with control.snapshot() as records:
        return answer(KINDS[kind](records, reader, subject))


def _grant(records: Records, reader: Reader, grant_id: str) -> ToSign:
    case = find_grant(records, grant_id)
    if not reads_case(records, reader, case):
        raise unknown_grant(grant_id)
    if case.approval is None:
        raise ConflictError(f"nobody votes on grant {grant_id}", code=f"grant-{case.state}")
    approval = approvals.find(records, case.approval)
    return _vote(approval, f"A grant for {case.draft.principal}", case.draft.text, f"/api/v1/grants/{case.id}/vote")


def _opening(records: Records, reader: Reader, approval_id: str) -> ToSign:
    found = records.get(OPENINGS, approval_id)
    if found is None or not reads_opening(records, reader, found):
        raise AbsentError(f"no opening {approval_id[:64]!r} was put to the vote", code="approval-unknown")
    about = {"entry": found.entry, "field": found.field, "reason": found.reason, "opener": found.by}
    approval = approvals.find(records, ApprovalId(approval_id))
    title = f"{found.by} wants to open a sealed field"
    return _vote(approval, title, canonical(about).decode(), f"/api/v1/logs/openings/{approval_id}/vote")


def _action(records: Records, reader: Reader, action_id: str) -> ToSign:
    found = find_action(records, ActionId(action_id))
    if not reads_action(records, reader, found):
        raise unknown_action(action_id)
    approval = approvals.find(records, found.approval)
    return _vote(approval, f"{found.kind} {found.target}", found.text, f"/api/v1/actions/{found.id}/vote")


def _vote(approval: approvals.Approval, title: str, text: str, path: str) -> ToSign:
    verdicts = {"Approve": approvals.Verdict.APPROVE, "Deny": approvals.Verdict.REJECT}
    open_ = approval.state is approvals.State.PROPOSED
    choices = tuple(
        Choice(label=label, path=path, body={"draft": approval.digest, "verdict": verdict})
        for label, verdict in verdicts.items()
        if open_
    )
    return ToSign(title=title, text=text, choices=choices, proposal=proposal_document(approval))


def _appeal(records: Records, reader: Reader, call: str) -> ToSign:
    found = next((one for one in appeals_for(records, reader) if one.call == call), None)
    if found is None:
        raise AbsentError(f"no appeal against call {call[:64]!r} is yours to see", code="appeal-unknown")
    text = _lines(call=found.call, by=found.by, of=found.organization, at=rfc3339(found.at), because=found.reason)
    path = f"/api/v1/appeals/{call}/decide"
    choices = (
        Choice(label="Uphold the appeal", path=path, body={"upheld": True}, asks="reason"),
        Choice(label="Reject the appeal", path=path, body={"upheld": False}, asks="reason"),
    )
    return ToSign(title="An appeal", text=text, choices=choices if found.decision is None else ())


def _unfreeze(records: Records, reader: Reader, freeze_id: str) -> ToSign:
    found = records.get(kept.FREEZES, freeze_id)
    if found is None or not reads_freeze(records, reader, found.selector):
        raise AbsentError(f"no freeze {freeze_id[:64]!r} is in force", code="freeze-unknown")
    text = _lines(freeze=found.id, stops=str(found.selector), by=found.by, at=rfc3339(found.at), because=found.reason)
    choice = Choice(label="Say that this freeze may end", path=f"/api/v1/freezes/{found.id}/end")
    return ToSign(title=f"The freeze of {found.selector}", text=text, choices=(choice,))


def _passkey(records: Records, reader: Reader, passkey_id: str) -> ToSign:
    found = find_passkey(records, passkey_id)
    if found is None or not concerns(records, reader, found.principal):
        raise AbsentError(f"no passkey {passkey_id[:64]!r} is registered", code="passkey-absent")
    text = _lines(passkey=found.id, of=found.principal, registered=rfc3339(found.at), state=found.state)
    path = f"/api/v1/passkeys/{found.id}"
    choices = (
        Choice(label="Confirm", path=f"{path}/confirm", asks="fingerprint"),
        Choice(label="Revoke", path=f"{path}/revoke", asks="reason"),
    )
    return ToSign(title=f"A passkey of {found.principal}", text=text, choices=choices)


def _lines(**facts: str) -> str:
    return "".join(f"{name}: {_within(value)}\n" for name, value in facts.items())


def _within(value: str) -> str:
    """Returns a value none of whose lines reads as another fact: what somebody wrote may look like one."""
    return "\n  ".join(value.splitlines())


KINDS: Mapping[str, Callable[[Records, Reader, str], ToSign]] = {
    "grant": _grant,
    "opening": _opening,
    "action": _action,
    "appeal": _appeal,
    "unfreeze": _unfreeze,
    "passkey": _passkey,
}
"""What can be signed on a page, and what is shown of it."""

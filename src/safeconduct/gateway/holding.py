"""A call that is held for a person: put to the vote under the digest of exactly that call, and let through once.

The caller is refused with the approval's id, and sends the same bytes again when it was approved.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct import approvals
from safeconduct.access import records as kept
from safeconduct.access.acts import recused
from safeconduct.gateway.prepared import Hold, Prepared
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.errors import AbsentError, RefusedError
from safeconduct.kernel.ids import ApprovalId
from safeconduct.kernel.instants import HOUR, Duration, Instant, rfc3339
from safeconduct.kernel.ports import Collection, Projection, Records, State, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.events import EventType

SUBJECT = "call"
"""The key of the program's approvals that says who approves held calls. Without it nobody can."""

TOOL_CALL = "tool-call"
"""The key that says who approves turns of tool calls, which a model proposes and the path's sinks ask about."""

APPROVAL_LIFETIME: Duration = HOUR
"""How long a held call may be approved and then made: an hour. Later it is another situation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHeld:
    """A call, or its answer's tool calls, were put to the vote. `content` is the digest approved. Sealed: `request`.

    `restriction` is the clause that had it held: a restriction, a scope whose targets it goes beyond, a sink. Of tool
    calls the approval is of kind `tool-call`, its content `turn_content`, and `request` says what was proposed.
    """

    approval: ApprovalId
    content: str
    restriction: str
    principal: str
    organization: str
    path: str
    purpose: str
    model: str
    request_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCall:
    """A held call as those who vote find it. `entry` has the request, sealed."""

    entry: str
    at: Instant
    held: CallHeld


CALL_HELD = EventType("gateway.call.held/1", CallHeld, Retention.CALL)
HELD_CALLS = Collection("held-calls", HeldCall)  # at the content's digest: the last that was put to the vote


def _held(state: State, entry: Entry) -> None:
    event = CALL_HELD.read(entry)
    state.put(HELD_CALLS, event.content, HeldCall(entry=entry.id, at=entry.at, held=event))


PROJECTIONS: Mapping[str, Projection] = {CALL_HELD.name: _held}


def held_content(prepared: Prepared) -> str:
    """Returns the digest of exactly this call: its bytes, path version, model, principal, grant and purpose."""
    return digest(
        {
            "request_sha256": prepared.request_sha256,
            "path": prepared.path.id,
            "path_digest": prepared.path.digest,
            "dialect": prepared.arrival.dialect,
            "model": prepared.model.version,
            "principal": prepared.principal.id,
            "grant": prepared.grant.id,
            "purpose": prepared.purpose,
        }
    )


def approval_of(tx: Transaction, prepared: Prepared, hold: Hold) -> approvals.Approval:
    """Returns the approval of a held call: the one that is open or approved, else one that this puts to the vote.

    Raises:
        RefusedError: `no-approvers`: the program names nobody who approves calls.
    """
    content = held_content(prepared)
    known = tx.get(HELD_CALLS, content)
    if known is not None:
        found = approvals.find(tx, known.held.approval)
        usable = found.state in (approvals.State.PROPOSED, approvals.State.APPROVED)
        if usable and tx.now < found.proposal.expires_at:
            return found
    rule = tx.get(kept.APPROVAL_RULES, SUBJECT)
    proposal = approvals.Proposal(
        kind=SUBJECT,
        content=content,
        proposer=prepared.principal.id,
        groups=rule.groups if rule else (),
        expires_at=Instant(tx.now + APPROVAL_LIFETIME),
        recused=recused(tx, prepared.principal.id),
    )
    proposed = approvals.propose(tx, prepared.path.origin, proposal)
    event = CallHeld(
        approval=proposed.id,
        content=content,
        restriction=hold.clause.removeprefix("restriction:"),
        principal=prepared.principal.id,
        organization=prepared.principal.organization,
        path=prepared.path.id,
        purpose=prepared.purpose,
        model=prepared.asked.model,
        request_sha256=prepared.request_sha256,
    )
    sealed = {"request": prepared.asked.body.decode()}
    tx.append(prepared.path.origin, CALL_HELD.draft(event, sealed=sealed, subject=prepared.principal.id))
    return proposed


def approval_required(approval: approvals.Approval, hold: Hold) -> RefusedError:
    """Returns the refusal of a call that waits for its approval."""
    until = rfc3339(approval.proposal.expires_at)
    return RefusedError(
        f"{hold.text}: approval {approval.id} is {approval.state}",
        code="approval-required",
        clause=hold.clause,
        remedy=f"have it approved with safeconduct call approve {approval.id}, then send the same bytes until {until}",
    )


def vote_on_call(
    tx: Transaction,
    electorate: approvals.Electorate,
    approval_id: ApprovalId,
    verdict: approvals.Verdict,
    signed: SignedAct,
    *,
    operation: str,
    reason: str = "",
) -> approvals.Approval:
    """Casts a vote on a held call.

    Raises:
        AbsentError: `approval-unknown`: there is none, or it is of something else.
        SafeconductError: as `approvals.vote`.
    """
    if approvals.find(tx, approval_id).proposal.kind not in (SUBJECT, TOOL_CALL):
        raise AbsentError(f"no approval {approval_id!r} of a call", code="approval-unknown")
    return approvals.vote(tx, electorate, approval_id, verdict, signed, operation=operation, reason=reason)


def held_calls(records: Records) -> list[HeldCall]:
    """Returns the calls that were put to the vote, oldest first."""
    return sorted((one for _, one in records.scan(HELD_CALLS)), key=lambda one: one.entry)

"""Grants by request: drafted, voted on by both parties, issued with the last vote, ended by time or at once.

Whoever asks, holds or sponsors it has no vote on it. Nothing is renewed: another request names the one it follows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from safeconduct import approvals
from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate, refuse_frozen, require
from safeconduct.access.break_glass import open_review
from safeconduct.access.budgets import Budget
from safeconduct.access.cosigning import witness_of
from safeconduct.access.grant_conditions import parse_conditions
from safeconduct.access.grant_events import (
    CLOSED,
    GRANT_CASES,
    ISSUED,
    REQUESTED,
    GrantClosed,
    GrantIssued,
    GrantRequested,
)
from safeconduct.access.grant_model import GrantCase, GrantDraft, GrantState, GrantStep
from safeconduct.access.grant_rules import check_asker, check_draft, check_electable, groups_for, path_of, principal_of
from safeconduct.access.model.grants import Conditions, GrantOrigin
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.windows import Window
from safeconduct.access.reading_rights import Reader, concerns, reader_as, votes
from safeconduct.access.reasons import check_reason
from safeconduct.kernel.errors import AbsentError, ConflictError, RefusedError
from safeconduct.kernel.ids import EntryId, GrantId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody asks for. Purpose and scope default to the path's, the tier to the most without elevation."""

    principal: PrincipalId
    path: PathId
    closes_at: Instant
    reason: str
    opens_at: Instant | None = None
    purpose: str = ""
    scope: str = ""
    tier: int | None = None
    budget: Budget | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)


def request_grant(tx: Transaction, signed: SignedAct, wanted: Wanted, *, operation: str, content: str) -> GrantCase:
    """Asks for a grant: puts exactly this to the vote of the groups that the program names for its tier.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `no-approvers`, `approval-lockout`.
        SafeconductError: as `check_draft` and `parse_conditions`; `reason-missing`.
    """
    signer = _signer(tx, signed, operation=operation, content=content)
    return _ask(tx, signed, signer, _draft(tx, wanted))


def reissue(
    tx: Transaction, signed: SignedAct, grant_id: GrantId, reason: str, *, operation: str, content: str
) -> GrantCase:
    """Asks for what a grant was, once more, for as long: from its end on, or from now if it is over.

    Raises:
        AbsentError: `grant-unknown`, or none that was requested.
        RefusedError: `break-glass-once`.
        ConflictError: `grant-asked`, `grant-waiting`: it is not even in force yet.
        SafeconductError: as `request_grant`.
    """
    signer = _signer(tx, signed, operation=operation, content=content)
    old = _found_by(tx, signer, grant_id)
    if old.draft.origin is GrantOrigin.BREAK_GLASS:
        raise RefusedError("a break-glass is never re-issued", code="break-glass-once", remedy="request a grant")
    if old.state in (GrantState.ASKED, GrantState.WAITING):
        raise ConflictError(f"grant {old.id} is {old.state}: there is nothing to follow", code=f"grant-{old.state}")
    begins = old.draft.window.closes_at if old.state is GrantState.IN_FORCE else tx.now
    length = old.draft.window.closes_at - old.draft.window.opens_at
    principal = principal_of(tx, old.draft.principal)
    again = replace(
        old.draft,
        path_digest=path_of(tx, old.draft.path).digest,
        elevated=old.draft.tier > principal.tier,
        window=Window(opens_at=begins, closes_at=Instant(begins + length)),
        reason=reason,
        replaces=old.id,
    )
    return _ask(tx, signed, signer, again)


def vote(
    tx: Transaction,
    electorate: approvals.Electorate,
    grant_id: GrantId,
    verdict: approvals.Verdict,
    signed: SignedAct,
    *,
    operation: str,
) -> GrantCase:
    """Casts a signed vote on a request. The last one that was needed issues the grant, in this transaction.

    Raises:
        AbsentError: `grant-unknown`.
        ConflictError: `grant-STATE`: voting is over; `draft-stale`.
        SafeconductError: as `approvals.vote`, and for approving as `check_draft`.
    """
    case = find(tx, grant_id)
    if case.approval is None:
        raise ConflictError(f"grant {case.id} is {case.state}: nobody votes on it", code=f"grant-{case.state}")
    if verdict is approvals.Verdict.APPROVE and case.state is GrantState.ASKED:
        check_draft(tx, case.draft, tx.now)
    voted = approvals.vote(tx, electorate, case.approval, verdict, signed, operation=operation)
    if voted.state is approvals.State.REJECTED:
        return _close(tx, case, GrantStep.DENY, f"{voted.votes[-1].voter} voted against it")
    return issue(tx, case, voted) if voted.state is approvals.State.APPROVED else find(tx, grant_id)


def revoke(
    tx: Transaction, signed: SignedAct, grant_id: GrantId, reason: str, *, operation: str, content: str
) -> GrantCase:
    """Ends a grant at once, in this transaction; what runs under it is cut. Who holds or sponsors it may too.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        AbsentError: `grant-unknown`: none of that name was requested; the program's own end by the program.
        ConflictError: `grant-STATE`: it is not in force.
        InvalidInputError: `reason-missing`.
    """
    signer = _signer(tx, signed, operation=operation, content=content)
    case = _found_by(tx, signer, grant_id)
    principal = tx.get(kept.PRINCIPALS, case.draft.principal)
    if principal is None or signer.id not in (principal.id, principal.sponsor):
        require(signer, Capability.REVOKE_GRANT)
    check_reason(reason, "a revocation")
    case.step(GrantStep.REVOKE, case.id)
    return _close(tx, case, GrantStep.REVOKE, reason, by=signer.id, signed=signed)


def withdraw(tx: Transaction, signed: SignedAct, grant_id: GrantId, *, operation: str, content: str) -> GrantCase:
    """Takes a request back that is not decided yet, by whoever made it and nobody else; the vote on it is over.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `not-yours-to-withdraw`.
        AbsentError: `grant-unknown`.
        ConflictError: `grant-STATE`: it is decided.
    """
    signer = _signer(tx, signed, operation=operation, content=content)
    case = _found_by(tx, signer, grant_id)
    if signer.id != case.by:
        raise RefusedError(
            f"{case.by} made request {case.id}, and nobody else takes it back",
            code="not-yours-to-withdraw",
            clause=f"grant:{case.id}",
            remedy=f"who votes on it can deny it: safeconduct grant deny {case.id}",
        )
    case.step(GrantStep.WITHDRAW, case.id)
    if case.approval is not None:
        approvals.withdraw(tx, case.approval)
    return _close(tx, case, GrantStep.WITHDRAW, "it was taken back", by=signer.id, signed=signed)


def end(tx: Transaction, grant_id: GrantId, why: str) -> GrantCase:
    """Ends a grant in force that is not wanted any more, on behalf of what was decided about it elsewhere.

    Raises:
        AbsentError: `grant-unknown`.
    """
    return _close(tx, find(tx, grant_id), GrantStep.REVOKE, why)


def close_due(tx: Transaction, grant_id: GrantId) -> GrantCase:
    """Ends what time has ended: a request that nobody decided, or a grant whose window closed. Its timer calls this.

    Raises:
        AbsentError: `grant-unknown`.
        ConflictError: `grant-open`: it is not due.
    """
    case = find(tx, grant_id)
    asked = case.state is GrantState.ASKED
    due_at = case.decide_by if asked else case.draft.window.closes_at
    if tx.now < due_at:
        raise ConflictError(f"grant {case.id} is {case.state}, and is not due", code="grant-open")
    if asked:
        return _close(tx, case, GrantStep.LAPSE, "nobody decided in time")
    return _close(tx, case, GrantStep.END, "its window closed")


def find(records: Records, grant_id: str) -> GrantCase:
    """Returns a grant that was requested, whatever became of it.

    Raises:
        AbsentError: `grant-unknown`.
    """
    found = records.get(GRANT_CASES, grant_id)
    if found is None:
        raise unknown_grant(grant_id)
    return found


def reads_case(records: Records, reader: Reader, case: GrantCase) -> bool:
    """Tells whether somebody may know of a request: whom it concerns, who made it, and who votes on it."""
    approval = approvals.find(records, case.approval) if case.approval else None
    mine = reader.principal == case.by or (approval is not None and votes(reader, approval.proposal.groups))
    return mine or concerns(records, reader, case.draft.principal)


def _found_by(records: Records, signer: Principal, grant_id: str) -> GrantCase:
    case = find(records, grant_id)
    if not reads_case(records, reader_as(records, signer), case):
        raise unknown_grant(grant_id)
    return case


def unknown_grant(grant_id: str) -> AbsentError:
    """Returns the one answer about a grant that is not there, and about one that is not the reader's."""
    return AbsentError(
        f"no grant {grant_id[:64]!r} was requested",
        code="grant-unknown",
        remedy="safeconduct grant list --all; what the program file grants is changed there",
    )


def cases(records: Records) -> Iterator[GrantCase]:
    """Yields every request there ever was, oldest first."""
    return (case for _, case in records.scan(GRANT_CASES))


def put_to_vote(
    tx: Transaction, signed: SignedAct, draft: GrantDraft, by: Principal, proposal: approvals.Proposal | None
) -> GrantCase:
    """Enters a request in the log, with what is voted on; None where nobody has to."""
    origin = kept.require_agreement(tx).origin
    approval = approvals.propose(tx, origin, proposal) if proposal else None
    event = GrantRequested(
        draft=draft,
        content=draft.digest,
        by=by.id,
        approval=approval.id if approval else None,
        decide_by=proposal.expires_at if proposal else draft.window.closes_at,
    )
    return find(tx, tx.append(origin, REQUESTED.draft(event, act=signed.envelope())).id)


def issue(tx: Transaction, case: GrantCase, approval: approvals.Approval | None) -> GrantCase:
    """Issues what was approved, and uses the approval up. An elevation waits for the partner's cosignature."""
    agreement = kept.require_agreement(tx)
    waits = case.draft.elevated and case.draft.origin is GrantOrigin.REQUEST
    event = GrantIssued(
        grant=GrantId(case.id), agreement_origin=agreement.origin, witness=witness_of(agreement) if waits else None
    )
    entry = tx.append(agreement.origin, ISSUED.draft(event))
    if approval is not None:
        approvals.consume(tx, approval.id, content=case.draft.digest, by=entry.id)
    if case.draft.origin is GrantOrigin.BREAK_GLASS:
        open_review(tx, case, approval)
    return find(tx, case.id)


def _signer(tx: Transaction, signed: SignedAct, *, operation: str, content: str) -> Principal:
    signer = authenticate(tx, signed, operation=operation, content=content, now=tx.now)
    refuse_frozen(tx, signer)
    return signer


def _draft(tx: Transaction, wanted: Wanted) -> GrantDraft:
    principal, path = principal_of(tx, wanted.principal), path_of(tx, wanted.path)
    tier = min(path.tier, principal.tier) if wanted.tier is None else wanted.tier
    return GrantDraft(
        principal=principal.id,
        path=path.id,
        path_digest=path.digest,
        purpose=wanted.purpose or path.purpose,
        scope=wanted.scope or path.scope,
        tier=tier,
        elevated=tier > principal.tier,
        window=Window(opens_at=tx.now if wanted.opens_at is None else wanted.opens_at, closes_at=wanted.closes_at),
        budget=wanted.budget,
        conditions=parse_conditions(wanted.conditions),
        reason=wanted.reason,
    )


def _ask(tx: Transaction, signed: SignedAct, signer: Principal, draft: GrantDraft) -> GrantCase:
    check_reason(draft.reason, "a grant")
    principal = principal_of(tx, draft.principal)
    check_asker(signer, principal)
    check_draft(tx, draft, tx.now)
    _check_conditions(tx, draft.conditions)
    subject, groups = groups_for(tx, draft.tier)
    barred = tuple(sorted({one for one in (principal.id, principal.sponsor) if one} - {signer.id}))
    proposal = approvals.Proposal(
        kind=subject,
        content=draft.digest,
        proposer=signer.id,
        groups=groups,
        expires_at=Instant(min(tx.now + approvals.LIFETIME_MAX, draft.window.closes_at)),
        recused=barred,
    )
    check_electable(tx, subject, groups, (signer.id, *barred))
    return put_to_vote(tx, signed, draft, signer, proposal)


def _check_conditions(records: Records, conditions: Conditions) -> None:
    if conditions.hold and records.get(kept.APPROVAL_RULES, "call") is None:
        raise RefusedError(
            "nobody is named to approve calls, so every call under this grant would be refused",
            code="no-approvers",
            clause="approvals.call",
            remedy="name groups under approvals.call in the program file, or leave the condition out",
        )


def _close(
    tx: Transaction, case: GrantCase, step: GrantStep, why: str, *, by: str = "", signed: SignedAct | None = None
) -> GrantCase:
    event = GrantClosed(grant=GrantId(case.id), step=step, by=by, why=why)
    origin = kept.require_agreement(tx).origin
    tx.append(origin, CLOSED.draft(event, act=signed.envelope() if signed else None))
    return find(tx, EntryId(case.id))

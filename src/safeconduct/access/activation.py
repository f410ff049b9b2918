"""Two-party activation: policies change only as both parties voted, to the byte (docs/spec/policy.md section 7).

It holds where the program in force has `approvals.policy`. Who votes is voted on with the text: else whoever applies
programs could first drop the rule.
"""

from collections.abc import Iterator

import msgspec

from safeconduct import approvals
from safeconduct.access import records as kept
from safeconduct.access.activation_events import (
    LATEST_PROPOSALS,
    PROPOSALS,
    PROPOSED,
    PoliciesProposed,
    ProposedPolicies,
)
from safeconduct.access.acts import Capability, authenticate_act, recused
from safeconduct.access.program import Program
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.errors import AbsentError, ConflictError, RefusedError, TooLargeError
from safeconduct.kernel.ids import ApprovalId, EntryId
from safeconduct.kernel.instants import DAY, Duration, Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.events import encoded_size

RULE = "policy"
"""Its key under `approvals`."""

DECISION_TIME = Duration(3 * DAY)
"""How long proposed policies wait for votes, and then to be applied: over a weekend."""

TEXT_BYTES_MAX = 48 * 1024
"""Bytes of policies that can be put to the vote: they stand in one entry, and a program's record has no more room."""


def voted_on(program: Program) -> str:
    """Returns the digest that votes on a program's policies are over: the text, and who votes on the next."""
    rule = next((one for one in program.approvals if one.subject == RULE), None)
    return digest({"policies": program.policies.text, "approvals.policy": msgspec.to_builtins(rule)})


def needs_votes(records: Records, program: Program) -> bool:
    """Tells whether a program needs the votes of both parties: it changes the policies, or who votes on them."""
    rule, policies = records.get(kept.APPROVAL_RULES, RULE), records.get(kept.POLICIES, kept.POLICIES_KEY)
    if rule is None:
        return False
    return policies != program.policies or rule not in program.approvals


def propose(
    tx: Transaction, program: Program, signed: SignedAct, *, operation: str, content: str
) -> approvals.Approval:
    """Puts a program's policies to the vote.

    Raises:
        UnauthenticatedError, RefusedError: the signer is no administrator.
        ConflictError: `votes-not-needed`.
        TooLargeError: the text is over TEXT_BYTES_MAX.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.APPLY_PROGRAM
    )
    rule, text = tx.get(kept.APPROVAL_RULES, RULE), program.policies.text
    if rule is None or not needs_votes(tx, program):
        raise ConflictError("these policies can be applied without votes", code="votes-not-needed")
    if encoded_size(text) > TEXT_BYTES_MAX:
        raise TooLargeError(f"the policies take {encoded_size(text)} bytes, expected at most {TEXT_BYTES_MAX}")
    origin, wanted = kept.require_agreement(tx).origin, voted_on(program)
    proposal = approvals.Proposal(
        kind=RULE,
        content=wanted,
        proposer=signer.id,
        groups=rule.groups,
        expires_at=Instant(tx.now + DECISION_TIME),
        recused=recused(tx, signer.id),
    )
    approval = approvals.propose(tx, origin, proposal)
    event = PoliciesProposed(approval=approval.id, content=wanted, text=text, by=signer.id)
    tx.append(origin, PROPOSED.draft(event, act=signed.envelope()))
    return approval


def vote(
    tx: Transaction,
    electorate: approvals.Electorate,
    approval_id: ApprovalId,
    verdict: approvals.Verdict,
    signed: SignedAct,
    *,
    operation: str,
) -> approvals.Approval:
    """Casts a signed vote on proposed policies.

    Raises:
        AbsentError: `proposal-unknown`.
        UnauthenticatedError, RefusedError, ConflictError: as `approvals.vote`.
    """
    if tx.get(PROPOSALS, approval_id) is None:
        raise AbsentError(
            f"no policies were proposed as {approval_id[:64]!r}",
            code="proposal-unknown",
            remedy="safeconduct policy proposals lists them",
        )
    return approvals.vote(tx, electorate, approval_id, verdict, signed, operation=operation)


def proposals(records: Records) -> Iterator[ProposedPolicies]:
    """Yields all policies that were put to the vote, oldest first."""
    return (proposed for _, proposed in records.scan(PROPOSALS))


def approved(records: Records, program: Program, now: Instant) -> ApprovalId | None:
    """Returns the approval that lets a program be applied; None where it needs none.

    Raises:
        RefusedError: `policy-not-approved`: nobody voted on exactly these policies, or not enough, or too long ago.
    """
    if not needs_votes(records, program):
        return None
    latest = records.get(LATEST_PROPOSALS, voted_on(program))
    found = approvals.find(records, latest.approval) if latest else None
    if found is None or found.state is not approvals.State.APPROVED or now >= found.proposal.expires_at:
        state = f"its votes: {found.state}" if found else "nobody was asked to vote on exactly these"
        raise RefusedError(
            f"policies, and who votes on them, change only as both parties voted for ({state})",
            code="policy-not-approved",
            clause=f"approvals.{RULE}",
            remedy="safeconduct policy propose FILE, then safeconduct policy approve ID by the people of both parties",
        )
    return found.id


def use(tx: Transaction, approval_id: ApprovalId | None, program: Program, request: EntryId) -> None:
    """Uses up an approval for the request that it let through, in the same transaction."""
    if approval_id is not None:
        approvals.consume(tx, approval_id, content=voted_on(program), by=request)

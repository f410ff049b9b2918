"""From a proposal to its execution. Each use case validates and appends; what raises has changed nothing."""

from safeconduct import approvals
from safeconduct.access.acts import Capability, authenticate_act, recused
from safeconduct.access.model.rules import ResponseRule
from safeconduct.approvals import Electorate, Proposal
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.ids import ActionId, ApprovalId, PrincipalId
from safeconduct.kernel.instants import DAY, Duration, Instant, seconds
from safeconduct.kernel.ports import Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.actions import events
from safeconduct.soc.actions.edl import LISTS, active
from safeconduct.soc.actions.grounds import ActionProposal, Stored, refuse_ungrounded, technique_of, verified
from safeconduct.soc.actions.kinds import KINDS, kind_of
from safeconduct.soc.actions.limits import playbook_left, refuse_over_limit, refuse_second, rule_of
from safeconduct.soc.actions.model import Action, Precondition, Presence, Probe, Wanted, content_of, inverse_of
from safeconduct.soc.actions.reading import find, groups_for
from safeconduct.soc.actions.states import ActionState, Step
from safeconduct.soc.actions.targets import read_target, refuse_never
from safeconduct.soc.autonomy.model import Autonomy
from safeconduct.soc.owners import origin_of

DECISION_TIME: Duration = DAY
"""How long a proposed action waits for its votes. What was true of a target yesterday may not be today."""

UNASKED = ApprovalId("")
"""Stands for the approval where a playbook stood for the vote."""


def propose(
    tx: Transaction,
    signed: SignedAct,
    asked: ActionProposal,
    stored: Stored,
    *,
    operation: str,
    content: str,
) -> Action:
    """Proposes an action and puts it to the vote, or has it approved by the program's playbook.

    `stored` are the events that the claims cite.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not, or no program says how.
        InvalidInputError: the kind or the target is none, or no claims are named.
        RefusedError: `never-act`, `claim-not-verified`, `target-not-in-claims`, `no-approvers`.
        ConflictError: the target is held or proposed already.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.PROPOSE_RESPONSE
    )
    rule = rule_of(tx, kind_of(asked.kind).name)
    asked = ActionProposal(
        incident=asked.incident,
        kind=asked.kind,
        target=read_target(asked.kind, asked.target),
        claims=tuple(sorted(asked.claims)),
    )
    refuse_never(asked.target, rule)
    refuse_ungrounded(tx, asked, rule, stored)
    refuse_second(tx, asked.kind, asked.target)
    technique = technique_of(tx, asked, rule, stored) if playbook_left(tx, rule) else ""
    wanted = _wanted(asked, rule)
    approval = UNASKED if technique else _to_the_vote(tx, wanted, signer.id)
    action = _append(tx, wanted, approval, signed, signer.id)
    if technique:
        allowed = events.Preauthorized(action=action.id, technique=technique, clause=f"responses.{rule.kind}.playbook")
        tx.append(action.origin, events.PREAUTHORIZED.draft(allowed, subject=action.incident))
    return find(tx, action.id)


def vote(
    tx: Transaction,
    electorate: Electorate,
    action_id: ActionId,
    verdict: approvals.Verdict,
    signed: SignedAct,
    *,
    operation: str,
) -> Action:
    """Casts a signed vote on an action and returns the action after it.

    Raises:
        AbsentError: no such action, or one that needs no vote.
        UnauthenticatedError, RefusedError, ConflictError: as `approvals.vote`.
    """
    action = find(tx, action_id)
    approvals.vote(tx, electorate, action.approval, verdict, signed, operation=operation)
    return _decide(tx, action)


def run(tx: Transaction, signed: SignedAct, action_id: ActionId, *, operation: str, content: str) -> Action:
    """Carries out an approved action, until it expires.

    On our own list the target stands when this commits; elsewhere its points are told after it.

    Raises:
        AbsentError: no such action.
        UnauthenticatedError, RefusedError: the signer may not; `never-act`; it is not what was approved.
        LimitedError: as `refuse_over_limit`.
        ConflictError: it is not approved, its approval was used or has expired.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.PROPOSE_RESPONSE
    )
    action = _decide(tx, find(tx, action_id))
    action.step(Step.EXECUTE)
    _refuse_now(tx, action)
    if action.approval:
        approvals.consume(tx, action.approval, content=content_of(action), by=action.id)
    until = Instant(tx.now + seconds(action.expires_s))
    executing = events.Executing(
        action=action.id, by=signer.id, precondition=_precondition(tx, action.kind, action.target), until=until
    )
    tx.append(action.origin, events.EXECUTING.draft(executing, subject=action.incident, act=signed.envelope()))
    if KINDS[action.kind].own:
        # One transaction with the above: on our own list, executing is a change of our own state.
        tx.append(action.origin, events.DONE.draft(events.Done(action=action.id, until=until), subject=action.incident))
    return find(tx, action_id)


def _refuse_now(tx: Transaction, action: Action) -> None:
    # Again: the program may have changed since, and what protects a target wins over who approved.
    rule = rule_of(tx, action.kind)
    refuse_never(action.target, rule)
    refuse_over_limit(tx, action, rule)
    if set(action.points) - set(rule.points):
        raise ConflictError(
            f"the program no longer names all points of action {action.id}: propose it anew",
            code="points-changed",
            clause=f"responses.{action.kind}.points",
        )
    least = Autonomy.TRIAGE if action.approval else Autonomy.ACT  # without a vote, a playbook stood for it
    for claim in action.claims:  # which may have been checked again since, against what is stored now
        verified(tx, action.incident, claim, least)


def _wanted(asked: ActionProposal, rule: ResponseRule) -> Wanted:
    return Wanted(
        kind=asked.kind,
        target=asked.target,
        incident=asked.incident,
        claims=asked.claims,
        expires_s=rule.expires_s,
        points=rule.points,
    )


def _to_the_vote(tx: Transaction, wanted: Wanted, proposer: PrincipalId) -> ApprovalId:
    proposal = Proposal(
        kind="response",
        content=content_of(wanted),
        proposer=proposer,
        groups=groups_for(tx, wanted.kind),
        expires_at=Instant(tx.now + DECISION_TIME),
        recused=recused(tx, proposer),
    )
    return approvals.propose(tx, origin_of(tx), proposal).id


def _append(tx: Transaction, wanted: Wanted, approval: ApprovalId, signed: SignedAct, by: PrincipalId) -> Action:
    inverse = inverse_of(wanted.kind, wanted.target)
    event = events.Proposed(
        kind=wanted.kind,
        target=wanted.target,
        incident=wanted.incident,
        claims=wanted.claims,
        by=by,
        approval=approval,
        content=content_of(wanted),
        expires_s=wanted.expires_s,
        decide_by=Instant(tx.now + DECISION_TIME),
        precondition=_precondition(tx, wanted.kind, wanted.target),
        inverse=inverse,
        probe=Probe(list=inverse.list, target=wanted.target, expect=Presence.PRESENT),
        points=wanted.points,
    )
    entry = tx.append(origin_of(tx), events.PROPOSED.draft(event, subject=wanted.incident, act=signed.envelope()))
    return find(tx, ActionId(entry.id))


def _decide(tx: Transaction, action: Action) -> Action:
    if action.state is not ActionState.PROPOSED:
        return action
    approval = approvals.find(tx, action.approval)
    kind = {approvals.State.APPROVED: events.APPROVED, approvals.State.REJECTED: events.REJECTED}.get(approval.state)
    if kind is None:
        return action
    event = events.Decided(action=action.id, approval=approval.id)
    tx.append(action.origin, kind.draft(event, subject=action.incident))
    return find(tx, action.id)


def _precondition(tx: Transaction, kind: str, target: str) -> Precondition:
    if not KINDS[kind].own:
        return Precondition()
    listed, state = list(active(tx, kind, tx.now)), tx.get(LISTS, kind)
    return Precondition(
        listed=any(one.address == target for one in listed),
        active=len(listed),
        revision=state.revision if state else 0,
    )

"""The use cases of response actions. Each validates and appends; what raises has changed nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from safeconduct import approvals
from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act, recused
from safeconduct.access.model import ResponseRule
from safeconduct.approvals import Electorate, Proposal
from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError, LimitedError, RefusedError
from safeconduct.kernel.ids import ActionId, ClaimId, EntryId, EventId, IncidentId
from safeconduct.kernel.instants import Duration, Instant, rfc3339, seconds
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc import action_events as events
from safeconduct.soc.actions import (
    BLOCK_IP,
    LISTED,
    OPEN,
    TRANSITIONS,
    Action,
    ActionState,
    Precondition,
    Presence,
    Probe,
    Step,
    content_of,
    inverse_of,
    read_target,
    refuse_never,
)
from safeconduct.soc.claim_events import ClaimRecord, claim_record
from safeconduct.soc.claims import CITED_MAX, NAME
from safeconduct.soc.edl import ADDRESSES, LISTS, active
from safeconduct.soc.entities import mentions
from safeconduct.soc.grounding import Outcome
from safeconduct.soc.model import EntityKind, Event
from safeconduct.soc.telemetry_service import origin_of

DECISION_TIME: Duration = seconds(24 * 3600)
"""How long a proposed action waits for its votes. What was true of an address yesterday may not be today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionProposal:
    """What a person asks for: block this address, because of these claims about this incident."""

    incident: IncidentId
    target: str
    claims: tuple[ClaimId, ...]


def propose(
    tx: Transaction,
    signed: SignedAct,
    wanted: ActionProposal,
    stored: Mapping[EventId, Event],
    *,
    operation: str,
    content: str,
) -> Action:
    """Proposes to block an address and puts it to the vote. `stored` are the events that the claims cite.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not, or no program says how.
        InvalidInputError: the target is no single address, or no claims are named.
        RefusedError: `never-act`, `claim-not-verified`, `target-not-in-claims`, `no-approvers`.
        ConflictError: the target is blocked or proposed already.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.PROPOSE_RESPONSE
    )
    rule = _rule(tx)
    target = read_target(wanted.target)
    refuse_never(target, rule)
    _refuse_ungrounded(tx, wanted, target, stored)
    _refuse_second(tx, target)
    claims = tuple(sorted(wanted.claims))
    origin, decide_by = origin_of(tx), Instant(tx.now + DECISION_TIME)
    voted_on = content_of(BLOCK_IP, target, wanted.incident, claims, rule.expires_s)
    proposal = Proposal(
        kind="response",
        content=voted_on,
        proposer=signer.id,
        groups=_groups(tx),
        expires_at=decide_by,
        recused=recused(tx, signer.id),
    )
    approval = approvals.propose(tx, origin, proposal)
    event = events.Proposed(
        kind=BLOCK_IP,
        target=target,
        incident=wanted.incident,
        claims=claims,
        by=signer.id,
        approval=approval.id,
        content=voted_on,
        expires_s=rule.expires_s,
        decide_by=decide_by,
        precondition=_precondition(tx, target),
        inverse=inverse_of(BLOCK_IP, target),
        probe=Probe(list=BLOCK_IP, target=target, expect=Presence.PRESENT),
    )
    entry = tx.append(origin, events.PROPOSED.draft(event, subject=wanted.incident, act=signed.envelope()))
    return find(tx, ActionId(entry.id))


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
        AbsentError: no such action.
        UnauthenticatedError, RefusedError, ConflictError: as `approvals.vote`.
    """
    action = find(tx, action_id)
    approvals.vote(tx, electorate, action.approval, verdict, signed, operation=operation)
    return _decide(tx, action)


def run(tx: Transaction, signed: SignedAct, action_id: ActionId, *, operation: str, content: str) -> Action:
    """Carries out an approved action: the target stands on the list when this commits, until the action expires.

    Raises:
        AbsentError: no such action.
        UnauthenticatedError, RefusedError: the signer may not; `never-act`; it is not what was approved.
        LimitedError: `response-rate`, `response-active`.
        ConflictError: it is not approved, its approval was used or has expired.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.PROPOSE_RESPONSE
    )
    action = _decide(tx, find(tx, action_id))
    action.step(Step.EXECUTE)
    rule = _rule(tx)
    # Again: the program may have changed since, and what protects an address wins over who approved.
    refuse_never(action.target, rule)
    _refuse_over_limit(tx, rule)
    _refuse_rejected(tx, action)
    voted_on = content_of(action.kind, action.target, action.incident, action.claims, action.expires_s)
    approvals.consume(tx, action.approval, content=voted_on, by=action.id)
    executing = events.Executing(action=action.id, by=signer.id, precondition=_precondition(tx, action.target))
    tx.append(action.origin, events.EXECUTING.draft(executing, subject=action.incident, act=signed.envelope()))
    # One transaction with the above: on this list, executing is a change of our own state.
    done = events.Done(action=action.id, until=Instant(tx.now + seconds(action.expires_s)))
    tx.append(action.origin, events.DONE.draft(done, subject=action.incident))
    return find(tx, action_id)


def roll_back(tx: Transaction, signed: SignedAct, action_id: ActionId, *, operation: str, content: str) -> Action:
    """Takes the target off the list. Needs no approval and waits for nobody.

    Raises:
        AbsentError: no such action.
        UnauthenticatedError, RefusedError: the signer may not.
        ConflictError: the target is not on the list.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.ROLL_BACK_RESPONSE
    )
    action = find(tx, action_id)
    action.step(Step.ROLL_BACK)
    event = events.RolledBack(action=action.id, by=signer.id)
    tx.append(action.origin, events.ROLLED_BACK.draft(event, subject=action.incident, act=signed.envelope()))
    return find(tx, action_id)


def expire(tx: Transaction, action_id: ActionId) -> Action:
    """Ends an action, or a proposal, whose time ran out. Its timer calls this; one that ended already stays as it is.

    Raises:
        AbsentError: no such action.
        ConflictError: its time has not run out.
    """
    action = find(tx, action_id)
    if tx.now < action.expires_at:
        raise ConflictError(f"action {action_id} lasts until {rfc3339(action.expires_at)}", code="action-in-force")
    if (action.state, Step.EXPIRE) not in TRANSITIONS:
        return action
    tx.append(action.origin, events.EXPIRED.draft(events.Expired(action=action.id), subject=action.incident))
    return find(tx, action_id)


def record_probe(tx: Transaction, effect: EntryId, action_id: ActionId, expect: Presence, problem: str) -> Action:
    """Records what fetching the list showed, for the entry that ordered it. `problem` is empty, or a stable code.

    The same effect reported again changes nothing. A probe for the target's presence that was overtaken by its
    removal says nothing about the action any more.

    Raises:
        AbsentError: no such action.
    """
    action = find(tx, action_id)
    if tx.get(OUTBOX, f"{effect}/{events.VERIFY}") is None:
        return action
    event = events.Probed(action=action.id, effect=effect, expect=expect, detail=problem or "as-expected")
    if expect is Presence.PRESENT and action.state is not ActionState.DONE:
        kind = events.SUPERSEDED
    elif expect is Presence.ABSENT and tx.get(ADDRESSES, f"{action.kind}/{action.target}") is not None:
        kind = events.SUPERSEDED  # another action listed the target since
    else:
        kind = events.FAILED if problem else events.VERIFIED
    tx.append(action.origin, kind.draft(event, subject=action.incident))
    return find(tx, action_id)


def issue_list_token(
    tx: Transaction, signed: SignedAct, token_hash: str, *, holder: str, operation: str, content: str
) -> None:
    """Gives a holder, such as one firewall, a token for the list. A former token of that holder ends at once.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        InvalidInputError: the holder's name is none.
    """
    authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.ISSUE_TOKEN)
    _append_token(tx, token_hash, holder, signed)


def issue_probe_token(tx: Transaction, token_hash: str) -> None:
    """Gives the server a token of its own for as long as it runs, to fetch the list as a firewall does."""
    _append_token(tx, token_hash, PROBE_HOLDER, None)


PROBE_HOLDER = "probe"
"""The holder's name under which the server itself fetches lists. No person can take it."""


def find(records: Records, action_id: ActionId) -> Action:
    """Returns an action.

    Raises:
        AbsentError: there is none.
    """
    found = records.get(events.ACTIONS, action_id)
    if found is None:
        raise unknown_action(action_id)
    return found


def unknown_action(action_id: str) -> AbsentError:
    """Returns the one answer about an action that is not there, and about one that is not the reader's."""
    return AbsentError(
        f"no action {action_id[:64]!r}", code="action-unknown", remedy="safeconduct action list shows them"
    )


def actions(records: Records) -> Iterator[Action]:
    """Yields every action, oldest first."""
    return (action for _, action in records.scan(events.ACTIONS))


def candidates(
    records: Records, incident: IncidentId, claims: Iterable[ClaimRecord], stored: Mapping[EventId, Event]
) -> tuple[ActionProposal, ...]:
    """Returns what could be proposed: addresses that verified claims name and nothing protects, most claims first."""
    rule = records.get(kept.RESPONSE_RULES, BLOCK_IP)
    if rule is None:
        return ()
    named: dict[str, list[ClaimId]] = {}
    for record in claims:
        if record.claim.outcome is Outcome.VERIFIED and record.incident == incident:
            for address in _addresses(record, stored):
                named.setdefault(address, []).append(record.claim.id)
    ranked = sorted(named.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(
        ActionProposal(incident=incident, target=address, claims=tuple(ids[:CITED_MAX]))
        for address, ids in ranked
        if _allowed(address, rule)
    )


def _allowed(address: str, rule: ResponseRule) -> bool:
    try:
        refuse_never(address, rule)
    except RefusedError:
        return False
    return True


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


def _refuse_ungrounded(records: Records, wanted: ActionProposal, target: str, stored: Mapping[EventId, Event]) -> None:
    if not 0 < len(wanted.claims) <= CITED_MAX or len(set(wanted.claims)) != len(wanted.claims):
        raise InvalidInputError(f"a response rests on 1 to {CITED_MAX} different claims", code="no-claims")
    found = [_verified(records, wanted.incident, claim) for claim in wanted.claims]
    if not any(target in _addresses(record, stored) for record in found):
        raise RefusedError(
            f"no verified claim among those named cites a field that holds the address {target}",
            code="target-not-in-claims",
            clause="grounding/9",
            remedy="name a claim about an event in which this address takes part",
        )


def _verified(records: Records, incident: IncidentId, claim: ClaimId) -> ClaimRecord:
    record = claim_record(records, incident, claim)
    if record is None or record.claim.outcome is not Outcome.VERIFIED:
        raise RefusedError(
            f"claim {claim[:64]} is not a verified claim about incident {incident[:64]}",
            code="claim-not-verified",
            clause="grounding/9",
            remedy="safeconduct incident show lists the verified claims",
        )
    return record


def _addresses(record: ClaimRecord, stored: Mapping[EventId, Event]) -> frozenset[str]:
    """Returns the addresses that stand in a claim's cited fields: as typed values, never as parts of a text."""
    return frozenset(
        mention.entity.value
        for place in record.claim.evidence
        if place.event in stored
        for mention in mentions(stored[place.event])
        if mention.pointer == place.pointer and mention.entity.kind is EntityKind.IP
    )


def _refuse_second(records: Records, target: str) -> None:
    held = records.get(events.TARGETS, f"{BLOCK_IP}/{target}")
    if held is None:
        return
    if held.state in LISTED:
        raise ConflictError(f"{target} is on the list by action {held.id}", code="already-blocked")
    if held.state in OPEN:
        raise ConflictError(f"action {held.id} on {target} waits to be decided", code="already-proposed")


def _refuse_over_limit(tx: Transaction, rule: ResponseRule) -> None:
    recent = sum(tx.now - run_.at < events.HOUR for _, run_ in tx.scan(events.RUNS, f"{BLOCK_IP}/"))
    if recent >= rule.rate_per_hour:
        raise LimitedError(
            f"{recent} addresses were blocked within the hour; the program allows {rule.rate_per_hour}",
            code="response-rate",
            clause=f"responses.{BLOCK_IP}.rate_per_hour",
            remedy="wait, or have the program changed",
        )
    listed = sum(1 for _ in active(tx, BLOCK_IP, tx.now))
    if listed >= rule.active_max:
        raise LimitedError(
            f"{listed} addresses are on the list; the program allows {rule.active_max}",
            code="response-active",
            clause=f"responses.{BLOCK_IP}.active_max",
            remedy="roll one back first",
        )


def _refuse_rejected(records: Records, action: Action) -> None:
    # A claim may have been checked again since, against what is stored now.
    for claim in action.claims:
        _verified(records, action.incident, claim)


def _precondition(tx: Transaction, target: str) -> Precondition:
    listed = list(active(tx, BLOCK_IP, tx.now))
    state = tx.get(LISTS, BLOCK_IP)
    return Precondition(
        listed=any(one.address == target for one in listed),
        active=len(listed),
        revision=state.revision if state else 0,
    )


def _append_token(tx: Transaction, token_hash: str, holder: str, signed: SignedAct | None) -> None:
    if not NAME.fullmatch(holder) or "/" in holder or (signed is not None and holder == PROBE_HOLDER):
        raise InvalidInputError(
            f"expected a holder's name such as firewall-1, got {holder[:64]!r}", code="holder-malformed"
        )
    event = events.ListTokenIssued(list=BLOCK_IP, holder=holder, hash=token_hash)
    tx.append(origin_of(tx), events.LIST_TOKEN_ISSUED.draft(event, act=signed.envelope() if signed else None))


def _rule(records: Records) -> ResponseRule:
    rule = records.get(kept.RESPONSE_RULES, BLOCK_IP)
    if rule is None:
        raise RefusedError(
            f"the program in force has no bounds for {BLOCK_IP}, so it can't be done",
            code="no-response-rule",
            clause=f"responses.{BLOCK_IP}",
            remedy=f"write responses.{BLOCK_IP} into the program file",
        )
    return rule


def _groups(records: Records) -> tuple[approvals.Group, ...]:
    rule = records.get(kept.APPROVAL_RULES, "response")
    return rule.groups if rule else ()

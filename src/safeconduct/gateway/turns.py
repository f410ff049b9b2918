"""Step 12: the tool calls of an answer are decided together, in one transaction with what they rest on.

docs/spec/sinks.md has the promises. What is asked becomes an approval over exactly this turn; what may run is left for
an executor to find (boundary/deciding.py).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from safeconduct import approvals
from safeconduct.access import records as kept
from safeconduct.access.acts import recused
from safeconduct.access.inventory import NO_INVENTORY
from safeconduct.access.tools import Tool
from safeconduct.boundary.decision_events import TURN_DECIDED, Answer, Decided, TurnDecided, turn_content
from safeconduct.boundary.decisions import DECISION_LIFETIME, attempt_of, decision_id
from safeconduct.boundary.model import Label, ToolCall, joined
from safeconduct.boundary.recognizing import recognize
from safeconduct.boundary.resolving import resolved
from safeconduct.boundary.sinks import HELD, CallDecision, Ground, Proposed, Verdict, decide_turn, leaves
from safeconduct.boundary.words import Words
from safeconduct.gateway.holding import APPROVAL_LIFETIME, CALL_HELD, TOOL_CALL, CallHeld
from safeconduct.gateway.prepared import Prepared
from safeconduct.gateway.turn_events import TURN_JUDGED, TurnJudged, uses_of
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import ApprovalId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Transaction

SECRET = "secret"  # noqa: S105 - the name of a class of data

NOBODY = "no-approvers"
"""Why a turn is denied that would be asked: the program names nobody who may say yes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the model was shown: the label of all of it together, the texts that are the user's own, and tools' results.

    `variables` are the labels of the texts that it was not shown, by what they are.

    The default is what nobody labelled: untrusted, nobody may read it, and no word is the user's.
    """

    context: Label = field(default_factory=Label)
    words: tuple[str, ...] = ()
    results: tuple[tuple[ToolCall, str], ...] = ()
    variables: Mapping[str, Label] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The tool calls that the answer of `call` proposes, and what the model was shown."""

    call: str
    prepared: Prepared
    shown: Shown
    proposed: tuple[ToolCall, ...]
    in_scope: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a turn's client is told instead of it; empty where the turn goes."""

    instead: str = ""


def judge(tx: Transaction, turn: Turn) -> Judged:
    """Decides a turn and appends what was decided, with the approval that it waits for, where it does."""
    decisions = _decisions(tx, turn)
    if Verdict.ASK in {one.verdict for one in decisions} and tx.get(kept.APPROVAL_RULES, TOOL_CALL) is None:
        decisions = tuple(_nobody(one) for one in decisions)
    sought = _policy_version(turn), tuple(_decided(turn, one, tx.now) for one in decisions)
    asked = any(one.verdict is Verdict.ASK for one in decisions)
    approval = _ask(tx, turn, decisions, turn_content(turn.call, *sought)) if asked else ""
    prepared = turn.prepared
    event = TurnDecided(
        call=turn.call, facts=prepared.facts, policy_version=sought[0], decided=sought[1], approval=approval
    )
    tx.append(prepared.path.origin, TURN_DECIDED.draft(event, subject=prepared.principal.id))
    sealed = {"tool_calls": _shown(decisions)}
    judged = _judged(turn, decisions, sought[1], approval)
    tx.append(prepared.path.origin, TURN_JUDGED.draft(judged, sealed=sealed, subject=prepared.principal.id))
    return Judged(_instead(decisions, approval))


def _decisions(tx: Transaction, turn: Turn) -> tuple[CallDecision, ...]:
    path, hidden = turn.prepared.path, turn.prepared.hidden
    ground = Ground(
        words=Words.of(turn.shown.words),
        in_scope=turn.in_scope,
        secret=_holds_secret,
        misused=hidden.variables.misused if hidden else _is_no_variable,
        uses={one.id: uses_of(tx, one.id, tx.now) for one in path.playbooks},
    )
    ground = replace(ground, resolved=_resolved(turn.shown, path.sinks, ground))
    proposed = [Proposed(call=one, labels=_labels(one, turn.shown)) for one in turn.proposed]
    return _sayable(decide_turn(proposed, path.sinks, path.playbooks, ground))


def _labels(call: ToolCall, shown: Shown) -> Mapping[str, Label]:
    """What a model writes is made of all that it was shown, and of what it handed on without being shown it."""
    return {
        pointer: joined((shown.context, shown.variables[value])) if value in shown.variables else shown.context
        for pointer, value in ((pointer, str(value)) for pointer, value in leaves(call.arguments))
    }


def _is_no_variable(_: str) -> str:
    """On a path that hides nothing no text is a variable, whatever it looks like."""
    return ""


def _holds_secret(text: str) -> bool:
    return any(one.data_class == SECRET for one in recognize(text, NO_INVENTORY))


def _resolved(shown: Shown, sinks: Iterable[Tool], ground: Ground) -> frozenset[str]:
    """Returns what the conversation's results resolve, in their order: one may be asked for by what one before told."""
    tools = {tool.name: tool for tool in sinks}
    for call, result in shown.results:
        found = resolved(call, result, tools.get(call.name), ground)
        ground = replace(ground, resolved=ground.resolved | found)
    return ground.resolved


def _sayable(decided: Iterable[CallDecision]) -> tuple[CallDecision, ...]:
    """Denies a turn with a call that has no single form: it can't be bound to a decision, and a turn goes whole."""
    calls = tuple(decided)
    faults = {place: fault for place, one in enumerate(calls) if (fault := _fault(one.call))}
    if not faults:
        return calls
    return tuple(
        one
        if one.verdict is Verdict.DENY and place not in faults
        else replace(one, verdict=Verdict.DENY, code=faults.get(place, HELD), clause="turn")
        for place, one in enumerate(calls)
    )


def _fault(call: ToolCall) -> str:
    try:
        attempt_of(principal="", session="", tool=call.name, arguments=call.arguments)
    except InvalidInputError as error:
        return error.code
    return ""


def _nobody(one: CallDecision) -> CallDecision:
    return replace(one, verdict=Verdict.DENY, code=NOBODY, clause=f"approvals.{TOOL_CALL}")


def _policy_version(turn: Turn) -> str:
    return digest({"path": turn.prepared.path.digest, "policies": turn.prepared.policy_digest})


def _decided(turn: Turn, one: CallDecision, now: Instant) -> Decided:
    prepared, call = turn.prepared, one.call
    try:
        attempt = attempt_of(
            principal=prepared.principal.id,
            session=prepared.arrival.session,
            tool=call.name,
            arguments=call.arguments,
        )
        tool, sought = attempt.tool, attempt.sought
    except InvalidInputError:
        tool, sought = "-", digest({"unsayable": call.id, "call": turn.call})
    lifetime = APPROVAL_LIFETIME if one.verdict is Verdict.ASK else DECISION_LIFETIME
    return Decided(
        id=decision_id(turn.call, call.id),
        tool_call=digest(call.id),
        tool=tool,
        sought=sought,
        labels_sha256=_labels_sha256(one.label),
        answer=Answer(one.verdict.value),
        expires_at=Instant(now + lifetime),
        code="" if one.verdict is Verdict.ALLOW else one.code,
        clause="" if one.verdict is Verdict.ALLOW else one.clause,
    )


def _labels_sha256(label: Label) -> str:
    return digest(
        {
            "integrity": int(label.integrity),
            "readers": sorted(label.readers),
            "origins": sorted(label.origins),
            "purpose": label.purpose,
        }
    )


def _ask(tx: Transaction, turn: Turn, decisions: tuple[CallDecision, ...], content: str) -> ApprovalId:
    prepared, caller = turn.prepared, turn.prepared.principal
    rule = tx.get(kept.APPROVAL_RULES, TOOL_CALL)
    proposal = approvals.Proposal(
        kind=TOOL_CALL,
        content=content,
        proposer=caller.id,
        groups=rule.groups if rule else (),
        expires_at=Instant(tx.now + APPROVAL_LIFETIME),
        recused=recused(tx, PrincipalId(caller.id)),
    )
    asked = approvals.propose(tx, prepared.path.origin, proposal)
    first = next(one for one in decisions if one.verdict is Verdict.ASK)
    event = CallHeld(
        approval=asked.id,
        content=content,
        restriction=first.clause,
        principal=caller.id,
        organization=caller.organization,
        path=prepared.path.id,
        purpose=prepared.purpose,
        model=prepared.asked.model,
        request_sha256=prepared.request_sha256,
    )
    sealed = {"request": _shown(decisions)}
    tx.append(prepared.path.origin, CALL_HELD.draft(event, sealed=sealed, subject=caller.id))
    return asked.id


def _shown(decisions: Iterable[CallDecision]) -> str:
    """Returns a turn as those who vote on it and whoever opens it later see it."""
    return msgspec.json.encode([_told(one) for one in decisions]).decode()


def _told(one: CallDecision) -> dict[str, Any]:
    return {
        "tool": one.call.name,
        "arguments": one.call.arguments,
        "verdict": one.verdict.value,
        "code": one.code,
        "clause": one.clause,
        "rests_on": one.arguments,
        "integrity": one.label.integrity.name.lower(),
        "readers": sorted(one.label.readers),
        "playbook": one.playbook,
    }


def _judged(turn: Turn, decisions: Iterable[CallDecision], decided: tuple[Decided, ...], approval: str) -> TurnJudged:
    prepared, found = turn.prepared, tuple(decisions)
    effects = {tool.name: tool.effect.value for tool in prepared.path.sinks}
    return TurnJudged(
        call=turn.call,
        principal=prepared.principal.id,
        path=prepared.path.id,
        path_digest=prepared.path.digest,
        sinks=Counter(f"{one.verdict.value}:{effects.get(one.call.name, 'unknown')}" for one in found),
        codes=Counter(one.code for one in found),
        playbooks=Counter(one.playbook for one in found if one.playbook and one.verdict is Verdict.ALLOW),
        allowed=tuple(one.sought for one in decided if one.answer is Answer.ALLOW),
        asked=tuple(one.sought for one in decided if one.answer is Answer.ASK),
        approval=approval,
    )


def _instead(decisions: tuple[CallDecision, ...], approval: str) -> str:
    if all(one.verdict is Verdict.ALLOW for one in decisions):
        return ""
    why = ", ".join(sorted({f"{one.code} ({one.clause})" for one in decisions}))
    if approval:
        return (
            f"Safeconduct holds this turn's tool calls for a person: {why}. Approval {approval} waits for votes; the "
            "same calls may run once it has them. Nothing was carried out."
        )
    return f"Safeconduct denied this turn's tool calls: {why}. Nothing was carried out."

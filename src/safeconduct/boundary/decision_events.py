"""The entries of decisions on tool calls, from the turn's to the end of the run, and what they leave in the records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from safeconduct.access.acts import record_act
from safeconduct.access.model.calls import CallFacts
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType


class Answer(StrEnum):
    """What is said of one proposed tool call."""

    ALLOW = "allow"
    ASK = "ask"  # a person decides, by the approval
    DENY = "deny"


class Stage(StrEnum):
    """How far a decided tool call got."""

    DECIDED = "decided"
    USED = "used"  # an executor runs it, or died in it
    ENDED = "ended"


class RunEnd(StrEnum):
    """How an executor's run ended. What is unknown is never run again by itself."""

    DONE = "done"
    FAILED = "failed"  # the tool says so itself
    UNKNOWN = "unknown"  # it may have had its effect


NEXT: Mapping[Stage, Stage] = {Stage.DECIDED: Stage.USED, Stage.USED: Stage.ENDED}
"""Every step there is: each once, in this order."""


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided of one tool call. `id` is `decision_id`, `sought` the digest of the attempt it is for.

    `code` and `clause` say why, where it is no allow. `labels_sha256` is over the labels that decided. After
    `expires_at` it is good for nothing.
    """

    id: str
    tool_call: str
    tool: str
    sought: str
    labels_sha256: str
    answer: Answer
    expires_at: Instant
    code: str = ""
    clause: str = ""


class TurnDecided(msgspec.Struct, frozen=True, kw_only=True):
    """The tool calls of one answer were decided, together. `facts` are what a freeze can select the model call by.

    `approval` is the vote on the turn, where one of its calls is asked about; its content is `turn_content`.
    """

    call: str
    facts: CallFacts
    policy_version: str
    decided: tuple[Decided, ...]
    approval: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionUsed:
    """An executor is about to run what was decided. It does not before this is committed, and nobody does again."""

    decision: str
    call: str
    principal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionEnded:
    """How that run ended. `result_sha256` is over the canonical form of what the tool answered, empty if unknown."""

    decision: str
    call: str
    principal: str
    end: RunEnd
    result_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionMisused:
    """A decision was asked for, or used, as it may not be. `code` and `clause` say why it was refused."""

    decision: str
    call: str
    principal: str
    code: str
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAnnounced:
    """From here on decisions on calls of this log are signed by a key, a signed-note verifier key.

    `by` is who had it follow a former one; empty for the first.
    """

    key: str
    by: str = ""


class DecidedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A decided tool call as it stands: whose, what, how far, and how it ended where it did.

    `content` is what the turn's `approval` must be for.
    """

    origin: Origin
    call: str
    facts: CallFacts
    policy_version: str
    decided: Decided
    approval: str = ""
    content: str = ""
    stage: Stage = Stage.DECIDED
    end: RunEnd | None = None
    result_sha256: str = ""


class DecisionKey(msgspec.Struct, frozen=True):
    """The key that signs decisions on a log's calls now."""

    key: str
    entry: str


TURN_DECIDED = EventType("boundary.turn.decided/1", TurnDecided, Retention.CALL)
DECISION_USED = EventType("boundary.decision.used/1", DecisionUsed, Retention.CALL)
DECISION_ENDED = EventType("boundary.decision.ended/1", DecisionEnded, Retention.CALL)
DECISION_MISUSED = EventType("boundary.decision.misused/1", DecisionMisused, Retention.CALL)
KEY_ANNOUNCED = EventType("boundary.decision-key.announced/1", KeyAnnounced)

OWN = frozenset({TURN_DECIDED.name, DECISION_ENDED.name, DECISION_MISUSED.name})
"""What changes records of one call alone (docs/spec/workers.md 2.2). A use may use up an approval, too."""

DECIDED_CALLS = Collection("decided-tool-calls", DecidedCall)  # at the decision's id
SOUGHT = Collection("sought-tool-calls", str)  # at SOUGHT/ID: the id
DECISION_KEYS = Collection("decision-keys", DecisionKey)  # at the log's origin


def turn_content(call: str, policy_version: str, decided: Iterable[Decided]) -> str:
    """Returns the digest that voters approve: exactly these calls, on these arguments, labels, policies."""
    return digest({"call": call, "policy_version": policy_version, "decided": msgspec.to_builtins(tuple(decided))})


def _turn_decided(state: State, entry: Entry) -> None:
    event = TURN_DECIDED.read(entry)
    for one in event.decided:
        record = DecidedCall(
            origin=entry.origin,
            call=event.call,
            facts=event.facts,
            policy_version=event.policy_version,
            decided=one,
            approval=event.approval,
            content=turn_content(event.call, event.policy_version, event.decided),
        )
        state.insert(DECIDED_CALLS, one.id, record)
        state.put(SOUGHT, f"{one.sought}/{one.id}", one.id)


def _used(state: State, entry: Entry) -> None:
    found = _at(state, DECISION_USED.read(entry).decision, Stage.DECIDED)
    state.put(DECIDED_CALLS, found.decided.id, msgspec.structs.replace(found, stage=NEXT[found.stage]))
    state.delete(SOUGHT, f"{found.decided.sought}/{found.decided.id}")


def _ended(state: State, entry: Entry) -> None:
    event = DECISION_ENDED.read(entry)
    found = _at(state, event.decision, Stage.USED)
    ended = msgspec.structs.replace(found, stage=NEXT[found.stage], end=event.end, result_sha256=event.result_sha256)
    state.put(DECIDED_CALLS, found.decided.id, ended)


def _at(state: State, decision: str, stage: Stage) -> DecidedCall:
    found = state.get(DECIDED_CALLS, decision)
    if found is None or found.stage is not stage:
        at = found.stage if found else "unknown"
        raise ConflictError(f"decision {decision} is {at}, not {stage}", code=f"decision-{at}")
    return found


def _announced(state: State, entry: Entry) -> None:
    record_act(state, entry)
    state.put(DECISION_KEYS, entry.origin, DecisionKey(KEY_ANNOUNCED.read(entry).key, entry.id))


def _no_state(_state: State, _entry: Entry) -> None:
    """A misuse is a fact about the past; watch reads the entry itself."""


PROJECTIONS: Mapping[str, Projection] = {
    TURN_DECIDED.name: _turn_decided,
    DECISION_USED.name: _used,
    DECISION_ENDED.name: _ended,
    DECISION_MISUSED.name: _no_state,
    KEY_ANNOUNCED.name: _announced,
}

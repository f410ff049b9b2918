"""The entries of response actions, and how each changes the state. Every change of an action is one of these."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from safeconduct.access.acts import record_act
from safeconduct.kernel.effects import Timer, clear_timer, finish_effect, order_effect, set_timer
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import ActionId, ApprovalId, ClaimId, EntryId, IncidentId, PrincipalId
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType
from safeconduct.soc.actions import OPEN, Action, ActionState, Inverse, Precondition, Presence, Probe, Step
from safeconduct.soc.edl import ADDRESSES, LIST_TOKENS, LISTS, ListedAddress, ListState, ListToken

VERIFY = "response.verify"
"""The kind of effect that fetches a list as a firewall does and ends in `action_service.record_probe`."""

EXPIRY_TIMER = "action.expire"
"""The kind of timer whose firing calls `action_service.expire` with the timer's key."""

HOUR = seconds(3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A person proposes a response on verified claims. `content` is what the approval is over."""

    kind: str
    target: str
    incident: IncidentId
    claims: tuple[ClaimId, ...]
    by: PrincipalId
    approval: ApprovalId
    content: str
    expires_s: int
    decide_by: Instant
    precondition: Precondition
    inverse: Inverse
    probe: Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The vote on an action ended: for it, or against."""

    action: ActionId
    approval: ApprovalId


@dataclass(frozen=True, slots=True, kw_only=True)
class Executing:
    """The approval is used and the limits hold: the action is carried out now."""

    action: ActionId
    by: PrincipalId
    precondition: Precondition


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The target is on the list until `until`."""

    action: ActionId
    until: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """The list was fetched over HTTP, for the entry `effect`. `detail` is a stable code, such as an error's."""

    action: ActionId
    effect: EntryId
    expect: Presence
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """A person took the target off the list."""

    action: ActionId
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """Time ran out, of the proposal or of the action; a listed target left the list."""

    action: ActionId


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTokenIssued:
    """A holder got a token for a list; a former one of theirs ends."""

    list: str
    holder: str
    hash: str


_OPERATIONS = Retention.OPERATIONS
PROPOSED = EventType("soc.action.proposed/1", Proposed, _OPERATIONS)
APPROVED = EventType("soc.action.approved/1", Decided, _OPERATIONS)
REJECTED = EventType("soc.action.rejected/1", Decided, _OPERATIONS)
EXECUTING = EventType("soc.action.executing/1", Executing, _OPERATIONS)
DONE = EventType("soc.action.done/1", Done, _OPERATIONS)
VERIFIED = EventType("soc.action.verified/1", Probed, _OPERATIONS)
FAILED = EventType("soc.action.failed/1", Probed, _OPERATIONS)
SUPERSEDED = EventType("soc.action.probe-superseded/1", Probed, _OPERATIONS)
ROLLED_BACK = EventType("soc.action.rolled-back/1", RolledBack, _OPERATIONS)
EXPIRED = EventType("soc.action.expired/1", Expired, _OPERATIONS)
LIST_TOKEN_ISSUED = EventType("soc.list.token-issued/1", ListTokenIssued)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """That an action was executed, kept for an hour: the rate is counted from these."""

    action: ActionId
    at: Instant


ACTIONS = Collection("actions", Action)
TARGETS = Collection("action-targets", Action)  # open and listed actions, at `kind/target`
RUNS = Collection("action-runs", Run)  # at `kind/instant/action`


def timer_of(action: Action) -> Timer:
    """Returns the timer that ends the action, or the proposal."""
    return Timer(kind=EXPIRY_TIMER, key=action.id, due_at=action.expires_at)


def _proposed(state: State, entry: Entry) -> None:
    event = PROPOSED.read(entry)
    action = Action(
        id=ActionId(entry.id),
        origin=entry.origin,
        kind=event.kind,
        target=event.target,
        incident=event.incident,
        claims=event.claims,
        proposed_by=event.by,
        proposed_at=entry.at,
        approval=event.approval,
        expires_s=event.expires_s,
        expires_at=event.decide_by,
        precondition=event.precondition,
    )
    _keep(state, action)
    set_timer(state, timer_of(action))
    record_act(state, entry)


def _approved(state: State, entry: Entry) -> None:
    _keep(state, _present(state, APPROVED.read(entry).action).step(Step.APPROVE))


def _rejected(state: State, entry: Entry) -> None:
    action = _present(state, REJECTED.read(entry).action)
    clear_timer(state, timer_of(action))
    _keep(state, action.step(Step.REJECT))


def _executing(state: State, entry: Entry) -> None:
    event = EXECUTING.read(entry)
    action = replace(_present(state, event.action), precondition=event.precondition)
    _keep(state, action.step(Step.EXECUTE))
    run = Run(action=action.id, at=entry.at)
    for key, former in list(state.scan(RUNS, f"{action.kind}/")):
        if former.at <= entry.at - HOUR:
            state.delete(RUNS, key)
    state.insert(RUNS, f"{action.kind}/{entry.at:020d}/{action.id}", run)
    record_act(state, entry)


def _done(state: State, entry: Entry) -> None:
    event = DONE.read(entry)
    action = _present(state, event.action)
    clear_timer(state, timer_of(action))
    action = replace(action, expires_at=event.until).step(Step.COMPLETE)
    _keep(state, action)
    set_timer(state, timer_of(action))
    listed = ListedAddress(
        list=action.kind, address=action.target, action=action.id, listed_at=entry.at, until=event.until
    )
    state.insert(ADDRESSES, f"{action.kind}/{action.target}", listed)
    _changed(state, action.kind, entry)
    _order_probe(state, entry, action, Presence.PRESENT)


def _verified(state: State, entry: Entry) -> None:
    event = VERIFIED.read(entry)
    action = _present(state, event.action)
    if event.expect is Presence.PRESENT:
        _keep(state, action.step(Step.VERIFY))
    else:
        _keep(state, replace(action, absence=ActionState.VERIFIED))
    finish_effect(state, event.effect, VERIFY)


def _failed(state: State, entry: Entry) -> None:
    event = FAILED.read(entry)
    action = _present(state, event.action)
    if event.expect is Presence.PRESENT:
        _keep(state, action.step(Step.FAIL))
    else:
        _keep(state, replace(action, absence=ActionState.FAILED))
    finish_effect(state, event.effect, VERIFY)


def _superseded(state: State, entry: Entry) -> None:
    finish_effect(state, SUPERSEDED.read(entry).effect, VERIFY)


def _rolled_back(state: State, entry: Entry) -> None:
    _unlist(state, entry, _present(state, ROLLED_BACK.read(entry).action), Step.ROLL_BACK)
    record_act(state, entry)


def _expired(state: State, entry: Entry) -> None:
    action = _present(state, EXPIRED.read(entry).action)
    if action.state in OPEN:
        clear_timer(state, timer_of(action))
        _keep(state, action.step(Step.EXPIRE))
    else:
        _unlist(state, entry, action, Step.EXPIRE)


def _unlist(state: State, entry: Entry, action: Action, step: Step) -> None:
    clear_timer(state, timer_of(action))
    _keep(state, action.step(step))
    state.delete(ADDRESSES, f"{action.kind}/{action.target}")
    _changed(state, action.kind, entry)
    _order_probe(state, entry, action, Presence.ABSENT)


def _list_token_issued(state: State, entry: Entry) -> None:
    event = LIST_TOKEN_ISSUED.read(entry)
    token = ListToken(list=event.list, holder=event.holder, hash=event.hash, issued_at=entry.at, entry=entry.id)
    state.put(LIST_TOKENS, f"{event.list}/{event.holder}", token)
    record_act(state, entry)


def _order_probe(state: State, entry: Entry, action: Action, expect: Presence) -> None:
    body = {"action": action.id, "list": action.kind, "target": action.target, "expect": expect.value}
    order_effect(state, entry, VERIFY, body)


def _changed(state: State, name: str, entry: Entry) -> None:
    former = state.get(LISTS, name)
    state.put(LISTS, name, ListState(revision=former.revision + 1 if former else 1, changed_at=entry.at))


def _keep(state: State, action: Action) -> None:
    state.put(ACTIONS, action.id, action)
    key = f"{action.kind}/{action.target}"
    if action.state in (ActionState.REJECTED, ActionState.ROLLED_BACK, ActionState.EXPIRED):
        held = state.get(TARGETS, key)
        if held is not None and held.id == action.id:
            state.delete(TARGETS, key)
    else:
        state.put(TARGETS, key, action)


def _present(state: State, action_id: ActionId) -> Action:
    found = state.get(ACTIONS, action_id)
    if found is None:
        raise UnavailableError(f"an entry speaks of action {action_id}, which no entry proposed", code="log-damaged")
    return found


PROJECTIONS: Mapping[str, Projection] = {
    PROPOSED.name: _proposed,
    APPROVED.name: _approved,
    REJECTED.name: _rejected,
    EXECUTING.name: _executing,
    DONE.name: _done,
    VERIFIED.name: _verified,
    FAILED.name: _failed,
    SUPERSEDED.name: _superseded,
    ROLLED_BACK.name: _rolled_back,
    EXPIRED.name: _expired,
    LIST_TOKEN_ISSUED.name: _list_token_issued,
}

"""The entries of cases, and what they leave in the records. Ids, marks, counts and names; nothing that anybody said."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from safeconduct.access.acts import record_act
from safeconduct.access.due import principal_owner
from safeconduct.access.escalation import Act, SignalKind
from safeconduct.access.model.stops import Selector
from safeconduct.kernel.effects import Timer, clear_timer, set_timer
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EntryId, OrganizationId, PrincipalId
from safeconduct.kernel.instants import Duration, Instant
from safeconduct.kernel.notices import Notice, NoticeLine, order_notice
from safeconduct.kernel.ports import Projection, State
from safeconduct.ledger.events import EventType
from safeconduct.watch.case_model import (
    CASE_KEYS,
    CASE_TIMER,
    CASES,
    USED,
    Appealed,
    Case,
    CaseState,
    Decision,
    Known,
    Taken,
    Used,
)
from safeconduct.watch.folding import used_key


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpened:
    """A signal was found, as `text` says in words. `key` is the signal's; `selector` is what steps restrict."""

    key: str
    signal: SignalKind
    subject: str
    selector: Selector | None
    principal: str
    organization: str
    path: str
    window: Duration
    threshold: int
    count: int
    evidence: tuple[EntryId, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken:
    """A step of the ladder began. `done` is the restriction's or freeze's entry; where there is none, `why` says why.

    Its owner, of `organization`, is told. At `due_at` the next step begins, unless `last`.
    """

    case: EntryId
    index: int
    action: Act
    by: PrincipalId
    owner: PrincipalId
    organization: OrganizationId
    due_at: Instant
    last: bool
    done: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAppealed:
    """A person of the organization that is concerned says why it is wrong. There is one appeal of a case."""

    case: EntryId
    by: PrincipalId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDecided:
    """A person who is not concerned decided. A dismissal ends the restrictions that the case brought: `lifted`."""

    case: EntryId
    confirmed: bool
    by: PrincipalId
    reason: str
    lifted: tuple[str, ...]


OPENED = EventType("watch.case.opened/1", CaseOpened, Retention.OPERATIONS)
STEPPED = EventType("watch.case.stepped/1", StepTaken, Retention.OPERATIONS)
APPEALED = EventType("watch.case.appealed/1", CaseAppealed, Retention.OPERATIONS)
DECIDED = EventType("watch.case.decided/1", CaseDecided, Retention.OPERATIONS)


def _opened(state: State, entry: Entry) -> None:
    event = OPENED.read(entry)
    state.insert(CASE_KEYS, event.key, Known(entry.id))
    used = Used(case=entry.id, through=max(event.evidence))
    state.put(USED, used_key(event.signal, event.subject), used)
    case = Case(
        id=entry.id,
        at=entry.at,
        signal=event.signal,
        subject=event.subject,
        selector=event.selector,
        principal=event.principal,
        organization=event.organization,
        path=event.path,
        window=event.window,
        threshold=event.threshold,
        count=event.count,
        evidence=event.evidence,
        text=event.text,
    )
    state.insert(CASES, entry.id, case)


def _stepped(state: State, entry: Entry) -> None:
    event = STEPPED.read(entry)
    case = _present(state, event.case)
    _clear(state, case)
    taken = Taken(
        entry=entry.id,
        action=event.action,
        owner=event.owner,
        at=entry.at,
        due_at=event.due_at,
        by=event.by,
        done=event.done,
        why=event.why,
    )
    state.put(CASES, case.id, replace(case, steps=(*case.steps, taken)))
    if not event.last:
        set_timer(state, Timer(kind=CASE_TIMER, key=case.id, due_at=event.due_at))
    if event.action is not Act.NOTE:
        order_notice(state, entry, _notice(case, event))


def _notice(case: Case, event: StepTaken) -> Notice:
    line = NoticeLine(
        kind="case",
        name=case.id,
        at=event.due_at,
        owner=principal_owner(event.owner),
        text=f"{case.signal}: {event.action}" + (f" ({event.why})" if event.why else ""),
        look=f"safeconduct case show {case.id}",
    )
    return Notice(
        kind="case", to=event.organization, at=case.at, subject=f"Case {case.id}: {case.signal}", lines=(line,)
    )


def _appealed(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = APPEALED.read(entry)
    case = _present(state, event.case)
    appeal = Appealed(entry=entry.id, by=event.by, reason=event.reason, at=entry.at)
    state.put(CASES, case.id, replace(case, appeal=appeal))


def _decided(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = DECIDED.read(entry)
    case = _present(state, event.case)
    _clear(state, case)
    decision = Decision(entry=entry.id, by=event.by, reason=event.reason, at=entry.at, lifted=event.lifted)
    after = CaseState.CONFIRMED if event.confirmed else CaseState.DISMISSED
    state.put(CASES, case.id, replace(case, state=after, decision=decision))


def _clear(state: State, case: Case) -> None:
    if case.steps:
        clear_timer(state, Timer(kind=CASE_TIMER, key=case.id, due_at=case.steps[-1].due_at))


def _present(state: State, case_id: EntryId) -> Case:
    case = state.get(CASES, case_id)
    if case is None:
        raise UnavailableError(f"an entry speaks of case {case_id}, which is not there", code="log-damaged")
    return case


PROJECTIONS: Mapping[str, Projection] = {
    OPENED.name: _opened,
    STEPPED.name: _stepped,
    APPEALED.name: _appealed,
    DECIDED.name: _decided,
}

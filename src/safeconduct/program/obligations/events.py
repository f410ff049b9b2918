"""The entries of obligations, and what they leave in the records. Digests and names; never a document."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.access.acts import record_act
from safeconduct.access.lowering import Lowered
from safeconduct.access.model.stops import Selector, SelectorKind
from safeconduct.access.noting import noted
from safeconduct.access.obligations import OBLIGATION_TIMER, Obligation
from safeconduct.kernel.effects import Timer, clear_timer, set_timer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import OrganizationId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Projection, State
from safeconduct.ledger.events import EventType
from safeconduct.program.obligations.model import DUTIES, MEETINGS, Action, Duty, Handed, Meeting, missed
from safeconduct.program.vetting.model import Person

DUTY_TIMER = "obligation.due"
"""The kind of timer whose firing calls `timing.pass_due`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyTaken:
    """What the program says of a duty since an instant; None where it says nothing any more."""

    name: str
    obligation: Obligation | None
    since: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceHandedIn:
    """The owner, or an administrator of the owner's organization, shows that the duty was met."""

    obligation: str
    kind: str
    sha256: str
    source: str
    by: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceJudged:
    """Somebody of the other party held the evidence in hand, and accepted or returned it. A return has a reason."""

    obligation: str
    sha256: str
    accepted: bool
    reason: str
    by: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyWarned:
    """A duty is due in so many days at most, or since `due_at` where `days` is 0."""

    obligation: str
    organization: OrganizationId
    owner: PrincipalId
    due_at: Instant
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TierLowered:
    """A duty is overdue by so many days, and no models above `tier` are left until it is met."""

    obligation: str
    organization: OrganizationId
    owner: PrincipalId
    due_at: Instant
    days: int
    tier: int


TAKEN = EventType("program.obligation.taken/1", DutyTaken)
HANDED_IN = EventType("program.obligation.handed-in/1", EvidenceHandedIn)
JUDGED = EventType("program.obligation.judged/1", EvidenceJudged)
WARNED = EventType("program.obligation.warned/1", DutyWarned)
LOWERED = EventType("program.obligation.lowered/1", TierLowered)


def _taken(state: State, entry: Entry) -> None:
    event = TAKEN.read(entry)
    clear_timer(state, Timer(kind=OBLIGATION_TIMER, key=event.name, due_at=event.since))
    former = state.get(DUTIES, event.name)
    if event.obligation is None:
        if former is not None:
            _keep(state, former, former.step(Action.END, passed=0, tier=None, evidence=None))
    elif former is None:
        _keep(state, None, Duty(obligation=event.obligation, counts_from=event.since))
    else:  # changed, or back after it was gone: what was met before is all that counts
        _keep(state, former, former.step(Action.TAKE, obligation=event.obligation, passed=0, tier=None))


def _handed_in(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = HANDED_IN.read(entry)
    duty = _present(state, event.obligation)
    handed = Handed(kind=event.kind, sha256=event.sha256, source=event.source, by=event.by, at=entry.at)
    _keep(state, duty, duty.step(Action.HAND_IN, evidence=handed, reason=""))


def _judged(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = JUDGED.read(entry)
    duty = _present(state, event.obligation)
    if not event.accepted:
        _keep(state, duty, duty.step(Action.RETURN, reason=event.reason))
        return
    if duty.evidence is None:
        raise _damaged(f"entry {entry.id} accepts evidence for {event.obligation} that was not handed in")
    meeting = Meeting(evidence=duty.evidence, by=event.by, entry=entry.id, at=entry.at)
    state.insert(MEETINGS, f"{event.obligation}/{event.sha256}", meeting)
    met = duty.step(Action.ACCEPT, counts_from=duty.evidence.at, passed=0, tier=None, evidence=None, reason="")
    _keep(state, duty, met)


def _warned(state: State, entry: Entry) -> None:
    duty = _present(state, WARNED.read(entry).obligation)
    _keep(state, duty, duty.step(Action.WARN, passed=duty.passed + 1))


def _lowered(state: State, entry: Entry) -> None:
    event = LOWERED.read(entry)
    duty = _present(state, event.obligation)
    after = duty.step(Action.LOWER, passed=duty.passed + 1, tier=event.tier)
    _keep(state, duty, after)
    fact = _fact(after, event.tier, entry.at)
    state.put(kept.LOWERED, fact.key, fact)


def _keep(state: State, former: Duty | None, duty: Duty) -> None:
    """Writes a duty with the timer of what comes next, and takes back what it lowered and does not any more."""
    if former is not None and former.next is not None:
        clear_timer(state, _timer(former, former.next.at))
    if former is not None and former.tier is not None and duty.tier is None:
        state.delete(kept.LOWERED, _fact(former, former.tier, duty.counts_from).key)
    state.put(DUTIES, duty.obligation.id, duty)
    if duty.next is not None:
        set_timer(state, _timer(duty, duty.next.at))


def _fact(duty: Duty, tier: int, since: Instant) -> Lowered:
    return Lowered(
        subject=Selector(SelectorKind.ORGANIZATION, duty.obligation.organization),
        tier=tier,
        obligation=duty.obligation.id,
        why=missed(duty),
        since=since,
        kinds=duty.obligation.binds,
    )


def _timer(duty: Duty, at: Instant) -> Timer:
    return Timer(kind=DUTY_TIMER, key=duty.obligation.id, due_at=at)


def _present(state: State, name: str) -> Duty:
    duty = state.get(DUTIES, name)
    if duty is None:
        raise _damaged(f"an entry speaks of obligation {name}, which is not there")
    return duty


def _damaged(what: str) -> UnavailableError:
    return UnavailableError(what, code="log-damaged")


PROJECTIONS: Mapping[str, Projection] = noted(
    {
        TAKEN.name: _taken,
        HANDED_IN.name: _handed_in,
        JUDGED.name: _judged,
        WARNED.name: _warned,
        LOWERED.name: _lowered,
    }
)

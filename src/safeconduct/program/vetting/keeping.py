"""What every step of a case leaves in the records: the case, its timers, and what the floor reads of it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from safeconduct.access import records as kept
from safeconduct.access.acts import record_act
from safeconduct.access.admissions import ADMITTED, Admission, AdmissionState
from safeconduct.access.model.stops import SelectorKind
from safeconduct.access.vetted import forget_vetting
from safeconduct.kernel.effects import Timer, clear_timer, set_timer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.ports import State as Records
from safeconduct.program.vetting.model import CASES, Case
from safeconduct.program.vetting.states import STEPS, Action, State, step

EXPIRY_TIMER = "vetting.expire"
"""The kind of timer whose firing calls `clocks.expire`."""

DUE_TIMER = "vetting.due"
"""The kind of timer whose firing calls `clocks.escalate`."""

_SEEN: Mapping[State, AdmissionState] = {
    State.OPEN: AdmissionState.APPLIED,
    State.SUBMITTED: AdmissionState.APPLIED,
    State.IN_REVIEW: AdmissionState.APPLIED,
    State.EVIDENCE_WANTED: AdmissionState.APPLIED,
    State.APPROVED: AdmissionState.APPROVED,
    State.PROVISIONED: AdmissionState.PROVISIONED,
    State.READY: AdmissionState.READY,
    State.SUSPENDED: AdmissionState.SUSPENDED,
    State.SUSPENSION_APPEALED: AdmissionState.SUSPENDED,
    State.EXPIRED: AdmissionState.EXPIRED,
    State.DENIED: AdmissionState.DENIED,
    State.APPEALED: AdmissionState.DENIED,
}
"""What the floor sees of a case; of one that was withdrawn or superseded nothing."""

_HOLDING = frozenset((*ADMITTED, AdmissionState.SUSPENDED))
"""What stays while another case of the subject is under way: an application neither widens nor narrows anything."""


def move(records: Records, entry: Entry, case: Case, action: Action, **changed: Any) -> None:  # noqa: ANN401 - fields of Case
    """Takes a step of the table, on behalf of an entry."""
    record_act(records, entry)
    for timer in _timers(case):
        clear_timer(records, timer)
    keep(records, replace(case, state=step(case.state, action).target, **changed))


def keep(records: Records, case: Case) -> None:
    """Writes a case, sets its timers, and says what the floor is to see of it."""
    records.put(CASES, case.id, case)
    for timer in _timers(case):
        set_timer(records, timer)
    _show(records, case)


def supersede(records: Records, former: EntryId) -> None:
    """Ends the case that another of the same subject takes the place of, if it still stands."""
    case = records.get(CASES, former)
    if case is not None and (case.state, Action.SUPERSEDE) in STEPS:
        for timer in _timers(case):
            clear_timer(records, timer)
        records.put(CASES, case.id, replace(case, state=step(case.state, Action.SUPERSEDE).target))


def _timers(case: Case) -> Iterator[Timer]:
    if case.due_at is not None and not case.overdue:
        yield Timer(kind=DUE_TIMER, key=case.id, due_at=case.due_at)
    if (case.state, Action.EXPIRE) in STEPS:
        yield Timer(kind=EXPIRY_TIMER, key=case.id, due_at=case.until)


def _show(records: Records, case: Case) -> None:
    subject, seen = str(case.subject), _SEEN.get(case.state)
    former = records.get(kept.ADMISSIONS, subject)
    if former is not None and former.case != case.id and _stays(former, seen):
        return
    if seen is None:
        forget_vetting(records, case.subject.kind, case.subject.name)
        return
    admission = Admission(
        subject=case.subject, state=seen, tier=case.tier, until=case.until, case=case.id, reason=case.reason
    )
    if admission == former:
        return
    if seen not in ADMITTED and case.subject.kind is SelectorKind.PRINCIPAL:
        forget_vetting(records, case.subject.kind, case.subject.name)  # what it proved it proves again
    records.put(kept.ADMISSIONS, subject, admission)


def _stays(former: Admission, seen: AdmissionState | None) -> bool:
    return seen is None or (former.state in _HOLDING and seen not in ADMITTED)

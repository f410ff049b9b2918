"""How each entry of vetting changes the records.

They follow the table: an entry whose step is none from the case's state is a damaged log's.
"""

from collections.abc import Mapping
from typing import Any

from safeconduct.access import records as kept
from safeconduct.access.acts import record_act
from safeconduct.access.admissions import PathProof
from safeconduct.access.noting import noted
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.ports import Projection
from safeconduct.kernel.ports import State as Records
from safeconduct.program.vetting.events import (
    APPEALED,
    ASSESSED,
    DECIDED,
    ENDED,
    OPENED,
    OVERDUE,
    PROVEN,
    PROVISIONED,
    RULED,
    SUBMITTED,
    SUSPENDED,
)
from safeconduct.program.vetting.keeping import keep, move, supersede
from safeconduct.program.vetting.model import CASES, Assessment, Case
from safeconduct.program.vetting.states import Action, State


def _opened(state: Records, entry: Entry) -> None:
    record_act(state, entry)
    event = OPENED.read(entry)
    case = Case(
        id=entry.id,
        subject=event.subject,
        kind=event.kind,
        organization=event.organization,
        identity=event.identity,
        tier=event.tier,
        state=State.OPEN,
        applicant=event.applicant,
        opened_at=entry.at,
    )
    keep(state, case)


def _submitted(state: Records, entry: Entry) -> None:
    event = SUBMITTED.read(entry)
    case = _case(state, event.case)
    new = {one.check: one for one in event.evidence}
    judged = {check: one for check, one in case.assessments.items() if check not in new}
    action = Action.ADD if event.due_at is None else Action.SUBMIT
    more: dict[str, Any] = {"submitted_at": entry.at, "overdue": False} if event.due_at is not None else {}
    move(
        state,
        entry,
        case,
        action,
        evidence={**case.evidence, **new},
        assessments=judged,
        due_at=event.due_at,
        **more,
    )


def _assessed(state: Records, entry: Entry) -> None:
    event = ASSESSED.read(entry)
    case = _case(state, event.case)
    assessments = {check: one for check, one in case.assessments.items() if check != event.check}
    if event.verdict is None:
        shown = {check: one for check, one in case.evidence.items() if check != event.check}
        move(
            state,
            entry,
            case,
            Action.WANT_MORE,
            evidence=shown,
            assessments=assessments,
            reason=event.reason,
            due_at=None,
        )
        return
    assessments[event.check] = Assessment(
        check=event.check, verdict=event.verdict, by=event.by, sha256=event.sha256, at=entry.at
    )
    move(state, entry, case, Action.ASSESS, assessments=assessments)


def _decided(state: Records, entry: Entry) -> None:
    event = DECIDED.read(entry)
    move(
        state,
        entry,
        _case(state, event.case),
        Action.APPROVE if event.approved else Action.DENY,
        approved=event.approved,
        until=event.until,
        reason=event.reason,
        decided_at=entry.at,
        decided_by=event.by,
        due_at=None,
        rejected=False,
    )


def _appealed(state: Records, entry: Entry) -> None:
    event = APPEALED.read(entry)
    case = _case(state, event.case)
    move(
        state,
        entry,
        case,
        Action.APPEAL,
        ground=event.ground,
        due_at=event.due_at,
        overdue=False,
        appeals=case.appeals + 1,
    )


def _ruled(state: Records, entry: Entry) -> None:
    event = RULED.read(entry)
    case = _case(state, event.case)
    if not event.upheld:
        move(state, entry, case, Action.REJECT, due_at=None, rejected=True)
        return
    anew: dict[str, Any] = {"suspended_by": None, "reason": "", "due_at": event.due_at, "upheld": case.upheld + 1}
    if not case.approved:  # the denial is set aside, with all that it rested on and those who made it
        barred = tuple(dict.fromkeys(case.took_part()))
        anew |= {"assessments": {}, "barred": barred, "decided_by": None, "decided_at": None, "approved": None}
        anew |= {"submitted_at": entry.at}
    move(state, entry, case, Action.UPHOLD, **anew)


def _provisioned(state: Records, entry: Entry) -> None:
    event = PROVISIONED.read(entry)
    case = _case(state, event.case)
    former = state.get(kept.ADMISSIONS, str(case.subject))
    if former is not None and former.case != case.id:
        supersede(state, former.case)
    action = Action.CONFIRM if event.ready else Action.PROVISION
    move(state, entry, case, action, reason="", provisioned_at=entry.at)


def _proven(state: Records, entry: Entry) -> None:
    event = PROVEN.read(entry)
    proof = PathProof(principal=event.principal, path=event.path, digest=event.digest, call=event.call, at=entry.at)
    state.put(kept.PATH_PROOFS, proof.key, proof)
    move(state, entry, _case(state, event.case), Action.PROVE)


def _suspended(state: Records, entry: Entry) -> None:
    event = SUSPENDED.read(entry)
    case = _case(state, event.case)
    move(state, entry, case, Action.SUSPEND, suspended_by=event.by, reason=event.reason, rejected=False)


def _ended(state: Records, entry: Entry) -> None:
    event = ENDED.read(entry)
    move(state, entry, _case(state, event.case), event.action, due_at=None)


def _overdue(state: Records, entry: Entry) -> None:
    move(state, entry, _case(state, OVERDUE.read(entry).case), Action.ESCALATE, overdue=True)


def _case(state: Records, case_id: EntryId) -> Case:
    found = state.get(CASES, case_id)
    if found is None:
        raise UnavailableError(f"an entry names vetting case {case_id}, which is not there", code="log-damaged")
    return found


PROJECTIONS: Mapping[str, Projection] = noted(
    {
        OPENED.name: _opened,
        SUBMITTED.name: _submitted,
        ASSESSED.name: _assessed,
        DECIDED.name: _decided,
        APPEALED.name: _appealed,
        RULED.name: _ruled,
        PROVISIONED.name: _provisioned,
        PROVEN.name: _proven,
        SUSPENDED.name: _suspended,
        ENDED.name: _ended,
        OVERDUE.name: _overdue,
    }
)

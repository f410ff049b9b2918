"""What people are told of cases: those they may see, what each lacks, and what stands against somebody's calls."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from safeconduct.access import records as kept
from safeconduct.access.due import Due, principal_owner
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.stops import Selector, SelectorKind
from safeconduct.access.standing import Standing
from safeconduct.kernel.decisions import Reason
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import EntryId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records
from safeconduct.program.vetting.acting import knows_of, sees
from safeconduct.program.vetting.applying import missing_evidence
from safeconduct.program.vetting.model import CASES, Case
from safeconduct.program.vetting.reasons import REASONS
from safeconduct.program.vetting.states import STEPS, Action, State

_ADMINISTRATOR = "an administrator who neither is nor answers for it: safeconduct vetting provision"
_NEXT: Mapping[State, str] = {
    State.IN_REVIEW: "a second reviewer: safeconduct vetting decide --approve, or --deny with a reason",
    State.APPROVED: _ADMINISTRATOR,
    State.PROVISIONED: "the subject probes its path: safeconduct path probe PATH",
    State.SUSPENDED: f"{_ADMINISTRATOR}, not the one who suspended it; or an appeal: safeconduct vetting appeal",
    State.DENIED: "an appeal: safeconduct vetting appeal; or a new case",
    State.APPEALED: "somebody who took no part: safeconduct vetting decide --uphold or --reject",
    State.SUSPENSION_APPEALED: "somebody who took no part: safeconduct vetting decide --uphold or --reject",
    State.EXPIRED: "a new case: safeconduct vetting open",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PathReadiness:
    """Whether a principal's calls pass on a path, as far as vetting goes; if not, what stands against them."""

    path: PathId
    version: int
    ready: bool
    reasons: tuple[Reason, ...]


def cases_for(records: Records, reader: Principal | None) -> tuple[Case, ...]:
    """Returns the cases that somebody may see, oldest first; all of them to who has the data in hand (None)."""
    return tuple(case for _, case in records.scan(CASES) if reader is None or sees(records, reader, case))


def judged_by(records: Records, clause: str) -> frozenset[PrincipalId]:
    """Returns who took part in what decided by a clause of the floor's, by any case of its subject; else nobody."""
    kind, _, rest = clause.partition(":")
    subject = rest.partition("/")[0] if kind == "vetting" else None
    judged = (case for _, case in records.scan(CASES) if str(case.subject) == subject)
    return frozenset(one.id for case in judged for one in case.took_part())


def case_for(records: Records, reader: Principal | None, case_id: EntryId) -> Case:
    """Returns a case.

    Raises:
        AbsentError: `case-unknown`: there is none, or not for this reader; the answer is the same.
    """
    case = records.get(CASES, case_id)
    if case is None or (reader is not None and not sees(records, reader, case)):
        raise AbsentError(f"there is no vetting case {case_id[:64]!r} that you may see", code="case-unknown")
    return case


def lacks(records: Records, case: Case, now: Instant) -> tuple[str, ...]:
    """Returns what a case needs next, each with who does it; nothing where it needs nothing."""
    rules = records.get(kept.VETTING, kept.VETTING_KEY)
    criteria = rules.criteria.get(case.kind) if rules else None
    wanted = criteria.wanted(case.tier) if criteria else ()
    if case.state in (State.OPEN, State.EVIDENCE_WANTED):
        why = f" ({REASONS[case.reason].text})" if case.reason in REASONS else ""
        return tuple(f"evidence for {check}{why}" for check in missing_evidence(case, wanted, now))
    if case.state in (State.SUBMITTED, State.IN_REVIEW):
        unseen = [check for check in wanted if check not in case.assessments]
        if unseen:
            return tuple(f"an assessment of {check}" for check in unseen)
    return (_NEXT[case.state],) if case.state in _NEXT else ()


def due(records: Records, _now: Instant) -> Iterator[Due]:
    """Yields what vetting owes and what of it ends: decisions, and approvals that want to be renewed before."""
    rules = records.get(kept.VETTING, kept.VETTING_KEY)
    for _, case in records.scan(CASES):
        name, look = f"{case.subject} (case {case.id})", f"safeconduct vetting show {case.id}"
        if case.due_at is not None and rules is not None:
            yield Due(
                kind="vetting-decision",
                name=name,
                at=case.due_at,
                owner=principal_owner(rules.escalate_to),
                consequence="it is overdue, which approves nothing",
                since=case.submitted_at or case.opened_at,
                look=look,
            )
        if (case.state, Action.EXPIRE) in STEPS:
            yield Due(
                kind="vetting",
                name=name,
                at=case.until,
                owner=principal_owner(case.applicant.id),
                consequence=f"calls that rest on {case.subject} are refused",
                since=case.decided_at or case.opened_at,
                look=look,
            )


def vetting_state(records: Records, now: Instant) -> dict[str, Any]:
    """Returns whether vetting is demanded, and how many decisions are overdue."""
    overdue = [case for _, case in records.scan(CASES) if case.due_at is not None and now >= case.due_at]
    return {"demanded": records.get(kept.VETTING, kept.VETTING_KEY) is not None, "overdue": len(overdue)}


def readiness(standing: Standing, principal: Principal, now: Instant) -> tuple[PathReadiness, ...]:
    """Returns, for each path that a principal has a grant on, whether its calls are admitted there."""
    return tuple(
        _path(standing, principal, path_id, now)
        for holder, path_id in sorted(standing.grants)
        if holder == principal.id and path_id in standing.paths
    )


def _path(standing: Standing, principal: Principal, path_id: PathId, now: Instant) -> PathReadiness:
    path = standing.paths[path_id]
    against = standing.admissions.against(principal, standing.sponsor(principal), path, now, tier=0, probe=False)
    return PathReadiness(path=path_id, version=path.version, ready=not against, reasons=against)


def principal_for(records: Records, reader: Principal | None, principal_id: PrincipalId) -> Principal:
    """Returns a principal of the program in force to whoever may know how far its vetting is.

    Raises:
        AbsentError: `principal-unknown`: there is none, or not for this reader; the answer is the same.
    """
    found = records.get(kept.PRINCIPALS, principal_id)
    subject = Selector(SelectorKind.PRINCIPAL, principal_id)
    if found is None or (reader is not None and not knows_of(records, reader, subject)):
        raise AbsentError(f"there is no principal {principal_id[:64]!r} that you may see", code="principal-unknown")
    return found

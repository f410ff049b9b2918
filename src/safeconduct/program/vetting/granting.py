"""What follows an approval: provisioning, the probe that makes a path ready, suspension, and what time does."""

from safeconduct.access import records as kept
from safeconduct.access.admissions import ADMITTED, PROBE, ProbedCall
from safeconduct.access.model.stops import SelectorKind
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.program.vetting.acting import Asked, attempt, find_case
from safeconduct.program.vetting.events import (
    ENDED,
    OVERDUE,
    PROVEN,
    PROVISIONED,
    SUSPENDED,
    CaseEnded,
    CaseSuspended,
    DecisionOverdue,
    PathProven,
    Provisioned,
)
from safeconduct.program.vetting.model import CASES, Case
from safeconduct.program.vetting.rules import Attempt, refused
from safeconduct.program.vetting.states import STEPS, Action


def provision(tx: Transaction, asked: Asked, case_id: EntryId) -> Case:
    """Lets an approved subject make probes. What has nothing to prove is ready at once.

    Raises:
        UnauthenticatedError, RefusedError, AbsentError, ConflictError: as `attempt`.
    """
    case = tx.get(CASES, case_id)
    ready = case is not None and _nothing_to_prove(tx, case)
    made = attempt(tx, asked, case_id, Action.CONFIRM if ready else Action.PROVISION)
    asked.append(tx, PROVISIONED, Provisioned(case=case_id, ready=ready, by=made.by.id))
    return find_case(tx, case_id)


def prove(tx: Transaction, asked: Asked, probe: ProbedCall) -> Case:
    """Takes a probe in the log as the proof of its path for the principal who made it.

    Raises:
        UnauthenticatedError, AbsentError, ConflictError: as `attempt`.
        RefusedError: `not-vetted`, `not-a-probe`, `probe-unanswered`, `probe-of-another-version`, `probe-too-old`.
    """
    admitted = tx.get(kept.ADMISSIONS, f"{SelectorKind.PRINCIPAL}:{probe.principal}")
    if admitted is None:
        asked.signer(tx)
        text = f"{probe.principal} was not vetted"
        raise RefusedError(text, code="not-vetted", remedy=f"safeconduct vetting open principal:{probe.principal}")
    made = attempt(tx, asked, admitted.case, Action.PROVE)
    _check_probe(tx, made, probe)
    event = PathProven(
        case=made.case.id,
        principal=probe.principal,
        path=probe.path,
        digest=probe.path_digest,
        call=probe.call,
        by=made.by.id,
    )
    asked.append(tx, PROVEN, event)
    return find_case(tx, made.case.id)


def suspend(tx: Transaction, asked: Asked, case_id: EntryId, reason: str) -> Case:
    """Suspends what was approved, at once. Calls that rest on it are cut.

    Raises:
        UnauthenticatedError, RefusedError, AbsentError, ConflictError, InvalidInputError: as `attempt`.
    """
    made = attempt(tx, asked, case_id, Action.SUSPEND, reason=reason)
    asked.append(tx, SUSPENDED, CaseSuspended(case=case_id, reason=reason, by=made.by))
    return find_case(tx, case_id)


def expire(tx: Transaction, case_id: EntryId) -> Entry | None:
    """Ends an approval whose time is over; its timer calls this. The floor refuses from that instant on by itself."""
    case = tx.get(CASES, case_id)
    if case is None or (case.state, Action.EXPIRE) not in STEPS or tx.now < case.until:
        return None
    event = CaseEnded(case=case_id, action=Action.EXPIRE, by="")
    return tx.append(kept.require_agreement(tx).origin, ENDED.draft(event))


def escalate(tx: Transaction, case_id: EntryId) -> Entry | None:
    """Says that a decision is overdue, and who answers for it now; its timer calls this. Nothing else changes."""
    case = tx.get(CASES, case_id)
    if case is None or case.due_at is None or case.overdue or tx.now < case.due_at:
        return None
    rules = tx.get(kept.VETTING, kept.VETTING_KEY)
    answers = rules.escalate_to if rules else case.applicant.id
    event = DecisionOverdue(case=case_id, due_at=case.due_at, escalated_to=answers)
    return tx.append(kept.require_agreement(tx).origin, OVERDUE.draft(event))


def _nothing_to_prove(records: Records, case: Case) -> bool:
    """Tells whether this is an organization, or renews in time what has proven its paths: neither has changed."""
    if case.subject.kind is SelectorKind.ORGANIZATION:
        return True
    former = records.get(kept.ADMISSIONS, str(case.subject))
    in_force = former is not None and former.case != case.id and former.state in ADMITTED
    return in_force and any(records.scan(kept.PATH_PROOFS, f"{case.subject.name}/"))


def _check_probe(records: Records, made: Attempt, probe: ProbedCall) -> None:
    case, path = made.case, records.get(kept.PATHS, probe.path)
    again = f"make another: safeconduct path probe {probe.path}"
    if probe.purpose != PROBE:
        raise refused(case, "not-a-probe", f"call {probe.call} had purpose {probe.purpose}, expected {PROBE}", again)
    if not probe.answered:
        raise refused(case, "probe-unanswered", f"call {probe.call} brought no whole answer", again)
    if path is None or path.digest != probe.path_digest:
        text = f"call {probe.call} went through a version of {probe.path} that is not in force"
        raise refused(case, "probe-of-another-version", text, again)
    if case.provisioned_at is None or probe.at < case.provisioned_at:
        text = f"call {probe.call} was made before {case.subject} was provisioned"
        raise refused(case, "probe-too-old", text, again)

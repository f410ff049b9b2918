"""Use cases: a signal opens a case, its ladder's steps are taken in time, a person decides. docs/spec/escalation.md.

Watch stops nobody by itself: whatever a step stops is a restriction or a freeze of access, as the program states it.
"""

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate, authenticate_act
from safeconduct.access.escalation import Act, Ladder, Step
from safeconduct.access.humans import accounts_of
from safeconduct.access.model.parties import PrincipalKind
from safeconduct.access.model.stops import Selector, SelectorKind
from safeconduct.access.reasons import check_reason
from safeconduct.access.watching import (
    RESTRICTS,
    freeze_as_stated,
    ladder_of,
    lift_as_decided,
    restrict_as_stated,
)
from safeconduct.kernel.errors import AbsentError, ConflictError, RefusedError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import MINUTE, Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.watch.case_model import CASE_KEYS, CASES, USED, Case, CaseState
from safeconduct.watch.events import (
    APPEALED,
    DECIDED,
    OPENED,
    STEPPED,
    CaseAppealed,
    CaseDecided,
    CaseOpened,
    StepTaken,
)
from safeconduct.watch.folding import used_key
from safeconduct.watch.model import Signal


def open_case(tx: Transaction, signal: Signal) -> Case | None:
    """Opens a case for a signal and takes the first step of its ladder; None where nothing new is to be reviewed.

    That is where this signal has a case already, where the last one about its subject is open, and where the evidence
    was used by a former one: however often it is found, by whoever reads the log again.
    """
    if tx.get(CASE_KEYS, signal.key) is not None or _is_used(tx, signal):
        return None
    holder = tx.get(kept.PRINCIPALS, signal.principal)
    event = CaseOpened(
        key=signal.key,
        signal=signal.kind,
        subject=signal.subject,
        selector=_concerned(tx, signal),
        principal=signal.principal,
        organization=holder.organization if holder else "",
        path=signal.path,
        window=signal.window,
        threshold=signal.threshold,
        count=signal.count,
        evidence=signal.evidence,
        text=signal.text,
    )
    entry = tx.append(kept.require_agreement(tx).origin, OPENED.draft(event))
    _take_next(tx, find_case(tx, entry.id))
    return find_case(tx, entry.id)


def pass_due(tx: Transaction, case_id: EntryId) -> None:
    """Takes the next step of a case that nobody decided in time; its timer calls this."""
    case = find_case(tx, case_id)
    if case.state is CaseState.OPEN and case.steps and case.steps[-1].due_at <= tx.now:
        _take_next(tx, case)


def decide_case(
    tx: Transaction,
    signed: SignedAct,
    *,
    operation: str,
    content: str,
    case_id: EntryId,
    confirmed: bool,
    reason: str,
) -> Case:
    """Decides a case, once. A dismissal lifts what the case restricted; what it froze ends as freezes do.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `own-case`.
        AbsentError: `case-unknown`.
        ConflictError: `case-decided`.
        InvalidInputError: `reason-missing`.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.DECIDE_CASE
    )
    case = find_case(tx, case_id)
    check_reason(reason, "the decision of a case")
    if not accounts_of(tx, signer.id).isdisjoint(_involved(tx, case)):
        raise RefusedError(
            f"{signer.id} is concerned by case {case.id}",
            code="own-case",
            clause=f"case:{case.id}",
            remedy="another person decides it",
        )
    if case.decision is not None:
        raise ConflictError(f"{case.decision.by} decided it by entry {case.decision.entry}", code="case-decided")
    lifted = () if confirmed else _lift(tx, case)
    event = CaseDecided(case=case.id, confirmed=confirmed, by=signer.id, reason=reason, lifted=lifted)
    tx.append(kept.require_agreement(tx).origin, DECIDED.draft(event, act=signed.envelope()))
    return find_case(tx, case.id)


def appeal_case(
    tx: Transaction, signed: SignedAct, *, operation: str, content: str, case_id: EntryId, reason: str
) -> Case:
    """Records an appeal of a case that stopped something: by any person of the organization that it concerns.

    Raises:
        UnauthenticatedError: nobody known signed this.
        AbsentError: `case-unknown`: there is none, or none that stopped anything of the signer's organization.
        RefusedError: `not-a-person`.
        InvalidInputError: `reason-missing`.
        ConflictError: `appeal-lodged`, `case-decided`.
    """
    signer = authenticate(tx, signed, operation=operation, content=content, now=tx.now)
    case = tx.get(CASES, case_id)
    if case is None or case.organization != signer.organization or not stopped(case):
        raise AbsentError(f"no case {case_id[:64]!r} stopped anything of yours", code="case-unknown")
    if signer.kind is not PrincipalKind.PERSON:
        raise RefusedError(f"{signer.id} is a service; only people appeal", code="not-a-person")
    check_reason(reason, "an appeal")
    if case.appeal is not None:
        raise ConflictError(f"{case.appeal.by} appealed by entry {case.appeal.entry}", code="appeal-lodged")
    if case.decision is not None:
        raise ConflictError(f"{case.decision.by} decided it by entry {case.decision.entry}", code="case-decided")
    event = CaseAppealed(case=case.id, by=signer.id, reason=reason)
    tx.append(kept.require_agreement(tx).origin, APPEALED.draft(event, act=signed.envelope()))
    return find_case(tx, case.id)


def find_case(records: Records, case_id: EntryId) -> Case:
    """Returns a case.

    Raises:
        AbsentError: `case-unknown`.
    """
    found = records.get(CASES, case_id)
    if found is None:
        raise AbsentError(f"there is no case {case_id[:64]!r}", code="case-unknown")
    return found


def stopped(case: Case) -> bool:
    """Tells whether a case restricted or froze anything."""
    return any(one.done for one in case.steps)


def _is_used(records: Records, signal: Signal) -> bool:
    last = records.get(USED, used_key(signal.kind, signal.subject))
    if last is None:
        return False
    return find_case(records, last.case).state is CaseState.OPEN or min(signal.evidence) <= last.through


def _concerned(records: Records, signal: Signal) -> Selector | None:
    """Returns what steps restrict: the one grant of the evidence, or the principal's on that path; None if unknown."""
    held = [one for one in kept.grants(records) if signal.grant in (one.id, "")]
    found = next((one for one in held if (one.principal, one.path) == (signal.principal, signal.path)), None)
    if found is not None:
        return Selector(SelectorKind.GRANT, found.id)
    known = records.get(kept.PRINCIPALS, signal.principal) is not None
    return Selector(SelectorKind.PRINCIPAL, signal.principal) if known else None


def _take_next(tx: Transaction, case: Case) -> None:
    ladder, index = ladder_of(tx, case.signal), len(case.steps)
    if ladder is None or index >= len(ladder.steps):
        return
    step = ladder.steps[index]
    due_at = Instant(tx.now + step.due_minutes * MINUTE)
    done, why = _act(tx, case, ladder, step)
    owner = tx.get(kept.PRINCIPALS, step.owner)
    event = StepTaken(
        case=case.id,
        index=index,
        action=step.action,
        by=ladder.by,
        owner=step.owner,
        organization=owner.organization if owner else kept.require_agreement(tx).partner,
        due_at=due_at,
        last=index + 1 == len(ladder.steps),
        done=done,
        why=why,
    )
    tx.append(kept.require_agreement(tx).origin, STEPPED.draft(event))


def _act(tx: Transaction, case: Case, ladder: Ladder, step: Step) -> tuple[str, str]:
    """Does what a step says; returns the entry of what it stopped, or why it stopped nothing."""
    if step.action not in RESTRICTS and step.action is not Act.FREEZE:
        return "", ""
    if case.selector is None:
        return "", "nothing of the program is known to be concerned"
    reason = f"case {case.id}: {case.text}"
    try:
        if step.action is Act.FREEZE:
            return freeze_as_stated(tx, ladder, step, case.selector, reason), ""
        return restrict_as_stated(tx, ladder, step, case.selector, reason), ""
    except RefusedError as error:
        return "", error.code


def _lift(tx: Transaction, case: Case) -> tuple[str, ...]:
    return tuple(one.done for one in case.steps if one.done and lift_as_decided(tx, EntryId(one.done), one.by))


def _involved(records: Records, case: Case) -> set[str]:
    """Returns whom a case is about, who answers for them, and who appealed: none of them decides it."""
    holder = records.get(kept.PRINCIPALS, case.principal)
    named = {case.principal, holder.sponsor if holder else None, case.appeal.by if case.appeal else None}
    return {one for one in named if one}

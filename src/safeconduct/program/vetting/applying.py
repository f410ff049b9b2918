"""What an applicant does: open a case, submit evidence, appeal, withdraw."""

from collections.abc import Iterable

from safeconduct.access import records as kept
from safeconduct.access.catalogue import TIER_MAX
from safeconduct.access.model.stops import Selector, SelectorKind
from safeconduct.access.vetted import identity
from safeconduct.access.vetting import SubjectKind, VettingRules, kind_of
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError
from safeconduct.kernel.ids import EntryId, OrganizationId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.program.evidence import check_evidence
from safeconduct.program.vetting.acting import Asked, applies_for, attempt, find_case
from safeconduct.program.vetting.business import business_due
from safeconduct.program.vetting.events import (
    APPEALED,
    ENDED,
    OPENED,
    SUBMITTED,
    Appealed,
    CaseEnded,
    CaseOpened,
    EvidenceSubmitted,
)
from safeconduct.program.vetting.model import CASES, Case, Evidence, person
from safeconduct.program.vetting.rules import criteria_of, rules_of
from safeconduct.program.vetting.states import UNDECIDED, Action

EVIDENCE_MAX = 32
"""Pieces of evidence in one request: one for each check there can be."""


def open_case(tx: Transaction, asked: Asked, subject: Selector, tier: int) -> Case:
    """Opens a case for a subject, which may have one under way.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        AbsentError: `subject-unknown`: there is no such principal or organization, or not for this signer.
        ConflictError: `case-open`.
        InvalidInputError: `vetting-not-demanded`, `criteria-missing`, or no such tier.
    """
    signer = asked.signer(tx)
    kind, organization, found = _subject(tx, subject)
    if not applies_for(tx, signer, subject):
        raise _nobody(subject)
    if not 0 <= tier <= TIER_MAX:
        raise InvalidInputError(f"expected a tier from 0 to {TIER_MAX}, got {tier}")
    under_way = next((one for one in cases_of(tx, subject) if one.state in UNDECIDED), None)
    if under_way is not None:
        raise ConflictError(
            f"case {under_way.id} of {subject} is {under_way.state}",
            code="case-open",
            remedy=f"go on with it, or withdraw it: safeconduct vetting withdraw {under_way.id}",
        )
    criteria_of(tx, kind)
    event = CaseOpened(
        subject=subject,
        kind=kind,
        organization=organization,
        identity=found,
        tier=tier,
        applicant=person(signer),
    )
    return find_case(tx, asked.append(tx, OPENED, event).id)


def submit(tx: Transaction, asked: Asked, case_id: EntryId, evidence: tuple[Evidence, ...]) -> Case:
    """Adds evidence. With the last that was missing the case is submitted, and a decision is due.

    Raises:
        UnauthenticatedError, RefusedError, AbsentError, ConflictError: as `attempt`; `evidence-expired`.
        InvalidInputError: `evidence-invalid`, `check-unknown`.
    """
    case = tx.get(CASES, case_id)
    wanted = criteria_of(tx, case.kind).wanted(case.tier) if case else ()
    complete = case is not None and not missing_evidence(case, wanted, tx.now, evidence)
    made = attempt(tx, asked, case_id, Action.SUBMIT if complete else Action.ADD, evidence=evidence)
    _check_evidence(made.case, evidence, wanted)
    due = due_at(rules_of(tx), tx.now) if complete else None
    event = EvidenceSubmitted(case=case_id, evidence=evidence, due_at=due, by=made.by.id)
    asked.append(tx, SUBMITTED, event)
    return find_case(tx, case_id)


def appeal(tx: Transaction, asked: Asked, case_id: EntryId, ground: str) -> Case:
    """Appeals against a denial or a suspension, once.

    Raises:
        UnauthenticatedError, RefusedError, AbsentError, ConflictError, InvalidInputError: as `attempt`.
    """
    made = attempt(tx, asked, case_id, Action.APPEAL, reason=ground)
    event = Appealed(case=case_id, ground=ground, due_at=due_at(rules_of(tx), tx.now), by=made.by.id)
    asked.append(tx, APPEALED, event)
    return find_case(tx, case_id)


def withdraw(tx: Transaction, asked: Asked, case_id: EntryId) -> Case:
    """Ends a case for good. What was admitted by it is not any more.

    Raises:
        UnauthenticatedError, RefusedError, AbsentError, ConflictError: as `attempt`.
    """
    made = attempt(tx, asked, case_id, Action.WITHDRAW)
    asked.append(tx, ENDED, CaseEnded(case=case_id, action=Action.WITHDRAW, by=made.by.id))
    return find_case(tx, case_id)


def missing_evidence(
    case: Case, wanted: Iterable[str], now: Instant, added: Iterable[Evidence] = ()
) -> tuple[str, ...]:
    """Returns the checks for which there is no evidence that still counts."""
    shown = {**case.evidence, **{one.check: one for one in added}}
    return tuple(check for check in wanted if check not in shown or now >= shown[check].expires_at)


def due_at(rules: VettingRules, now: Instant) -> Instant:
    """Returns when what is asked now must have been decided."""
    return business_due(now, rules.decide_within_days, rules.holidays)


def cases_of(records: Records, subject: Selector) -> tuple[Case, ...]:
    """Returns a subject's cases, oldest first."""
    return tuple(case for _, case in records.scan(CASES) if case.subject == subject)


def _subject(tx: Transaction, subject: Selector) -> tuple[SubjectKind, OrganizationId, str]:
    if subject.kind is SelectorKind.ORGANIZATION:
        organization = tx.get(kept.ORGANIZATIONS, subject.name)
        if organization is not None:
            return kind_of(organization), organization.id, identity(organization)
    elif subject.kind is SelectorKind.PRINCIPAL:
        principal = tx.get(kept.PRINCIPALS, subject.name)
        if principal is not None:
            home = tx.get(kept.ORGANIZATIONS, principal.organization)
            return kind_of(principal, home), principal.organization, identity(principal)
    raise _nobody(subject)


def _nobody(subject: Selector) -> AbsentError:
    return AbsentError(
        f"there is no {str(subject)[:80]!r} that you could have vetted",
        code="subject-unknown",
        remedy="name organization:NAME or principal:NAME of the program, as it, its sponsor or its administrator",
    )


def _check_evidence(case: Case, evidence: tuple[Evidence, ...], wanted: tuple[str, ...]) -> None:
    if not 1 <= len(evidence) <= EVIDENCE_MAX or len({one.check for one in evidence}) < len(evidence):
        text = f"expected 1 to {EVIDENCE_MAX} pieces of evidence, each for another check, got {len(evidence)}"
        raise InvalidInputError(text, code="evidence-invalid")
    for one in evidence:
        if one.check not in wanted:
            text = f"{case.kind} of tier {case.tier} has no check {one.check[:64]!r}; it has {', '.join(wanted)}"
            raise InvalidInputError(text, code="check-unknown")
        check_evidence(one.kind, one.sha256, one.source)

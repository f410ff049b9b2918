"""What each demand of the table asks of a step, as a function that says no by its name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.access.model.stops import SelectorKind
from safeconduct.access.vetting import Criteria, SecondReviewer, SubjectKind, VettingRules
from safeconduct.kernel.errors import InvalidInputError, RefusedError
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.program.vetting.model import Case, Evidence, Person, Verdict
from safeconduct.program.vetting.reasons import check_code
from safeconduct.program.vetting.states import Demand, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A step that somebody wants to take, and all that its demands ask about.

    `evidence` is what the step is about: added, or looked at with a digest of its own, `seen`. `answerable` are those
    who answer for the subject.
    """

    case: Case
    step: Step
    by: Person
    now: Instant
    criteria: Criteria
    answerable: tuple[Person, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    seen: str = ""
    reason: str = ""


def check_demands(attempt: Attempt) -> None:
    """Returns if the step has all that it demands. `probe` is asked where the probe is at hand.

    Raises:
        RefusedError, InvalidInputError: with the demand's code and clause.
    """
    for demand in attempt.step.demands:
        if demand in _RULES:
            _RULES[demand](attempt)


def refused(case: Case, code: str, text: str, remedy: str, clause: str = "") -> RefusedError:
    """Returns the refusal of a step on a case."""
    return RefusedError(text, code=code, clause=clause or f"vetting:{case.subject}/{case.id}", remedy=remedy)


def _disinterested(attempt: Attempt) -> None:
    case, by = attempt.case, attempt.by
    # Whoever is of an organization that is vetted judges themselves.
    of_it = case.subject.kind is SelectorKind.ORGANIZATION and by.organization == case.subject.name
    if of_it or _among(by, (*attempt.answerable, case.applicant)):
        text = f"{by.id} is, answers or applied for {case.subject}"
        raise refused(case, "own-vetting", text, "somebody else takes this step")
    if _among(by, case.barred):
        text = f"{by.id} took part in the decision that an appeal set aside"
        raise refused(case, "took-part", text, "somebody who took no part takes this step")


def _same(attempt: Attempt) -> None:
    for found in attempt.evidence:
        if attempt.seen != found.sha256:
            text = f"the evidence on record for {found.check} has SHA-256 {found.sha256}, got {attempt.seen[:64]!r}"
            remedy = "look at the very bytes that were submitted, or have them submitted again"
            raise refused(attempt.case, "evidence-changed", text, remedy)


def _current(attempt: Attempt) -> None:
    shown = attempt.case.evidence
    wanted = attempt.criteria.wanted(attempt.case.tier)
    for one in attempt.evidence or [shown[check] for check in wanted if check in shown]:
        if attempt.now >= one.expires_at:
            text = f"the evidence for {one.check} expired at {rfc3339(one.expires_at)}"
            raise refused(attempt.case, "evidence-expired", text, "ask for more, and have newer evidence submitted")


def _all_passed(attempt: Attempt) -> None:
    case = attempt.case
    missing = [check for check in attempt.criteria.wanted(case.tier) if not _passed(case, check)]
    if missing:
        text = f"not every check is passed: {', '.join(missing)}"
        remedy = f"assess them first: safeconduct vetting assess {case.id}"
        raise refused(case, "checks-open", text, remedy)


def _a_failure(attempt: Attempt) -> None:
    if all(one.verdict is not Verdict.FAIL for one in attempt.case.assessments.values()):
        text = "no check failed, and nothing else is a ground to deny"
        raise refused(attempt.case, "nothing-failed", text, "assess the check that fails, or approve")


def _second(attempt: Attempt) -> None:
    case, by = attempt.case, attempt.by
    assessors = [one.by for one in case.assessments.values()]
    if _among(by, assessors):
        text = f"{by.id} assessed checks of this case"
        raise refused(case, "second-reviewer", text, "somebody who assessed none of them decides")
    other = attempt.criteria.second_reviewer is SecondReviewer.OTHER_ORGANIZATION
    if other and any(one.organization == by.organization for one in assessors):
        text = f"an assessor is of {by.organization} too, and the criteria want a second reviewer of the other party"
        clause = f"vetting:criteria/{case.kind}/second_reviewer"
        raise refused(case, "second-reviewer", text, "somebody of the other party decides", clause)


def _no_part(attempt: Attempt) -> None:
    if _among(attempt.by, attempt.case.took_part()):
        text = f"{attempt.by.id} took part in what is appealed"
        raise refused(attempt.case, "took-part", text, "somebody who took no part rules on it")


def _another(attempt: Attempt) -> None:
    suspended = attempt.case.suspended_by
    if suspended is not None and attempt.by.is_one_with(suspended):
        text = f"{attempt.by.id} suspended it"
        raise refused(attempt.case, "another-person", text, "another administrator provisions it again")


def _first_appeal(attempt: Attempt) -> None:
    if attempt.case.rejected:
        text = "an appeal against it was turned down"
        raise refused(attempt.case, "appealed-already", text, "open a new case, with what was missing")


def _reason(attempt: Attempt) -> None:
    check_code(attempt.reason, attempt.step.action)


def _in_time(attempt: Attempt) -> None:
    case = attempt.case
    if attempt.now >= case.until:
        text = f"the approval ended at {rfc3339(case.until)}"
        remedy = f"it is vetted again: safeconduct vetting open {case.subject}"
        raise refused(case, "vetting-expired", text, remedy)


_RULES: Mapping[Demand, Callable[[Attempt], None]] = {
    Demand.DISINTERESTED: _disinterested,
    Demand.EVIDENCE_SAME: _same,
    Demand.EVIDENCE_CURRENT: _current,
    Demand.ALL_PASSED: _all_passed,
    Demand.A_FAILURE: _a_failure,
    Demand.SECOND_PERSON: _second,
    Demand.NO_PART: _no_part,
    Demand.ANOTHER_PERSON: _another,
    Demand.FIRST_APPEAL: _first_appeal,
    Demand.REASON: _reason,
    Demand.IN_TIME: _in_time,
}


def rules_of(records: Records) -> VettingRules:
    """Returns the section `vetting` of the program in force.

    Raises:
        InvalidInputError: `vetting-not-demanded`.
    """
    rules = records.get(kept.VETTING, kept.VETTING_KEY)
    if rules is None:
        raise InvalidInputError(
            "the program in force demands no vetting",
            code="vetting-not-demanded",
            remedy="an administrator applies a program with the section vetting",
        )
    return rules


def criteria_of(records: Records, kind: SubjectKind) -> Criteria:
    """Returns what is demanded of a kind of subject by the program in force.

    Raises:
        InvalidInputError: `vetting-not-demanded`, `criteria-missing`.
    """
    found = rules_of(records).criteria.get(kind)
    if found is None:
        raise InvalidInputError(f"the program says nothing of vetting a {kind}", code="criteria-missing")
    return found


def _passed(case: Case, check: str) -> bool:
    found, shown = case.assessments.get(check), case.evidence.get(check)
    return found is not None and shown is not None and found.verdict is Verdict.PASS and found.sha256 == shown.sha256


def _among(by: Person, others: Iterable[Person]) -> bool:
    return any(by.is_one_with(one) for one in others)

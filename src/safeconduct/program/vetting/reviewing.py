"""What those do who judge a case: assess its checks, decide, rule on an appeal."""

from enum import StrEnum

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import DAY, Instant
from safeconduct.kernel.ports import Transaction
from safeconduct.program.vetting.acting import Asked, attempt, find_case
from safeconduct.program.vetting.applying import due_at
from safeconduct.program.vetting.events import ASSESSED, DECIDED, RULED, AppealRuled, CaseDecided, CheckAssessed
from safeconduct.program.vetting.model import CASES, NEVER, Case, Verdict
from safeconduct.program.vetting.rules import Attempt, criteria_of, rules_of
from safeconduct.program.vetting.states import Action, State


class Ruling(StrEnum):
    """What a reviewer says: of a case, or of an appeal."""

    APPROVE = "approve"
    DENY = "deny"
    UPHOLD = "uphold"
    REJECT = "reject"


def assess(
    tx: Transaction, asked: Asked, case_id: EntryId, check: str, *, verdict: Verdict | None, sha256: str, reason: str
) -> Case:
    """Says what was found of one check, on the very evidence submitted; without a verdict, that more is wanted.

    Raises:
        UnauthenticatedError, RefusedError, AbsentError, ConflictError, InvalidInputError: as `attempt`.
        InvalidInputError: `check-unknown`.
    """
    case = tx.get(CASES, case_id)
    shown = case.evidence.get(check) if case else None
    action = Action.WANT_MORE if verdict is None else Action.ASSESS
    made = attempt(tx, asked, case_id, action, evidence=(shown,) if shown else (), seen=sha256, reason=reason)
    if shown is None:
        wanted = ", ".join(criteria_of(tx, made.case.kind).wanted(made.case.tier))
        raise InvalidInputError(f"there is no evidence for a check {check[:64]!r} of {wanted}", code="check-unknown")
    event = CheckAssessed(case=case_id, check=check, sha256=shown.sha256, verdict=verdict, reason=reason, by=made.by)
    asked.append(tx, ASSESSED, event)
    return find_case(tx, case_id)


def decide(tx: Transaction, asked: Asked, case_id: EntryId, ruling: Ruling, reason: str) -> Case:
    """Approves or denies a case, or rules on an appeal. A denial needs a reason of the closed list.

    Raises:
        UnauthenticatedError, RefusedError, AbsentError, ConflictError, InvalidInputError: as `attempt`.
    """
    made = attempt(tx, asked, case_id, Action(ruling.value), reason=reason)
    if ruling in (Ruling.APPROVE, Ruling.DENY):
        approved = ruling is Ruling.APPROVE
        until = _until(made) if approved else NEVER
        event = CaseDecided(case=case_id, approved=approved, until=until, reason="" if approved else reason, by=made.by)
        asked.append(tx, DECIDED, event)
        return find_case(tx, case_id)
    upheld = ruling is Ruling.UPHOLD
    anew = upheld and made.case.state is State.APPEALED
    due = due_at(rules_of(tx), tx.now) if anew else None
    asked.append(tx, RULED, AppealRuled(case=case_id, upheld=upheld, due_at=due, by=made.by))
    return find_case(tx, case_id)


def _until(made: Attempt) -> Instant:
    """Returns when an approval ends: after the days that the criteria give it, and not after its evidence."""
    wanted = made.criteria.wanted(made.case.tier)
    ends = [made.case.evidence[check].expires_at for check in wanted]
    return min(Instant(made.now + made.criteria.valid_days * DAY), *ends)

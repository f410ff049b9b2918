"""Meeting a duty: its owner hands evidence in, and somebody of the other party accepts or returns it, for a reason."""

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, require
from safeconduct.access.model.parties import Principal, Role
from safeconduct.access.reasons import check_reason
from safeconduct.kernel.errors import AbsentError, RefusedError
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.program.evidence import check_evidence
from safeconduct.program.obligations.events import HANDED_IN, JUDGED, EvidenceHandedIn, EvidenceJudged
from safeconduct.program.obligations.model import DUTIES, MEETINGS, Action, Duty, Handed
from safeconduct.program.obligations.timing import pass_due
from safeconduct.program.vetting.acting import Asked
from safeconduct.program.vetting.model import person


def find_duty(records: Records, name: str) -> Duty:
    """Returns a duty, also one that the program says no more.

    Raises:
        AbsentError: `obligation-unknown`.
    """
    found = records.get(DUTIES, name)
    if found is None:
        raise AbsentError(
            f"there is no obligation {name[:64]!r}",
            code="obligation-unknown",
            remedy="safeconduct obligation list shows what is owed",
        )
    return found


def hand_in(tx: Transaction, asked: Asked, name: str, *, kind: str, sha256: str, source: str) -> Duty:
    """Shows by evidence that a duty was met. It stops no clock; once accepted it counts from now.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `obligation-not-yours`, `evidence-used`.
        AbsentError: `obligation-unknown`.
        ConflictError: `duty-over`.
        InvalidInputError: `evidence-invalid`.
    """
    signer = asked.signer(tx)
    duty = find_duty(tx, name)
    _check_owes(duty, signer)
    duty.step(Action.HAND_IN)
    check_evidence(kind, sha256, source)
    if tx.get(MEETINGS, f"{name}/{sha256}") is not None:
        text = f"evidence with SHA-256 {sha256} met obligation {name} before, and meets it once"
        raise _refused(duty, "evidence-used", text, "hand in what shows that it was done since")
    event = EvidenceHandedIn(obligation=name, kind=kind, sha256=sha256, source=source, by=person(signer))
    asked.append(tx, HANDED_IN, event)
    return find_duty(tx, name)


def judge(tx: Transaction, asked: Asked, name: str, *, sha256: str, accepted: bool, reason: str = "") -> Duty:
    """Accepts evidence, with which the duty is met and what it lowered is raised; or returns it, for a reason.

    `sha256` is of the document that the signer held in hand.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `own-obligation`, `evidence-changed`.
        AbsentError: `obligation-unknown`.
        ConflictError: `duty-STATE`: no evidence waits.
        InvalidInputError: a return needs a reason.
    """
    signer = asked.signer(tx)
    duty = find_duty(tx, name)
    require(signer, Capability.ACCEPT_EVIDENCE)
    duty.step(Action.ACCEPT if accepted else Action.RETURN)
    handed = duty.evidence
    if handed is None or not _disinterested(tx, duty, handed, signer):
        text = f"{signer.id} is not of the other party than {duty.obligation.organization}, or handed it in"
        raise _refused(duty, "own-obligation", text, "somebody of the other party accepts or returns it")
    if handed.sha256 != sha256:
        text = f"what was handed in has SHA-256 {handed.sha256}, got {sha256[:64]!r}"
        raise _refused(duty, "evidence-changed", text, "look at the very bytes that were handed in")
    if not accepted:
        check_reason(reason, "a return")
    event = EvidenceJudged(obligation=name, sha256=sha256, accepted=accepted, reason=reason, by=person(signer))
    asked.append(tx, JUDGED, event)
    pass_due(tx, name)  # accepted so late that it is due again: nothing is open between
    return find_duty(tx, name)


def _check_owes(duty: Duty, signer: Principal) -> None:
    administers = Role.ADMINISTRATOR in signer.roles and signer.organization == duty.obligation.organization
    if signer.id != duty.obligation.owner and not administers:
        text = f"{duty.obligation.owner} owes it, or an administrator of {duty.obligation.organization} for them"
        raise _refused(duty, "obligation-not-yours", text, "one of them hands it in")


def _disinterested(tx: Transaction, duty: Duty, handed: Handed, signer: Principal) -> bool:
    agreement = kept.require_agreement(tx)
    others = {agreement.provider, agreement.partner} - {duty.obligation.organization}
    return signer.organization in others and not person(signer).is_one_with(handed.by)


def _refused(duty: Duty, code: str, text: str, remedy: str) -> RefusedError:
    return RefusedError(text, code=code, clause=f"obligation:{duty.obligation.id}", remedy=remedy)

"""Who takes a step, and whether they may: the signature, the role or the standing as applicant, and the demands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate, refuse_frozen, require
from safeconduct.access.model.parties import Organization, OrganizationRole, Principal, Role
from safeconduct.access.model.stops import Selector, SelectorKind
from safeconduct.access.vetted import identity
from safeconduct.kernel.entries import Draft, Entry
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.events import EventType, T
from safeconduct.program.vetting.model import CASES, Case, Person, person
from safeconduct.program.vetting.rules import Attempt, check_demands, criteria_of, refused
from safeconduct.program.vetting.states import Action, Actor, step

CAPABILITIES: Mapping[Actor, Capability] = {
    Actor.ASSESSOR: Capability.ASSESS_SUBJECT,
    Actor.REVIEWER: Capability.DECIDE_VETTING,
    Actor.ADMINISTRATOR: Capability.PROVISION_SUBJECT,
    Actor.PROTECTOR: Capability.SUSPEND_SUBJECT,
}
"""What each actor of the table needs; applicants need to be one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A signed request: the act, and what it must have been signed over."""

    act: SignedAct
    operation: str
    content: str

    def signer(self, tx: Transaction) -> Principal:
        """Returns who signed.

        Raises:
            UnauthenticatedError: as `access.acts.authenticate`.
            RefusedError: `principal-frozen`.
        """
        found = authenticate(tx, self.act, operation=self.operation, content=self.content, now=tx.now)
        refuse_frozen(tx, found)
        return found

    def append(self, tx: Transaction, kind: EventType[T], event: T) -> Entry:
        """Appends an event with the act that caused it, to the agreement's log."""
        draft: Draft = kind.draft(event, act=self.act.envelope())
        return tx.append(kept.require_agreement(tx).origin, draft)


def attempt(tx: Transaction, asked: Asked, case_id: EntryId, action: Action, **about: Any) -> Attempt:  # noqa: ANN401 - fields of Attempt
    """Returns the step that the signer takes, with every demand met.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not, or a demand says no.
        AbsentError: `case-unknown`: there is none, or not for this applicant.
        ConflictError: `vetting-state`.
        InvalidInputError: `reason-unknown`.
    """
    signer = asked.signer(tx)
    case = find_case(tx, case_id) if sees(tx, signer, tx.get(CASES, case_id)) else _unknown(case_id)
    row = step(case.state, action)
    if row.actor is Actor.APPLICANT:
        if not applies_for(tx, signer, case.subject):
            _unknown(case_id)
    else:
        require(signer, CAPABILITIES[row.actor])
    check_identity(tx, case, action)
    made = Attempt(
        case=case,
        step=row,
        by=person(signer),
        now=tx.now,
        criteria=criteria_of(tx, case.kind),
        answerable=tuple(answerable(tx, case.subject)),
        **about,
    )
    check_demands(made)
    return made


def check_identity(records: Records, case: Case, action: Action) -> None:
    """Returns if the subject's name means in the program whom it meant when the case was opened.

    Raises:
        RefusedError: `subject-changed`. Such a case can only be withdrawn.
    """
    name = case.subject.name
    principal = case.subject.kind is SelectorKind.PRINCIPAL
    found = records.get(kept.PRINCIPALS, name) if principal else records.get(kept.ORGANIZATIONS, name)
    if action is not Action.WITHDRAW and identity(found) != case.identity:
        text = f"{case.subject} is not in the program any more as it was when the case was opened"
        remedy = f"safeconduct vetting withdraw {case.id}, and open a case for whom the name means now"
        raise refused(case, "subject-changed", text, remedy)


def find_case(records: Records, case_id: EntryId) -> Case:
    """Returns a case.

    Raises:
        AbsentError: `case-unknown`.
    """
    return records.get(CASES, case_id) or _unknown(case_id)


def sees(records: Records, reader: Principal, case: Case | None) -> bool:
    """Tells whether there is a case and somebody may know of it."""
    return case is not None and knows_of(records, reader, case.subject)


def knows_of(records: Records, reader: Principal, subject: Selector) -> bool:
    """Tells whether somebody may know how far a subject is: it, who answers for it, and whoever judges cases."""
    judges = {Role.ADMINISTRATOR, Role.TRUST_AND_SAFETY, Role.RESPONDER} & set(reader.roles)
    return bool(judges) or applies_for(records, reader, subject)


def applies_for(records: Records, signer: Principal, subject: Selector) -> bool:
    """Tells whether somebody speaks for a subject: it itself, its sponsor, or an administrator of its organization.

    An organization that is a subprocessor, and its people, the partner's administrators speak for.
    """
    principal = records.get(kept.PRINCIPALS, subject.name) if subject.kind is SelectorKind.PRINCIPAL else None
    if principal is not None and signer.id in (principal.id, principal.sponsor):
        return True
    home = principal.organization if principal else subject.name
    organization = records.get(kept.ORGANIZATIONS, home)
    return Role.ADMINISTRATOR in signer.roles and signer.organization == _speaker(records, organization)


def answerable(records: Records, subject: Selector) -> Iterator[Person]:
    """Yields the principal that is the subject and its sponsor, as those who are not to judge it."""
    principal = records.get(kept.PRINCIPALS, subject.name) if subject.kind is SelectorKind.PRINCIPAL else None
    sponsor = records.get(kept.PRINCIPALS, principal.sponsor) if principal and principal.sponsor else None
    return (person(one) for one in (principal, sponsor) if one is not None)


def _speaker(records: Records, organization: Organization | None) -> str | None:
    if organization is None:
        return None
    outside = organization.role is OrganizationRole.SUBPROCESSOR
    return kept.require_agreement(records).partner if outside else organization.id


def _unknown(case_id: str) -> Case:
    raise AbsentError(
        f"there is no vetting case {case_id[:64]!r} that you may see",
        code="case-unknown",
        remedy="safeconduct vetting list shows yours",
    )

"""What a program demands before anybody's calls are taken: checks by kind of subject and tier, and how they are judged.

The section `vetting` of the program file. Without it the program itself, signed by an administrator and cosigned by the
partner's witness, is what admits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from safeconduct.access.model.parties import Organization, OrganizationRole, Principal, PrincipalKind
from safeconduct.access.path_schema import TIER
from safeconduct.access.reading import NAME, NAME_FORM, Choice, FieldSpec, ListOf, Named, Section, Text, Whole
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import PrincipalId

VALID_DAYS_MAX = 1_095
"""Days that a vetting can hold: three years. Organizations change hands sooner than that."""

DECIDE_WITHIN_MAX = 60
"""Business days that a decision can be given: a quarter. Who waits longer was not told the truth."""

CHECKS_MAX = 32
"""Checks of one kind of subject. An assessor looks at each with evidence in hand."""

HOLIDAYS_MAX = 400
"""Days that are no business days: some twenty a year for two parties, over ten years."""


class SubjectKind(StrEnum):
    """What is vetted. A contractor is a person of an organization with role subprocessor."""

    ORGANIZATION = "organization"
    PERSON = "person"
    CONTRACTOR = "contractor"
    SERVICE = "service"
    AGENT = "agent"


class SecondReviewer(StrEnum):
    """Who may decide after others assessed."""

    ANOTHER_PERSON = "another-person"
    OTHER_ORGANIZATION = "other-organization"  # of a party that none of the assessors belongs to


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing to be shown by evidence, from a tier on. `about` says what has to be seen."""

    id: str
    about: str
    tier: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What is demanded of one kind of subject, and for how many days an approval holds."""

    kind: SubjectKind
    valid_days: int
    second_reviewer: SecondReviewer
    checks: Mapping[str, Check]

    def wanted(self, tier: int) -> tuple[str, ...]:
        """Returns the checks for a tier, by name."""
        return tuple(sorted(name for name, check in self.checks.items() if check.tier <= tier))


@dataclass(frozen=True, slots=True, kw_only=True)
class VettingRules:
    """The section as it stands in the records. `holidays` are UTC days on which no decision is expected.

    `decide_within_days` are business days from the submission; `escalate_to` answers for a decision that is overdue.
    """

    decide_within_days: int
    escalate_to: PrincipalId
    holidays: tuple[str, ...]
    criteria: Mapping[str, Criteria]


def kind_of(subject: Organization | Principal, organization: Organization | None = None) -> SubjectKind:
    """Returns what kind of subject this is. A principal's organization tells a contractor from a person."""
    if isinstance(subject, Organization):
        return SubjectKind.ORGANIZATION
    if subject.kind is not PrincipalKind.PERSON:
        return SubjectKind(subject.kind.value)
    outside = organization is not None and organization.role is OrganizationRole.SUBPROCESSOR
    return SubjectKind.CONTRACTOR if outside else SubjectKind.PERSON


def _check_day(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(f"there is no day {text!r}") from None


_DAY = Text("day", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", _check_day, "a day, such as 2026-12-25")
_CHECK = Section(
    (
        FieldSpec("about", Text("text of up to 500", r"(?s).{1,500}"), "what the evidence has to show"),
        FieldSpec("tier", TIER, "from which tier on it is demanded", required=False, default=0),
    ),
    "check",
)
_CRITERIA = Section(
    (
        FieldSpec("valid_days", Whole(1, VALID_DAYS_MAX), "days from the approval until it must have been renewed"),
        FieldSpec(
            "second_reviewer",
            Choice(tuple(SecondReviewer)),
            "who decides after the checks were assessed: another person, or one of the other party",
        ),
        FieldSpec(
            "checks",
            Named(_CHECK, CHECKS_MAX, 1, key=Text("name", NAME, form=NAME_FORM)),
            "what must be shown; all that its tier demands",
        ),
    ),
    "criteria",
)
VETTING = Section(
    (
        FieldSpec(
            "decide_within_days",
            Whole(1, DECIDE_WITHIN_MAX),
            "business days, Monday to Friday in UTC, from a submission until its decision is due",
        ),
        FieldSpec("escalate_to", Text("name", NAME, form=NAME_FORM), "the person who answers for what is overdue"),
        FieldSpec(
            "holidays", ListOf(_DAY, HOLIDAYS_MAX), "further days that are no business days", required=False, default=[]
        ),
        FieldSpec(
            "criteria",
            Named(_CRITERIA, len(SubjectKind), 1, words=tuple(SubjectKind), id_attribute="kind"),
            "by kind of subject, what is demanded; a kind that has none can't be vetted, and so makes no calls",
        ),
    ),
    "vetting",
)

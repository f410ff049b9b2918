"""The nouns of vetting, as they stand in the records. All frozen; every change is an entry that writes new ones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from safeconduct.access.humans import stated_human
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.stops import Selector
from safeconduct.access.vetting import SubjectKind
from safeconduct.kernel.ids import EntryId, OrganizationId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection
from safeconduct.program.vetting.states import State

NEVER = Instant(0)
"""When an approval ends that there never was."""


class Verdict(StrEnum):
    """What an assessor found of one check."""

    PASS = "pass"  # noqa: S105 - a verdict, not a secret
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was shown for a check: a digest and where it is from. The document stays with whoever has it.

    `kind` and `source` are names, such as `passport` and `civil-registry`; `sha256` is over the document's bytes.
    It counts until just before `expires_at`.
    """

    check: str
    kind: str
    sha256: str
    source: str
    expires_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who took part. `human` tells one human from another: as the program states it, else by account."""

    id: PrincipalId
    human: str
    organization: OrganizationId

    def is_one_with(self, other: "Person") -> bool:
        """Tells whether the two are one human, as far as the program says."""
        return self.id == other.id or self.human == other.human


def person(principal: Principal) -> Person:
    """Returns a principal as somebody who takes part."""
    human = stated_human(principal) or f"principal:{principal.id}"
    return Person(id=principal.id, human=human, organization=principal.organization)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """That somebody held a check's evidence of that digest in hand, and what they found."""

    check: str
    verdict: Verdict
    by: Person
    sha256: str
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One subject's vetting. `evidence` and `assessments` are by check; `tier` is what it was opened for.

    `identity` is a digest of whom the subject's name meant when it was opened (access.vetted).
    `due_at` is when a decision is due, None while none is; `until` when the approval ends, 0 before there is one.
    `reason` is that of the last refusal, suspension or wish for more, `ground` that of the last appeal; `rejected` says
    that an appeal against what stands now was turned down. `barred` took part in what an appeal set aside. A probe
    counts from `provisioned_at` on.
    """

    id: EntryId
    subject: Selector
    kind: SubjectKind
    organization: OrganizationId
    identity: str
    tier: int
    state: State
    applicant: Person
    opened_at: Instant
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    assessments: Mapping[str, Assessment] = field(default_factory=dict)
    reason: str = ""
    submitted_at: Instant | None = None
    due_at: Instant | None = None
    overdue: bool = False
    decided_at: Instant | None = None
    decided_by: Person | None = None
    approved: bool | None = None
    until: Instant = NEVER
    provisioned_at: Instant | None = None
    suspended_by: Person | None = None
    ground: str = ""
    rejected: bool = False
    appeals: int = 0
    upheld: int = 0
    barred: tuple[Person, ...] = ()

    def took_part(self) -> Iterator[Person]:
        """Yields who assessed or decided, or suspended it."""
        yield from (one.by for one in self.assessments.values())
        yield from (one for one in (self.decided_by, self.suspended_by) if one is not None)
        yield from self.barred


CASES = Collection("vetting-cases", Case)  # at the id of the entry that opened it

"""The entries of vetting: what the log says of a case. Digests, names and codes; never a document, never prose."""

from dataclasses import dataclass

from safeconduct.access.model.stops import Selector
from safeconduct.access.vetting import SubjectKind
from safeconduct.kernel.ids import EntryId, OrganizationId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.events import EventType
from safeconduct.program.vetting.model import Evidence, Person, Verdict
from safeconduct.program.vetting.states import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpened:
    """Somebody asks that a subject be vetted for a tier."""

    subject: Selector
    kind: SubjectKind
    organization: OrganizationId
    identity: str
    tier: int
    applicant: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSubmitted:
    """Evidence was added. `due_at` is when a decision is due: with the last that was missing; None before."""

    case: EntryId
    evidence: tuple[Evidence, ...]
    due_at: Instant | None
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAssessed:
    """Somebody held evidence of that digest in hand. Without a verdict they want more, for a reason."""

    case: EntryId
    check: str
    sha256: str
    verdict: Verdict | None
    reason: str
    by: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDecided:
    """A second reviewer approved until an instant, or denied for a reason."""

    case: EntryId
    approved: bool
    until: Instant
    reason: str
    by: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Appealed:
    """What stands is appealed, on a ground. A ruling is due."""

    case: EntryId
    ground: str
    due_at: Instant
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealRuled:
    """Somebody who took no part ruled. `due_at` is when what is reviewed anew is due, if it is."""

    case: EntryId
    upheld: bool
    due_at: Instant | None
    by: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """What was approved may be used: for probes, or at once where there is nothing to prove (`ready`)."""

    case: EntryId
    ready: bool
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class PathProven:
    """The subject's own probe went through a version of a path: entry `call` of the log."""

    case: EntryId
    principal: PrincipalId
    path: PathId
    digest: str
    call: EntryId
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSuspended:
    """Nothing that rests on it is admitted from here on."""

    case: EntryId
    reason: str
    by: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEnded:
    """An approval expired, or the applicant withdrew. `by` is empty where time did it."""

    case: EntryId
    action: Action
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOverdue:
    """A decision did not come by when it was due. Nothing is approved by that; `escalated_to` answers for it now."""

    case: EntryId
    due_at: Instant
    escalated_to: PrincipalId


OPENED = EventType("program.vetting.opened/1", CaseOpened)
SUBMITTED = EventType("program.vetting.submitted/1", EvidenceSubmitted)
ASSESSED = EventType("program.vetting.assessed/1", CheckAssessed)
DECIDED = EventType("program.vetting.decided/1", CaseDecided)
APPEALED = EventType("program.vetting.appealed/1", Appealed)
RULED = EventType("program.vetting.ruled/1", AppealRuled)
PROVISIONED = EventType("program.vetting.provisioned/1", Provisioned)
PROVEN = EventType("program.vetting.proven/1", PathProven)
SUSPENDED = EventType("program.vetting.suspended/1", CaseSuspended)
ENDED = EventType("program.vetting.ended/1", CaseEnded)
OVERDUE = EventType("program.vetting.overdue/1", DecisionOverdue)

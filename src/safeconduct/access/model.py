"""The nouns of access, as they stand in the records. All frozen; every change is an entry that writes new ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from safeconduct.access.agreement import Contact, Liability, Notice, Responsibility, Side, Training
from safeconduct.access.budgets import Budget
from safeconduct.access.catalogue import Provider, SealedModel
from safeconduct.access.data_handling import DataHandling
from safeconduct.access.detection import HintAct, OutputRules
from safeconduct.access.identity import Identity
from safeconduct.access.label_rules import LabelRules
from safeconduct.access.ownership import AuthorizationKind
from safeconduct.access.target_rules import Place, TargetRule
from safeconduct.access.tools import Playbook, Tool
from safeconduct.approvals.model import Group
from safeconduct.kernel.entries import Reader, Retention
from safeconduct.kernel.ids import (
    AgreementId,
    EntryId,
    FreezeId,
    GrantId,
    OrganizationId,
    Origin,
    PathId,
    PrincipalId,
)
from safeconduct.kernel.instants import Instant, rfc3339


class OrganizationRole(StrEnum):
    """Which side of an agreement an organization stands on. A customer and an auditor only read.

    A subprocessor is on neither: its people work for the partner, whose people sponsor them.
    """

    PROVIDER = "provider"
    PARTNER = "partner"
    CUSTOMER = "customer"
    AUDITOR = "auditor"
    SUBPROCESSOR = "subprocessor"


class Opening(StrEnum):
    """How many parties it takes to open a sealed field."""

    SINGLE = "single"
    TWO_PARTY = "two-party"  # both must approve, as the rule `opening` under approvals says


class PrincipalKind(StrEnum):
    """Who acts: a person with a key, or a service or an agent that a person answers for."""

    PERSON = "person"
    SERVICE = "service"
    AGENT = "agent"  # decides by itself what it does next


class Credential(StrEnum):
    """Which tokens count for a principal."""

    BEARER = "bearer"  # any
    BOUND = "bound"  # only those that are worth nothing without a key or a certificate


class Role(StrEnum):
    """What a person may do beyond making calls that a grant covers."""

    ANALYST = "analyst"
    RESPONDER = "responder"
    ADMINISTRATOR = "administrator"
    TRUST_AND_SAFETY = "trust-and-safety"
    READER = "reader"  # opens what its organization may read; the one role of a customer's or an auditor's people


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From `opens_at` until just before `closes_at`."""

    opens_at: Instant
    closes_at: Instant

    def holds(self, now: Instant) -> bool:
        """Tells whether the instant lies in the window."""
        return self.opens_at <= now < self.closes_at

    def __str__(self) -> str:
        return f"{rfc3339(self.opens_at)} to {rfc3339(self.closes_at)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """A party. `tier` is the most that its people may be approved for, `jurisdiction` under whose law it stands."""

    id: OrganizationId
    role: OrganizationRole
    name: str
    key: str
    tier: int = 0
    budget: Budget | None = None
    jurisdiction: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Who cosigns for the partner: a witness or a quorum of several, as a tlog-policy text, and what it is called."""

    name: str
    policy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """One row of the matrix: who may read a sealed field, or all of an entry type's, and how it is opened."""

    id: str
    readers: tuple[Reader, ...]
    opening: Opening


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What two organizations agreed to, in one version. `origin` is the joint log that everything under it goes to.

    `keys` are the organizations' own, which sign for each side; `signatures` are theirs over all the rest
    (`access.signing`). No tier is above `tier_ceiling`. One party alone may end it with `termination_days` of notice,
    or not at all; `terminates_at` says that it did, and is no part of what was signed.
    `readers` are the public keys that data keys are wrapped to, by role; `fields` the matrix; `retention` the days
    that each class of sealed fields is kept, unlimited where it is not named; `training` is None where nobody says.
    """

    id: AgreementId
    version: int
    provider: OrganizationId
    partner: OrganizationId
    keys: Mapping[Side, str]
    terms_digest: str
    tier_ceiling: int
    valid: Window
    witness: Witness | None
    origin: Origin
    customer: OrganizationId | None = None
    auditor: OrganizationId | None = None
    termination_days: int | None = None
    readers: Mapping[Reader, str] = field(default_factory=dict)
    fields: Mapping[str, FieldRule] = field(default_factory=dict)
    retention: Mapping[Retention, int] = field(default_factory=dict)
    training: Training | None = None
    responsibilities: Mapping[str, Responsibility] = field(default_factory=dict)
    liability: Mapping[str, Liability] = field(default_factory=dict)
    notices: Mapping[str, Notice] = field(default_factory=dict)
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    signatures: Mapping[Side, str] = field(default_factory=dict)
    terminates_at: Instant | None = None

    @property
    def days(self) -> Mapping[Retention, int]:
        """The days each class of sealed fields is kept: what has no number of its own here is kept for good.

        Working exploits are kept no longer than calls where they are not named.
        """
        calls = self.retention.get(Retention.CALL)
        return self.retention if calls is None else {Retention.EXPLOIT: calls, **self.retention}

    def ends_at(self) -> Instant:
        """Returns the first instant after it."""
        return self.valid.closes_at if self.terminates_at is None else min(self.terminates_at, self.valid.closes_at)

    def holds(self, now: Instant) -> bool:
        """Tells whether calls may be made under it at an instant, as far as time goes."""
        return self.valid.opens_at <= now < self.ends_at()


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Someone or something that may ask. A person has a key; services, agents and contractors have a sponsor.

    The sponsor is a person who answers for it. `tier` is what it was approved for: models of higher tiers are not for
    it. `human` says who a person is, in words that both parties know; empty where the program does not say. `identity`
    is who a person is where they sign in. `certificate` is the thumbprint (`x5t#S256`) of a service's client
    certificate, empty where the program pins none. `nationalities` may be tags that do not show which they are,
    `employers` are the subprocessors through whom it works, if not for its organization itself.
    """

    id: PrincipalId
    organization: OrganizationId
    kind: PrincipalKind
    key: str | None
    roles: tuple[Role, ...] = ()
    sponsor: PrincipalId | None = None
    tier: int = 0
    human: str = ""
    identity: Identity | None = None
    credential: Credential = Credential.BEARER
    certificate: str = ""
    nationalities: tuple[str, ...] = ()
    employers: tuple[OrganizationId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Authorized assets. `authorization` says who allowed it, and how; `owner` is the key that signs rules for it."""

    id: str
    targets: tuple[str, ...]
    authorization: str
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathLimits:
    """Hard limits of one call, and of how many one principal makes: in any minute, and at once. None is no limit."""

    request_bytes: int
    output_tokens: int
    deadline_s: int
    calls_per_minute: int | None = None
    concurrent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPath:
    """One published version of a bounded path. It never changes; `digest` is SHA-256 over its canonical form.

    `targets` are its scope's at that version, `catalogue` one entry for each of `models`, so that the digest pins what
    was authorized. The first of `providers` is asked first; the others equal it. Empty `regions` and `retention` demand
    nothing; `tier` is the highest of its models; `gate` must be attested where there is one. `weaker` is the one of
    `models` that answers callers who are restricted to it. `authorization` is the weakest that its targets need.
    `handling` is what is done with a class of data, and makes the path inspected; `restore` says for whom originals
    are put back, `keep_subnets` that pseudonyms of addresses show which share a subnet.
    `hints` is what is done about a request with hints, None where the program says nothing; `hint_model` that the
    linear model looks for them too; `output` what is done about findings in answers; `spotlight` has the model told
    which texts are nobody's word.
    `sinks` are the entries of its `tools`, `playbooks` those that call them; `labels` is what the program vouches for
    of its callers' words. `telemetry_of` is the organization whose telemetry it is for, empty for the house.
    """

    id: PathId
    version: int
    digest: str
    agreement: AgreementId
    origin: Origin
    purpose: str
    models: tuple[str, ...]
    catalogue: tuple[SealedModel, ...]
    tier: int
    providers: tuple[Provider, ...]
    regions: tuple[str, ...]
    retention: tuple[str, ...]
    scope: str
    targets: tuple[str, ...]
    target_rule: TargetRule
    dialects: tuple[str, ...]
    media: tuple[str, ...]
    history: bool
    tools: tuple[str, ...]
    provider_tools: tuple[str, ...]
    release: str
    data_classes: tuple[str, ...]
    autonomy: str
    gate: str | None
    limits: PathLimits
    budget: Budget | None = None
    weaker: str | None = None
    authorization: AuthorizationKind = AuthorizationKind.OWNER_STATEMENT
    telemetry_of: str = ""
    handling: Mapping[str, DataHandling] = field(default_factory=dict)
    restore: tuple[str, ...] = ()
    keep_subnets: bool = False
    hints: HintAct | None = None
    hint_model: bool = False
    output: OutputRules | None = None
    spotlight: bool = False
    sinks: tuple[Tool, ...] = ()
    playbooks: tuple[Playbook, ...] = ()
    labels: LabelRules | None = None

    @property
    def labelled(self) -> bool:
        """Whether the blocks of its calls are labelled: the program says whose words they are, or what tools may do."""
        return self.labels is not None or bool(self.sinks)

    @property
    def looks_for_hints(self) -> bool:
        """Whether hints of an attack are looked for: where the program says so, or trust decides over tool calls."""
        return self.hints is not None or self.hint_model or bool(self.sinks)

    @property
    def transcribed(self) -> bool:
        """Whether its calls are taken apart, block by block."""
        return self.labelled or self.looks_for_hints or self.spotlight

    @property
    def inspected(self) -> bool:
        """Whether what its calls hold is looked at: their data classes are those found."""
        return bool(self.handling)


class GrantOrigin(StrEnum):
    """Where a grant comes from."""

    PROGRAM = "program"  # the program file; in force as long as that says so
    REQUEST = "request"  # somebody asked for it and both parties approved exactly this
    BREAK_GLASS = "break-glass"  # one party opened it, for an hour at most; both review it after


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Part of each day in UTC, in minutes from midnight: from `opens` until just before `closes`, past midnight too."""

    opens: int
    closes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a call under a grant must meet beside the rest. `session` is the one it must name; empty: any or none."""

    hours: Hours | None = None
    session: str = ""
    hold: bool = False  # a person approves each call first


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """This principal may use this path for this purpose, on these targets, in this window.

    The rest is for grants that were issued: `request` is the entry that asked for it, `tier` what it reaches, and
    `elevated` whether that was above the principal's own tier when it was issued.
    """

    id: GrantId
    principal: PrincipalId
    path: PathId
    purpose: str
    scope: str
    window: Window
    budget: Budget | None = None
    origin: GrantOrigin = GrantOrigin.PROGRAM
    tier: int = 0
    elevated: bool = False
    conditions: Conditions = Conditions()
    request: EntryId | None = None

    def reach(self, principal: Principal, ceiling: int) -> int:
        """Returns the highest tier of models under it. `ceiling` is that of the principal's organization now."""
        if self.origin is GrantOrigin.PROGRAM:
            return principal.tier
        return min(self.tier, ceiling if self.elevated else principal.tier)


class SelectorKind(StrEnum):
    """What a selector can name, in the order in which its terms are written."""

    ALL = "all"
    AGREEMENT = "agreement"
    ORGANIZATION = "organization"  # all of its principals
    SUBPROCESSOR = "subprocessor"  # its people, those who work through it, and paths with a provider that it runs
    JURISDICTION = "jurisdiction"  # of an organization, or of a path's provider
    NATIONALITY = "nationality"  # of a person, as stated or as its tag
    PATH = "path"
    PURPOSE = "purpose"
    MODEL = "model"  # by name, version or alias
    TIER = "tier"  # of the model: `2`, or `2+` for that and above
    PRINCIPAL = "principal"
    GRANT = "grant"
    KEY = "key"  # a principal's, a token's id, or what a path's provider is asked with


@dataclass(frozen=True, slots=True)
class Selector:
    """One term: calls with an attribute, or with `barred` those without. Its text is `kind:name`, or `all`."""

    kind: SelectorKind
    name: str = ""
    barred: bool = False

    @property
    def mark(self) -> str:
        """What a call bears that has the attribute."""
        return self.kind.value if self.kind is SelectorKind.ALL else f"{self.kind.value}:{self.name}"

    def __str__(self) -> str:
        return f"!{self.mark}" if self.barred else self.mark


@dataclass(frozen=True, slots=True)
class Selection:
    """Which calls a freeze stops: those that every term selects (access/selectors.py reads and writes it)."""

    terms: tuple[Selector, ...]

    def __str__(self) -> str:
        return "&".join(map(str, self.terms))


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """A stop in force. It ends when both parties say so and the partner cosigned, or at an instant stated at its start.

    `review_by` is when `owner` looks at it again, if that was stated.
    """

    id: FreezeId
    selector: Selection
    by: PrincipalId
    reason: str
    at: Instant
    ends_at: Instant | None = None
    review_by: Instant | None = None
    owner: PrincipalId | None = None


SLOW_MS_MAX = 30_000
"""Milliseconds that a call is slowed at most. Clients give up after a minute, and its body waits in memory."""


class RestrictionKind(StrEnum):
    """What a restriction does to a call. Of several on one call all hold."""

    SLOW = "slow"  # it waits before it is decided
    WEAKER = "weaker"  # the path's weaker model answers
    HOLD = "hold"  # a person approves exactly this call first
    SUSPEND = "suspend"  # it is refused, and cut if it runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """Less than a freeze, in force until it is lifted. `slow_ms` is how long a slow call waits, in milliseconds."""

    id: EntryId
    selector: Selector
    kind: RestrictionKind
    slow_ms: int
    by: PrincipalId
    reason: str
    at: Instant

    def __str__(self) -> str:
        """Returns what the caller and the intent are told: kind and id."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What of a running call a freeze can select, the tier that it needs of its principal, and its approval if any.

    `models` are the names of its model.
    """

    principal: PrincipalId
    organization: OrganizationId
    path: PathId
    grant: GrantId
    agreement: AgreementId
    tier: int = 0
    approval: str = ""
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An API token, as the hash of its secret. `id` is shown to people; the secret was shown once.

    `provider` is where its holder signed in, and `tier` what that counts for; empty and None where a key signed for it.
    `bound` is what its sender must hold (access/possession.py), empty for a bearer token; `means` what a service showed
    for it, empty where it was issued in another way.
    """

    id: str
    hash: str
    principal: PrincipalId
    issued_at: Instant
    expires_at: Instant
    provider: str = ""
    tier: int | None = None
    bound: str = ""
    means: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Honeytoken:
    """A token that was laid out as bait, as the hash of its secret. It is nobody's, so nothing admits it."""

    id: str
    hash: str
    place: str
    by: PrincipalId
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCredential:
    """What stays known of a service's token until `forget_at`: the assertion it came of, which counts once."""

    assertion: str
    forget_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """What a call asks for, after steps 1 to 5. `grant` is None where the request named none.

    `targets` are those found in it, each with the place where it stands, `data_classes` the labels of its blocks.
    On a path that nobody inspects the class is `unlabeled`, the most confidential there is. `token` is the id of
    the token that it came with, where a freeze may ask for it.
    """

    principal: PrincipalId
    path: PathId
    purpose: str
    model: str
    now: Instant
    grant: GrantId | None = None
    targets: Mapping[str, Place] = field(default_factory=dict)
    data_classes: tuple[str, ...] = ("unlabeled",)
    session: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """All groups must approve. `subject` is what the rule is for, such as `response`."""

    subject: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsePlaybook:
    """When a response needs no vote: an alert showed one of these techniques, so many times an hour at most."""

    techniques: tuple[str, ...]
    per_hour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRule:
    """Bounds on one kind of response. `never` is what it must not touch, in the form of its targets.

    `blast_radius` bounds what actions of all kinds together hold, None where `active_max` alone does; `points` are
    where it takes effect; `hosts` those whose accounts are the directory's.
    """

    kind: str
    never: tuple[str, ...] = ()
    rate_per_hour: int = 0
    active_max: int = 0
    expires_s: int = 0
    blast_radius: int | None = None
    points: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    playbook: ResponsePlaybook | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The Cedar text in force."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """How many entries have changed who may do what. A compiled standing is current while this has not moved."""

    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """Which records one change of who may do what wrote or removed, by collection and key."""

    records: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRecord:
    """Which program is in force: the digest of its document, its name, and the request that brought it.

    `agreement_version` is that of the agreement that stands; it moves on its own when the next one begins.
    """

    digest: str
    origin: Origin
    agreement: AgreementId
    request: EntryId
    agreement_version: int = 0


class RequestKind(StrEnum):
    """What can wait for the partner's cosignature."""

    PROGRAM = "program"
    UNFREEZE = "unfreeze"
    RELEASE_HOLD = "release-hold"
    DESTRUCTION = "destruction"
    ROTATION = "rotation"
    MODEL_APPROVAL = "model-approval"
    ELEVATION = "elevation"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUse:
    """One version of a model on one path: what an approval is for. A later version is another."""

    path: PathId
    model: str
    version: str

    @property
    def key(self) -> str:
        """Where its approval stands in the records."""
        return f"{self.path}/{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One record to write, or to remove where `after` is None. `noun` is a key of `changes.NOUNS`."""

    noun: str
    name: str
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some of a request's changes: entries are small, programs need not be."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """Another key for a log: `statement` says so, signed by both keys (ledger.rotation)."""

    origin: Origin
    old: str
    new: str
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A request that waits: in force when the witness cosigned a checkpoint of `origin` that covers it."""

    request: EntryId
    kind: RequestKind
    origin: Origin
    witness: Witness
    by: PrincipalId
    at: Instant
    agreement_origin: Origin
    program: ProgramRecord | None = None
    changes: tuple[Change, ...] = ()
    freeze: FreezeId | None = None
    hold: EntryId | None = None
    rotation: KeyChange | None = None
    use: ModelUse | None = None
    grant: GrantId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedAct:
    """That an act was used, so that it is not used again."""

    entry: EntryId
    at: Instant

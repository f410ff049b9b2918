"""Who takes part: organizations, and the principals that act for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from safeconduct.access.budgets import Budget
from safeconduct.access.identity import Identity
from safeconduct.kernel.ids import OrganizationId, PrincipalId

TELEMETRY_SOURCES = (
    "access",
    "audit",
    "auth",
    "cloudtrail",
    "dns",
    "eve",
    "flow",
    "http",
    "json",
    "ocsf",
    "siem-alert",
    "windows",
    "zeek",
)
"""What telemetry is of (docs/telemetry.md), for the days that a program says it is kept."""


class OrganizationRole(StrEnum):
    """Which side of an agreement an organization stands on. A customer and an auditor only read.

    A subprocessor is on neither: its people work for the partner, whose people sponsor them.
    """

    PROVIDER = "provider"
    PARTNER = "partner"
    CUSTOMER = "customer"
    AUDITOR = "auditor"
    SUBPROCESSOR = "subprocessor"


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
class Organization:
    """A party. `tier` is the most that its people may be approved for, `jurisdiction` under whose law it stands.

    `telemetry_days` are the days its telemetry is kept, by source and for `all` others; unlimited where not named.
    """

    id: OrganizationId
    role: OrganizationRole
    name: str
    key: str
    tier: int = 0
    budget: Budget | None = None
    jurisdiction: str = ""
    telemetry_days: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Someone or something that may ask. A person has a key; services, agents and contractors have a sponsor.

    The sponsor is a person who answers for it. `tier` is what it was approved for: models of higher tiers are not for
    it. `human` says who a person is, in words that both parties know; empty where the program does not say. `identity`
    is who a person is where they sign in. `certificate` is the thumbprint (`x5t#S256`) of a service's client
    certificate, empty where the program pins none. `nationalities` may be tags that do not show which they are,
    `employers` are the subprocessors through whom it works, if not for its organization itself. A service that `ships`
    sends its organization's telemetry by its tokens, which are good for nothing else.
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
    ships: bool = False

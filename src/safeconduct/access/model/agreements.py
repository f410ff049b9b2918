"""What two organizations agreed to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from safeconduct.access.agreement import Contact, Liability, Notice, Responsibility, Side, Training
from safeconduct.access.model.windows import Window
from safeconduct.kernel.entries import Reader, Retention
from safeconduct.kernel.ids import AgreementId, OrganizationId, Origin
from safeconduct.kernel.instants import Instant


class Opening(StrEnum):
    """How many parties it takes to open a sealed field."""

    SINGLE = "single"
    TWO_PARTY = "two-party"  # both must approve, as the rule `opening` under approvals says


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

"""Who may vote: approvals asks, access answers."""

from dataclasses import dataclass
from typing import Protocol

from safeconduct.kernel.ids import OrganizationId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records
from safeconduct.ledger.acts import SignedAct


@dataclass(frozen=True, slots=True, kw_only=True)
class Voter:
    """A person whose signature was checked, with the roles they hold now.

    `accounts` are all that the same human has or had, `principal` among them: together they are one pair of eyes.
    """

    principal: PrincipalId
    organization: OrganizationId
    roles: frozenset[str]
    accounts: frozenset[PrincipalId]


class Electorate(Protocol):
    """Knows people, their keys and their roles, as they stand in the records of a transaction."""

    def authenticate(self, records: Records, signed: SignedAct, *, operation: str, content: str, now: Instant) -> Voter:
        """Returns who signed.

        Raises:
            UnauthenticatedError: not a known person's key, stale, used before, or over another operation or content.
            RefusedError: the signer is no person, or is frozen.
        """
        ...

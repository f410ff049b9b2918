"""Where people sign in: identity providers that speak OpenID Connect, and up to which tier a sign-in counts."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from safeconduct.kernel.ids import OrganizationId


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """An OpenID Connect provider of one organization, and what its sign-ins are worth.

    `contexts` says up to which tier a sign-in of an authentication context (`acr`, `acrs`) counts; `attested` is the
    tier that its organization vouches for whatever a sign-in states: that it lets nobody in by less.
    """

    id: str
    organization: OrganizationId
    issuer: str
    client_id: str
    contexts: Mapping[str, int]
    attested: int = 0

    def reach(self, stated: Collection[str]) -> int:
        """Returns the tier up to which a sign-in that states these contexts counts. One that is not known counts 0."""
        return max((self.attested, *(self.contexts.get(context, 0) for context in stated)))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a principal is at an identity provider: its subject there, which is never given to another.

    `external_id` is its id in the directory that the provider pushes; empty where that is the subject.
    """

    provider: str
    subject: str
    external_id: str = ""

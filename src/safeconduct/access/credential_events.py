"""The entry of a service's token, and what it leaves in the records."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.model.tokens import IssuedCredential, Token
from safeconduct.access.records import CREDENTIALS, TOKENS
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Projection, State
from safeconduct.ledger.events import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialIssued:
    """A service showed who it is and has a token. Only the hash of its secret is anywhere.

    `means` is what it showed; `bound` the key or certificate without which the token is worth nothing, empty for a
    bearer token; `assertion` what its assertion is known by until `forget_at`, so that it counts once. `provider` is
    whose token a workload brought, and `tier` what that counts for; empty and None otherwise.
    """

    id: str
    hash: str
    principal: PrincipalId
    expires_at: Instant
    means: str
    bound: str
    assertion: str
    forget_at: Instant
    provider: str
    tier: int | None


CREDENTIAL_ISSUED = EventType("access.credential.issued/1", CredentialIssued)


def _issued(state: State, entry: Entry) -> None:
    event = CREDENTIAL_ISSUED.read(entry)
    _forget_expired(state, event.principal, entry.at)
    state.insert(
        TOKENS,
        event.id,
        Token(
            id=event.id,
            hash=event.hash,
            principal=event.principal,
            issued_at=entry.at,
            expires_at=event.expires_at,
            bound=event.bound,
            means=event.means,
            provider=event.provider,
            tier=event.tier,
        ),
    )
    state.insert(
        CREDENTIALS,
        f"{event.principal}/{event.id}",
        IssuedCredential(assertion=event.assertion, forget_at=event.forget_at),
    )


def _forget_expired(state: State, principal: PrincipalId, now: Instant) -> None:
    """Removes the service's tokens that are past: one that renews each hour would leave thousands a year."""
    for key in [key for key, one in state.scan(CREDENTIALS, f"{principal}/") if one.forget_at <= now]:
        state.delete(CREDENTIALS, key)
        state.delete(TOKENS, key.removeprefix(f"{principal}/"))


PROJECTIONS: Mapping[str, Projection] = {CREDENTIAL_ISSUED.name: _issued}

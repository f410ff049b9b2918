"""API tokens: the secret is shown once, and only its hash is kept."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate, refuse_frozen, require
from safeconduct.access.due import Due, principal_owner
from safeconduct.access.events import TOKEN_ISSUED, TOKEN_REVOKED, TokenIssued, TokenRevoked
from safeconduct.access.model.parties import Credential, Principal
from safeconduct.access.model.tokens import Token
from safeconduct.access.program import installation_origin
from safeconduct.access.secrets import make_secret, secret_hash
from safeconduct.kernel.errors import AbsentError, InvalidInputError, RefusedError, UnavailableError
from safeconduct.kernel.ids import Origin, PrincipalId
from safeconduct.kernel.instants import DAY, HOUR, Duration, Instant, rfc3339
from safeconduct.kernel.ports import Entropy, Records, Transaction
from safeconduct.ledger.acts import SignedAct

TOKEN_PREFIX = "sck_"  # noqa: S105 - what scanners for leaked secrets look for, not a secret

LIFETIME_MAX: Duration = DAY
"""A token that a key signed for lives for a day: who found a bearer secret has it no longer than that."""

SHIPPER_LIFETIME_MAX = Duration(90 * DAY)
"""A log shipper can't renew its token, as a directory can't, and what it has can do nothing but send telemetry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A token as its holder gets it, this once, and what it is bound to. The secret does not show in its repr."""

    id: str
    principal: PrincipalId
    expires_at: Instant
    secret: str = field(repr=False)
    bound: str = ""


def issue_token(
    tx: Transaction,
    entropy: Entropy,
    signed: SignedAct,
    *,
    operation: str,
    content: str,
    principal: PrincipalId,
    expires_at: Instant,
) -> IssuedToken:
    """Issues a token to a principal: by itself, by its sponsor, or by an administrator of its organization.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not, or `binding-missing`.
        AbsentError: no such principal.
        InvalidInputError: the expiry is past or too far.
    """
    signer = authenticate(tx, signed, operation=operation, content=content, now=tx.now)
    refuse_frozen(tx, signer)
    holder = tx.get(kept.PRINCIPALS, principal)
    _check_may(signer, holder, Capability.ISSUE_TOKEN)
    if holder is None:
        raise AbsentError(f"no principal {principal!r}", code="principal-unknown")
    if holder.organization != signer.organization:
        raise RefusedError(
            f"{principal} belongs to {holder.organization}; its own people issue its tokens",
            code="another-organization",
            clause=f"principal:{principal}/organization",
        )
    most = SHIPPER_LIFETIME_MAX if holder.ships else LIFETIME_MAX
    if not tx.now < expires_at <= tx.now + most:
        raise InvalidInputError(
            f"a token of {holder.id} expires within {most // HOUR} hours from now, not at {rfc3339(expires_at)}"
        )
    check_bearer(holder)
    secret = TOKEN_PREFIX + make_secret(entropy)
    event = TokenIssued(
        id=tx.new_id(), hash=secret_hash(secret), principal=principal, by=signer.id, expires_at=expires_at
    )
    tx.append(installation_log(tx), TOKEN_ISSUED.draft(event, act=signed.envelope()))
    return IssuedToken(id=event.id, principal=principal, expires_at=expires_at, secret=secret)


def check_bearer(principal: Principal) -> None:
    """Returns if the program lets a principal have bearer tokens.

    Raises:
        RefusedError: `binding-missing`.
    """
    if principal.credential is Credential.BOUND:
        raise RefusedError(
            f"{principal.id} has bound credentials only, and nothing was shown that a token could be bound to",
            code="binding-missing",
            clause=f"principal:{principal.id}/credential",
            remedy="use safeconduct sidecar, send a DPoP proof, or show a client certificate",
        )


def revoke_token(tx: Transaction, signed: SignedAct, *, operation: str, content: str, token_id: str) -> None:
    """Revokes a token, at once. By its holder, the holder's sponsor, or an administrator or trust and safety.

    A frozen person may: it only stops things.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        AbsentError: no such token.
    """
    signer = authenticate(tx, signed, operation=operation, content=content, now=tx.now)
    token = tx.get(kept.TOKENS, token_id)
    _check_may(signer, tx.get(kept.PRINCIPALS, token.principal) if token else None, Capability.REVOKE_TOKEN)
    if token is None:
        raise AbsentError(f"no token {token_id!r}", code="token-unknown")
    tx.append(installation_log(tx), TOKEN_REVOKED.draft(TokenRevoked(id=token_id, by=signer.id), act=signed.envelope()))


def give_up(tx: Transaction, secret: str) -> str:
    """Revokes the token of this secret, at once, for whoever shows it; returns its id.

    Raises:
        AbsentError: no such token.
    """
    wanted = secret_hash(secret)
    token = next((one for one in list_tokens(tx) if one.hash == wanted), None)
    if token is None:
        raise AbsentError("no such token is known here", code="token-unknown")
    tx.append(installation_log(tx), TOKEN_REVOKED.draft(TokenRevoked(id=token.id, by=token.principal)))
    return token.id


def list_tokens(records: Records) -> Iterator[Token]:
    """Yields every token that was not revoked, expired ones too."""
    return (token for _, token in records.scan(kept.TOKENS))


def due(records: Records, now: Instant) -> Iterator[Due]:
    """Yields the ends of the tokens that hold."""
    for token in list_tokens(records):
        if now < token.expires_at:
            yield Due(
                kind="token",
                name=token.id,
                at=token.expires_at,
                owner=principal_owner(token.principal),
                consequence="calls with it are refused",
                since=token.issued_at,
                look="safeconduct token list",
            )


def installation_log(records: Records) -> Origin:
    """Returns the installation's own log, which entries about tokens go to.

    Raises:
        UnavailableError: `no-program`.
    """
    program = kept.program_in_force(records)
    if program is None:
        raise UnavailableError("no program is in force", code="no-program", remedy="safeconduct program apply FILE")
    return installation_origin(program.origin)


def _check_may(signer: Principal, holder: Principal | None, capability: Capability) -> None:
    if holder is not None and signer.id in (holder.id, holder.sponsor):
        return
    require(signer, capability)

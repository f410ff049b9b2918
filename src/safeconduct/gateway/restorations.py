"""Use case: somebody whom a path restores for asks what one token stands for (docs/spec/restoring.md section 3)."""

from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.data_handling import clears
from safeconduct.access.model.parties import Principal
from safeconduct.access.reasons import check_reason
from safeconduct.boundary.ports import Vault
from safeconduct.boundary.spaces import Space, space_of
from safeconduct.boundary.tokens import LITERAL, TOKEN
from safeconduct.gateway.restoration_events import TOKEN_ASKED, TokenAsked, TokenIs
from safeconduct.kernel.errors import AbsentError, InvalidInputError, RefusedError
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedToken:
    """Which token, of which path and session, and why."""

    token: str
    path: str
    session: str
    reason: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What the vault says of a token: what it is, and its value where that may be given out."""

    found: TokenIs
    value: str | None = None


def space_asked(records: Records, person: Principal, asked: AskedToken) -> Space:
    """Returns the space of a person's organization in which a token is sought.

    Raises:
        InvalidInputError: `token-invalid`, `session-missing`.
        AbsentError: `path-unknown`.
        RefusedError: `not-restored-for`: the path restores for others, or for nobody.
    """
    if not TOKEN.fullmatch(asked.token) or asked.token.startswith(f"{LITERAL}_"):
        text = f"expected a token such as HOST_k3qz7mhdaa, got {asked.token[:32]!r}"
        raise InvalidInputError(text, code="token-invalid")
    if not asked.session:
        raise InvalidInputError("expected the session in which the token was made", code="session-missing")
    path = records.get(kept.PATHS, asked.path)
    if path is None:
        raise AbsentError(f"no path {asked.path[:64]!r} is in force", code="path-unknown")
    if not clears(path.restore, person.id, person.organization, person.roles):
        raise RefusedError(
            f"path {path.id} restores originals for others",
            code="not-restored-for",
            clause=f"path:{path.id}/restore",
            remedy="ask somebody whom it names: safeconduct data map shows whom",
        )
    return space_of(path.origin, person.organization, asked.session, "")


def look_up(vault: Vault, records: Records, space: Space, token: str) -> Looked:
    """Returns what a token is to an organization. What is another organization's is as one that nobody made.

    Raises:
        UnavailableError: the vault can't be read.
    """
    value = vault.find(space, token)
    if value is not None:
        return Looked(TokenIs.RESTORED, value)
    holders = (records.get(kept.PRINCIPALS, name) for name in vault.holders(space.origin, token))
    own = any(one is not None and one.organization == space.organization for one in holders)
    return Looked(TokenIs.FOREIGN if own else TokenIs.FORGED)


def record_asked(
    tx: Transaction, signed: SignedAct, asked: AskedToken, found: TokenIs, *, operation: str, content: str
) -> None:
    """Records that a person is told what a token stands for, or what it is instead. Nothing is told before.

    Raises:
        UnauthenticatedError, RefusedError, AbsentError, InvalidInputError: as `space_asked`; `reason-missing`.
    """
    person = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.OPEN_FIELD
    )
    check_reason(asked.reason, "an opening")
    space = space_asked(tx, person, asked)
    event = TokenAsked(
        token=asked.token,
        path=asked.path,
        organization=person.organization,
        by=person.id,
        reason=asked.reason,
        found=found,
    )
    draft = TOKEN_ASKED.draft(event, sealed={"session": asked.session}, subject=person.id, act=signed.envelope())
    tx.append(space.origin, draft)

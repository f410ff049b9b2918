"""API tokens. A secret is in one answer, once, and in nothing that is kept."""

from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.model.tokens import Token
from safeconduct.access.reading_rights import concerns
from safeconduct.access.tokens import IssuedToken, issue_token, list_tokens, revoke_token
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone, SignedJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import parse_rfc3339, rfc3339

router = APIRouter(prefix="/api/v1/tokens", tags=["tokens"])


class Issue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom the token is for, and until when (RFC 3339)."""

    principal: str
    expires_at: str


@router.get("")
def tokens(reader: Reading, control: Installation) -> Response:
    """Returns every token of who concerns the reader that was not revoked, without its hash."""
    with control.snapshot() as records:
        found = [token for token in list_tokens(records) if concerns(records, reader, token.principal)]
    return answer([_document(token) for token in found])


@router.post("/issue")
async def issue(signed: SignedJson[Issue], control: Installation) -> Response:
    """Issues a token. This answer is the only place where its secret ever stands."""
    wanted = signed.body
    expires_at = parse_rfc3339(wanted.expires_at)
    committed = await commit(
        control.writer,
        lambda tx: issue_token(
            tx,
            control.entropy,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            principal=PrincipalId(wanted.principal),
            expires_at=expires_at,
        ),
    )
    return answer(shown(committed.value))


@router.post("/{token_id}/revoke")
async def revoke(signed: SignedAlone, control: Installation, token_id: str) -> Response:
    """Revokes a token, at once."""
    await commit(
        control.writer,
        lambda tx: revoke_token(tx, signed.act, operation=signed.operation, content=signed.content, token_id=token_id),
    )
    return answer({"id": token_id, "state": "revoked"})


def shown(made: IssuedToken) -> dict[str, Any]:
    """Returns a token as it is shown this once, with its secret."""
    return {"id": made.id, "principal": made.principal, "expires_at": rfc3339(made.expires_at), "secret": made.secret}


def _document(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "principal": token.principal,
        "issued_at": rfc3339(token.issued_at),
        "expires_at": rfc3339(token.expires_at),
        "provider": token.provider,
        "tier": token.tier,
    }

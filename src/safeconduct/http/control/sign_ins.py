"""Signing in with an identity provider. Who asks has no credential yet: what is shown here is for anybody."""

import asyncio

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.sign_in import LIFETIME_MAX, find_provider, sign_in
from safeconduct.access.tokens import give_up
from safeconduct.http.control.bodies import OpenJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.tokens import shown
from safeconduct.kernel.instants import MINUTE, Duration

router = APIRouter(prefix="/api/v1/sign-ins", tags=["sign-ins"])

MINUTES_MAX = LIFETIME_MAX // MINUTE


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where, the ID token, the verifier behind its nonce, and for how many minutes the token is to hold."""

    provider: str
    id_token: str
    verifier: str
    minutes: int = MINUTES_MAX


class End(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token whose holder wants it to end."""

    token: str


@router.get("/providers")
def providers(control: Installation) -> Response:
    """Returns where people sign in: the identity providers of the program in force, as a browser is sent to them."""
    with control.snapshot() as records:
        found = [one for _, one in records.scan(kept.IDENTITY_PROVIDERS)]
    return answer([{"id": one.id, "issuer": one.issuer, "client_id": one.client_id} for one in found])


@router.post("")
async def begin(wanted: OpenJson[SignIn], control: Installation) -> Response:
    """Issues a token to whoever signed in. This answer is the only place where its secret ever stands."""
    with control.snapshot() as records:
        provider = find_provider(records, wanted.provider)
    claims = await asyncio.to_thread(control.identities, provider, wanted.id_token)
    committed = await commit(
        control.writer,
        lambda tx: sign_in(
            tx,
            control.entropy,
            wanted.provider,
            claims,
            verifier=wanted.verifier,
            lifetime=Duration(wanted.minutes * MINUTE),
            evidence=wanted.id_token,
        ),
    )
    return answer(shown(committed.value))


@router.post("/end")
async def end(wanted: OpenJson[End], control: Installation) -> Response:
    """Ends a token, at once, for whoever holds it: no key is needed to give up what one has."""
    committed = await commit(control.writer, lambda tx: give_up(tx, wanted.token))
    return answer({"id": committed.value, "state": "revoked"})

"""Passkeys of people: registered by whoever holds an offer, confirmed by a second person, revoked at once."""

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.passkey_model import Passkey, PasskeyState
from safeconduct.access.passkeys import (
    Offered,
    challenge_of,
    check_size,
    confirm,
    offer,
    offer_to_signed_in,
    passkeys,
    register,
    revoke,
)
from safeconduct.access.reading_rights import concerns
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import OpenJson, SignedAlone, SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import rfc3339
from safeconduct.ledger.passkeys import Registration

router = APIRouter(prefix="/api/v1/passkeys", tags=["passkeys"])

REGISTER_PAGE = "/passkeys/register"


class SignedIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token of a sign-in."""

    token: str


class Made(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The offer's holder and secret, and what the browser brought of the new passkey, in base64."""

    principal: str
    secret: str
    client_data: bytes
    attestation: bytes


class Confirm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fingerprint that the passkey's holder told the signer."""

    fingerprint: str


class Revoke(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    reason: str


@router.get("")
def list_passkeys(reader: Reading, control: Installation) -> Response:
    """Returns the passkeys of who concerns the reader. One that waits shows no fingerprint: its holder tells it."""
    with control.snapshot() as records:
        return answer([_document(one) for one in passkeys(records) if concerns(records, reader, one.principal)])


@router.get("/site")
def site(_reading: Reading, control: Installation) -> Response:
    """Returns the origin where passkeys are used, and the id that they are bound to."""
    found = control.site()
    return answer({"origin": found.origin, "rp_id": found.rp_id})


@router.post("/offers")
async def make_offer(signed: SignedAlone, control: Installation) -> Response:
    """Lets the signer register one passkey within ten minutes. Its secret stands in this answer alone."""
    control.site()  # before anything is offered that no browser could take
    committed = await commit(
        control.writer,
        lambda tx: offer(tx, control.entropy, signed.act, operation=signed.operation, content=signed.content),
    )
    return answer(_offered(control, committed.value))


@router.post("/offers/signed-in")
async def make_offer_to_signed_in(body: OpenJson[SignedIn], control: Installation) -> Response:
    """Lets whoever signed in register one passkey within ten minutes, as the token of the sign-in shows."""
    token = body.token
    control.site()
    committed = await commit(control.writer, lambda tx: offer_to_signed_in(tx, control.entropy, token))
    return answer(_offered(control, committed.value))


@router.post("")
async def register_passkey(wanted: OpenJson[Made], control: Installation) -> Response:
    """Registers a passkey, for the secret of an offer. It counts when a second person has confirmed it."""
    registration = Registration(client_data=wanted.client_data, attestation=wanted.attestation)
    check_size(registration)
    made = await asyncio.to_thread(registration.verify, challenge_of(wanted.secret), control.site())
    committed = await commit(
        control.writer,
        lambda tx: register(tx, PrincipalId(wanted.principal), wanted.secret, made, registration),
    )
    return answer(_document(committed.value) | {"fingerprint": committed.value.fingerprint})


@router.post("/{passkey_id}/confirm")
async def confirm_passkey(signed: SignedJson[Confirm], control: Installation, passkey_id: str) -> Response:
    """Puts a passkey in force, for a second person of its holder's organization who knows that it is theirs."""
    told = "".join(signed.body.fingerprint.split()).lower()
    committed = await commit(
        control.writer,
        lambda tx: confirm(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            passkey_id=passkey_id,
            fingerprint=told,
        ),
    )
    return answer(_document(committed.value))


@router.post("/{passkey_id}/revoke")
async def revoke_passkey(signed: SignedJson[Revoke], control: Installation, passkey_id: str) -> Response:
    """Revokes a passkey, at once."""
    reason = signed.body.reason
    committed = await commit(
        control.writer,
        lambda tx: revoke(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            passkey_id=passkey_id,
            reason=reason,
        ),
    )
    return answer(_document(committed.value))


def _offered(control: Control, made: Offered) -> dict[str, Any]:
    # Behind the #, so that no server and no log of one ever sees the secret.
    link = f"{control.site().origin}{REGISTER_PAGE}#{made.principal}/{made.secret}"
    return {"principal": made.principal, "expires_at": rfc3339(made.expires_at), "link": link}


def _document(one: Passkey) -> dict[str, Any]:
    return {
        "id": one.id,
        "principal": one.principal,
        "state": one.state,
        "at": rfc3339(one.at),
        "origin": one.origin,
        "authenticator": one.authenticator,
        "synced": one.synced,
        "confirmed_by": one.confirmed_by,
        "fingerprint": "" if one.state is PasskeyState.WAITING else one.fingerprint,
    }

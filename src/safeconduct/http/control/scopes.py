"""Scopes: what they list, who showed that it may be worked on, and how."""

from dataclasses import asdict, replace
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.model.paths import Scope
from safeconduct.access.ownership import Authorization, AuthorizationKind, Challenge, Rules
from safeconduct.access.reading_rights import reads_scope
from safeconduct.access.scopes import (
    accept_rules,
    authorizations,
    challenge,
    challenges,
    find_challenge,
    find_scope,
    order_verification,
    unknown_scope,
)
from safeconduct.access.secrets import make_secret
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.kernel.ports import Records

router = APIRouter(prefix="/api/v1/scopes", tags=["scopes"])


class Put(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is challenged, and how. `scheme` is of an http-file."""

    asset: str
    kind: AuthorizationKind
    scheme: str = "https"


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules of engagement with the owner's signature, in base64, over `Rules.message`."""

    rules: Rules
    signature: str


@router.get("")
def list_scopes(reader: Reading, control: Installation) -> Response:
    """Returns the scopes that the reader may read, with how many of their authorizations hold now."""
    with control.snapshot() as records:
        now = control.clock.now()
        found = [one for name, one in records.scan(kept.SCOPES) if reads_scope(records, reader, name)]
        return answer([_summary(records, one, now) for one in found])


@router.get("/{scope}")
def show_scope(reader: Reading, control: Installation, scope: str) -> Response:
    """Returns a scope: its targets, the challenges that stand and the authorizations, ended ones too."""
    with control.snapshot() as records:
        now, found = control.clock.now(), find_scope(records, scope)
        if not reads_scope(records, reader, scope):
            raise unknown_scope(scope)
        shown = {
            "targets": found.targets,
            "authorization": found.authorization,
            "owner": found.owner,
            "challenges": [_challenge(one) for one in challenges(records, scope)],
            "authorizations": [_authorization(one, now) for one in authorizations(records, scope)],
        }
        return answer(_summary(records, found, now) | shown)


@router.post("/{scope}/challenge")
async def challenge_asset(signed: SignedJson[Put], control: Installation, scope: str) -> Response:
    """Makes the text that whoever has an asset puts up. A former one of the same kind for it is void."""
    wanted = signed.body
    token = make_secret(control.entropy)
    committed = await commit(
        control.writer,
        lambda tx: challenge(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            scope=scope,
            kind=wanted.kind,
            asset=wanted.asset,
            scheme=wanted.scheme,
            token=token,
        ),
    )
    return answer(_challenge(committed.value))


@router.post("/{scope}/verify")
async def verify_asset(signed: SignedJson[Put], control: Installation, scope: str) -> Response:
    """Looks whether a challenge was met, and says what was seen."""
    wanted = signed.body
    await commit(
        control.writer,
        lambda tx: order_verification(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            scope=scope,
            kind=wanted.kind,
            asset=wanted.asset,
        ),
    )
    await control.settle()
    with control.snapshot() as records:
        return answer(_challenge(find_challenge(records, scope, wanted.kind, wanted.asset)))


@router.post("/{scope}/rules")
async def put_rules(signed: SignedJson[Signed], control: Installation, scope: str) -> Response:
    """Puts rules of engagement on record that the owner has signed."""
    wanted = signed.body
    rules = replace(wanted.rules, scope=scope)
    committed = await commit(
        control.writer,
        lambda tx: accept_rules(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            rules=rules,
            signature=wanted.signature,
        ),
    )
    return answer(_authorization(committed.value, control.clock.now()))


def _summary(records: Records, scope: Scope, now: Instant) -> dict[str, Any]:
    held = [one for one in authorizations(records, scope.id) if now < one.expires_at]
    return {"id": scope.id, "assets": len(scope.targets), "authorized": len(held)}


def _challenge(one: Challenge) -> dict[str, Any]:
    return asdict(one) | {"at": rfc3339(one.at), "looked_at": one.looked_at and rfc3339(one.looked_at)}


def _authorization(one: Authorization, now: Instant) -> dict[str, Any]:
    return asdict(one) | {
        "holds": now < one.expires_at,
        "verified_at": rfc3339(one.verified_at),
        "expires_at": rfc3339(one.expires_at),
        "again_at": one.again_at and rfc3339(one.again_at),
    }

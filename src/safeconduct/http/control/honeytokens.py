"""Honeytokens: bait that looks like a token. A secret is in one answer, once."""

from dataclasses import asdict
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.honeytokens import honeytokens, issue_honeytoken, uses, withdraw_honeytoken
from safeconduct.access.model.tokens import Honeytoken
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone, SignedJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Records

router = APIRouter(prefix="/api/v1/honeytokens", tags=["tokens"])


class LayOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the bait will lie, in words."""

    place: str


@router.get("")
def list_honeytokens(_reader: Reading, control: Installation) -> Response:
    """Returns the baits that lie out, without their hashes, and how often each was used."""
    with control.snapshot() as records:
        return answer([_document(records, one) for one in honeytokens(records)])


@router.post("/issue")
async def issue_bait(signed: SignedJson[LayOut], control: Installation) -> Response:
    """Makes a bait. This answer is the only place where its secret ever stands."""
    place = signed.body.place
    committed = await commit(
        control.writer,
        lambda tx: issue_honeytoken(
            tx, control.entropy, signed.act, operation=signed.operation, content=signed.content, place=place
        ),
    )
    return answer(asdict(committed.value))


@router.post("/{honeytoken_id}/withdraw")
async def withdraw_bait(signed: SignedAlone, control: Installation, honeytoken_id: str) -> Response:
    """Takes a bait in."""
    await commit(
        control.writer,
        lambda tx: withdraw_honeytoken(
            tx, signed.act, operation=signed.operation, content=signed.content, honeytoken=honeytoken_id
        ),
    )
    return answer({"id": honeytoken_id})


def _document(records: Records, one: Honeytoken) -> dict[str, Any]:
    used = uses(records, one.id)
    last_at = rfc3339(used.last_at) if used.last_at else None
    told = {"id": one.id, "place": one.place, "by": one.by, "at": rfc3339(one.at)}
    return told | {"uses": used.count, "last_at": last_at}

"""Restrictions: calls that are slowed, weakened, held or refused, until somebody else lifts that."""

from dataclasses import asdict
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.model.stops import Restriction, RestrictionKind
from safeconduct.access.reading_rights import selects
from safeconduct.access.restrictions import lift, restrict, restrictions
from safeconduct.access.selectors import parse_selector
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone, SignedJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import rfc3339

router = APIRouter(prefix="/api/v1/restrictions", tags=["restrictions"])


class Set(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to restrict, as `kind:name`, how, for how many milliseconds if slow, and why."""

    selector: str
    kind: RestrictionKind
    reason: str
    slow_ms: int = 0


@router.get("")
def list_restrictions(reader: Reading, control: Installation) -> Response:
    """Returns the restrictions in force that the reader may read of."""
    with control.snapshot() as records:
        return answer([_document(one) for one in restrictions(records) if selects(records, reader, one.selector)])


@router.post("/set")
async def set_restriction(signed: SignedJson[Set], control: Installation) -> Response:
    """Restricts. In force when this answers; what runs goes on, unless it suspends."""
    wanted = signed.body
    selector = parse_selector(wanted.selector)
    committed = await commit(
        control.writer,
        lambda tx: restrict(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            selector=selector,
            kind=wanted.kind,
            slow_ms=wanted.slow_ms,
            reason=wanted.reason,
        ),
    )
    return answer(_document(committed.value))


@router.post("/{restriction_id}/lift")
async def lift_restriction(signed: SignedAlone, control: Installation, restriction_id: str) -> Response:
    """Ends a restriction at once. Nobody lifts their own."""
    committed = await commit(
        control.writer,
        lambda tx: lift(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            restriction_id=EntryId(restriction_id),
        ),
    )
    return answer(_document(committed.value))


def _document(one: Restriction) -> dict[str, Any]:
    return asdict(one) | {"selector": str(one.selector), "at": rfc3339(one.at)}

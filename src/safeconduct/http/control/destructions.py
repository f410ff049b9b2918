"""Destroying data keys: orders, and each holder's certificate."""

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.certifying import certify
from safeconduct.access.destruction import find_order, order_destruction, orders
from safeconduct.access.destruction_events import Destruction
from safeconduct.access.holds import held
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.holds import Selected, joint_logs, selector_of
from safeconduct.http.control.programs import settled
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.ledger.sealing import HOUSE

router = APIRouter(prefix="/api/v1/logs/destructions", tags=["destructions"])


class HolderCertificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which keys of the order the holder destroyed, and how. The request's act signs it."""

    keys: tuple[str, ...]
    method: str


@router.get("")
def list_destructions(_reading: Reading, control: Installation) -> Response:
    """Lists the orders to destroy, oldest first: who has, and who has not yet."""
    with control.snapshot() as records:
        return answer([_document(records, control, order) for order in orders(records)])


@router.get("/{order_id}")
def show_destruction(_reading: Reading, control: Installation, order_id: str) -> Response:
    """Shows an order, with the keys that each holder has to destroy."""
    with control.snapshot() as records:
        order = find_order(records, EntryId(order_id))
        keys = {holder: order.keys_of(holder) for holder in order.holders}
        return answer(_document(records, control, order) | {"keys": keys})


@router.post("")
async def destroy(signed: SignedJson[Selected], control: Installation) -> Response:
    """Orders that a subject's data keys be destroyed, and asks the witness for its cosignature.

    With it the house destroys at once; the other holders certify later.
    """
    wanted = signed.body
    if wanted.subject is None:
        raise InvalidInputError("an order names the subject whose data keys are to be destroyed", code="no-subject")
    selector = selector_of(control, wanted, joint_logs(control)[-1])
    committed = await commit(
        control.writer,
        lambda tx: order_destruction(
            tx,
            signed.act,
            control.keys,
            selector,
            wanted.reason,
            operation=signed.operation,
            content=signed.content,
        ),
    )
    outcome = await settled(control, committed.value.id)
    await control.settle()  # once in force, the house destroys
    return await asyncio.to_thread(_shown, control, committed.value.id, outcome)


@router.post("/{order_id}/certificates")
async def hand_in(signed: SignedJson[HolderCertificate], control: Installation, order_id: str) -> Response:
    """Takes a holder's certificate that it has destroyed its keys of an order."""
    handed = signed.body
    committed = await commit(
        control.writer,
        lambda tx: certify(
            tx,
            signed.act,
            EntryId(order_id),
            handed.keys,
            handed.method,
            operation=signed.operation,
            content=signed.content,
        ),
    )
    return await asyncio.to_thread(_shown, control, committed.value.id, {})


def _shown(control: Control, order_id: EntryId, outcome: dict[str, Any]) -> Response:
    with control.snapshot() as records:
        return answer(outcome | _document(records, control, find_order(records, order_id)))


def _document(records: Records, control: Control, order: Destruction) -> dict[str, Any]:
    waiting = records.get(kept.PENDING, order.id)
    keys = order.keys_of(HOUSE)
    holds = held(records, control.keys, keys, order.origin) if HOUSE not in order.certified else {}
    return {
        "order": order.id,
        "origin": order.origin,
        "subject": order.subject,
        "retention": order.retention,
        "before": order.before,
        "by": order.by,
        "reason": order.reason,
        "at": rfc3339(order.at),
        "in_force": order.enforced is not None,
        "waits_for": waiting.witness.name if waiting else None,
        "held_by": sorted(set(holds.values())),
        "key_count": len(keys),
        "holders": [_holder(order, holder) for holder in order.holders],
    }


def _holder(order: Destruction, holder: Reader) -> dict[str, Any]:
    certified = order.certified.get(holder)
    return {
        "holder": holder,
        "keys": len(order.keys_of(holder)),
        "destroyed": certified is not None,
        "at": rfc3339(certified.at) if certified else None,
        "method": certified.method if certified else None,
        "entry": certified.entry if certified else None,
    }

"""Certificates that data keys were destroyed: the house's own, and those that other holders hand in."""

from collections.abc import Sequence

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.destruction import find_order
from safeconduct.access.destruction_events import DESTROYED, Destruction, KeyDestroyed
from safeconduct.access.readership import reader_of
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import ConflictError, InvalidInputError, RefusedError
from safeconduct.kernel.ids import EntryId, OrganizationId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.sealing import HOUSE

METHOD_LENGTH_MAX = 200
"""Characters of how a holder destroyed its keys."""

HOUSE_METHOD = "deleted, and the key-encryption key replaced"
"""How the house destroys: see `DataKeys.destroy`."""


def certify_house(tx: Transaction, order_id: EntryId, certificate: str, at: Instant) -> Destruction:
    """Records that the house has destroyed its keys of an order. Done before, it changes nothing.

    Raises:
        AbsentError: no such order.
    """
    order = find_order(tx, order_id)
    if HOUSE in order.certified:
        return order
    event = KeyDestroyed(
        order=order.id,
        holder=HOUSE,
        keys=order.keys_of(HOUSE),
        method=HOUSE_METHOD,
        at=at,
        by="safeconduct",
        certificate=certificate,
    )
    tx.append(order.log, DESTROYED.draft(event))
    return find_order(tx, order_id)


def certify(
    tx: Transaction,
    signed: SignedAct,
    order_id: EntryId,
    keys: Sequence[str],
    method: str,
    *,
    operation: str,
    content: str,
) -> Destruction:
    """Takes another holder's certificate: its signed act. Handed in again, it changes nothing.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `not-a-holder`.
        AbsentError: no such order.
        ConflictError: `order-waits`: the partner has not cosigned it, so nobody destroys yet.
        InvalidInputError: `certificate-incomplete`, or no method.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.CERTIFY_DESTRUCTION
    )
    order = find_order(tx, order_id)
    holder = _holder(tx, order, signer.organization)
    if order.enforced is None:
        raise ConflictError(f"order {order.id} waits for the partner's cosignature", code="order-waits")
    if holder in order.certified:
        return order
    _check_complete(order, holder, keys, method)
    event = KeyDestroyed(
        order=order.id, holder=holder, keys=order.keys_of(holder), method=method, at=tx.now, by=signer.id
    )
    tx.append(order.log, DESTROYED.draft(event, act=signed.envelope()))
    return find_order(tx, order_id)


def _holder(records: Records, order: Destruction, organization: OrganizationId) -> Reader:
    holder = reader_of(kept.agreement_in_force(records), organization)
    if holder is None or holder not in order.holders or holder == HOUSE:
        others = ", ".join(one for one in order.holders if one != HOUSE) or "nobody else"
        raise RefusedError(
            f"{organization} has nothing to certify for order {order.id}: beside the house, {others} has",
            code="not-a-holder",
            clause=f"destruction:{order.id}",
        )
    return holder


def _check_complete(order: Destruction, holder: Reader, keys: Sequence[str], method: str) -> None:
    if not 0 < len(method.strip()) <= METHOD_LENGTH_MAX or not method.isprintable():
        raise InvalidInputError(f"a certificate says how, in 1 to {METHOD_LENGTH_MAX} printable characters")
    wanted = order.keys_of(holder)
    if tuple(sorted(keys)) != wanted:
        raise InvalidInputError(
            f"the certificate names {len(keys)} keys that are not the {len(wanted)} of order {order.id} for {holder}",
            code="certificate-incomplete",
            remedy=f"destroy all of them: safeconduct log certify {order.id}",
        )

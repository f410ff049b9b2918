"""Destroying data keys: ordered by a person or by retention, with the partner, and certified by every holder."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.cosigning import witness_of
from safeconduct.access.destruction_events import (
    DESTRUCTIONS,
    KEY_FATES,
    ORDERED,
    Destruction,
    DestructionOrdered,
    KeyGroup,
)
from safeconduct.access.holds import held
from safeconduct.access.reasons import check_reason
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import AbsentError, RefusedError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.audit import Excused
from safeconduct.ledger.key_ports import DataKeys
from safeconduct.ledger.sealing import HOUSE, KeySelector

KEYS_MAX = 1_000
"""Data keys of one order: their ids take 35 bytes each in an entry of at most 65,535. The rest is for the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The keys that an order is for: up to KEYS_MAX of those that fit. `left` is how many more there are."""

    selector: KeySelector
    groups: tuple[KeyGroup, ...]
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Orderer:
    """Who orders, and why: a principal by a signed act, or retention by itself."""

    by: str
    reason: str
    act: SignedAct | None = None


def fitting(records: Records, keys: DataKeys, selector: KeySelector) -> list[str]:
    """Returns the keys that fit and whose destruction is not ordered yet, sorted."""
    return [key for key in sorted(keys.ids(selector)) if records.get(KEY_FATES, key) is None]


def choose(keys: DataKeys, selector: KeySelector, wanted: Sequence[str]) -> Chosen:
    """Returns what one order takes of the wanted keys, with who holds each."""
    chosen = wanted[:KEYS_MAX]
    return Chosen(selector=selector, groups=_groups(keys, chosen), left=len(wanted) - len(chosen))


def order_destruction(
    tx: Transaction,
    signed: SignedAct,
    keys: DataKeys,
    selector: KeySelector,
    reason: str,
    *,
    operation: str,
    content: str,
) -> Destruction:
    """Orders that data keys be destroyed. The order waits for the partner's cosignature.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `no-witness`; `legal-hold`.
        InvalidInputError: `reason-missing`.
        AbsentError: `nothing-to-destroy`.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.ORDER_DESTRUCTION
    )
    check_reason(reason, "a destruction")
    wanted = fitting(tx, keys, selector)
    if not wanted:
        raise AbsentError(
            f"no data key of {selector.origin} fits that is not destroyed or ordered to be", code="nothing-to-destroy"
        )
    refuse_held(tx, keys, wanted, selector.origin)
    return append_order(tx, choose(keys, selector, wanted), Orderer(by=signer.id, reason=reason, act=signed))


def append_order(tx: Transaction, chosen: Chosen, orderer: Orderer) -> Destruction:
    """Appends an order for what was chosen and nothing holds.

    Raises:
        RefusedError: `no-witness`.
        UnavailableError: `no-program`.
    """
    agreement, selector = kept.require_agreement(tx), chosen.selector
    event = DestructionOrdered(
        origin=selector.origin,
        subject=selector.subject,
        retention=selector.retention,
        before=selector.before,
        groups=chosen.groups,
        by=orderer.by,
        reason=orderer.reason,
        agreement_origin=agreement.origin,
        witness=witness_of(agreement),
    )
    act = orderer.act.envelope() if orderer.act else None
    return find_order(tx, tx.append(agreement.origin, ORDERED.draft(event, act=act)).id)


def refuse_held(records: Records, keys: DataKeys, wanted: Iterable[str], origin: Origin) -> None:
    """Returns if no hold is on any of the keys.

    Raises:
        RefusedError: `legal-hold`.
    """
    found = held(records, keys, wanted, origin)
    for hold in sorted(set(found.values())):
        raise RefusedError(
            f"{len(found)} of the data keys are under legal hold and stay",
            code="legal-hold",
            clause=f"hold:{hold}",
            remedy="safeconduct log holds shows who placed it and why",
        )


def find_order(records: Records, order_id: EntryId) -> Destruction:
    """Returns an order.

    Raises:
        AbsentError: there is none.
    """
    found = records.get(DESTRUCTIONS, order_id)
    if found is None:
        raise AbsentError(
            f"no destruction {order_id[:64]!r} was ordered",
            code="order-unknown",
            remedy="safeconduct log destructions lists them",
        )
    return found


def orders(records: Records) -> Iterator[Destruction]:
    """Yields every order, oldest first."""
    return (order for _, order in records.scan(DESTRUCTIONS))


def excused(records: Records) -> Excused:
    """Returns the keys that nobody need miss: an order for them is in force."""
    return Excused(keys=frozenset(key for order in orders(records) if order.enforced for key in order.keys_of(HOUSE)))


def _groups(keys: DataKeys, chosen: Sequence[str]) -> tuple[KeyGroup, ...]:
    holders: Mapping[str, set[Reader]] = {key: {HOUSE} for key in chosen}
    for reader in Reader:
        for record in keys.wrapped(reader) if reader != HOUSE and chosen else ():
            if record.id in holders:
                holders[record.id].add(reader)
    grouped: dict[tuple[Reader, ...], list[str]] = {}
    for key, found in holders.items():
        grouped.setdefault(tuple(sorted(found)), []).append(key)
    return tuple(KeyGroup(holders=found, keys=tuple(ids)) for found, ids in sorted(grouped.items()))

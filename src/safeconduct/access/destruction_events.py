"""The entries of destroying data keys, and what they leave in the records."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from safeconduct.access.acts import record_act
from safeconduct.access.model.agreements import Witness
from safeconduct.access.model.changes import Pending, RequestKind
from safeconduct.access.waiting import wait
from safeconduct.kernel.effects import finish_effect, order_effect
from safeconduct.kernel.entries import Entry, Reader, Retention
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EntryId, Origin, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType
from safeconduct.ledger.sealing import HOUSE

DESTROY = "destroy-keys"
"""The kind of effect that destroys the house's keys of an order and ends in `certifying.certify_house`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyGroup:
    """Data keys that the same holders have."""

    holders: tuple[Reader, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DestructionOrdered:
    """These keys and no others are to be destroyed by each of their holders, once `witness` has cosigned this.

    `by` is a principal, or `retention`. `before` is the first day that stays, where days count.
    """

    origin: Origin
    subject: str | None
    retention: Retention | None
    before: str | None
    groups: tuple[KeyGroup, ...]
    by: str
    reason: str
    agreement_origin: Origin
    witness: Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDestroyed:
    """A holder has destroyed its keys of an order, at an instant of its own.

    The house's `certificate` is a note signed by the key of the log that the entry stands in; another holder's is
    the entry's act.
    """

    order: EntryId
    holder: Reader
    keys: tuple[str, ...]
    method: str
    at: Instant
    by: str
    certificate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """That a holder has certified."""

    entry: EntryId
    at: Instant
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Destruction:
    """An order to destroy, and who has. It is in force by the entry `enforced`, once the partner has cosigned it."""

    id: EntryId
    origin: Origin
    log: Origin
    subject: str | None
    retention: Retention | None
    before: str | None
    groups: tuple[KeyGroup, ...]
    by: str
    reason: str
    at: Instant
    enforced: EntryId | None = None
    certified: Mapping[Reader, Certified] = field(default_factory=dict)

    def keys_of(self, holder: Reader) -> tuple[str, ...]:
        """Returns the keys that a holder has to destroy, sorted."""
        return tuple(sorted(key for group in self.groups if holder in group.holders for key in group.keys))

    @property
    def holders(self) -> tuple[Reader, ...]:
        """Returns everybody who has to."""
        return tuple(sorted({holder for group in self.groups for holder in group.holders}))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFate:
    """That a key's destruction is ordered, and whether the house has destroyed it."""

    order: EntryId
    destroyed: bool = False


DESTRUCTIONS = Collection("destructions", Destruction)  # at the order's entry id
KEY_FATES = Collection("key-fates", KeyFate)  # at the key's id

ORDERED = EventType("access.destruction.ordered/1", DestructionOrdered)
DESTROYED = EventType("ledger.key.destroyed/1", KeyDestroyed)


def _ordered(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = ORDERED.read(entry)
    order = Destruction(
        id=entry.id,
        origin=event.origin,
        log=event.agreement_origin,
        subject=event.subject,
        retention=event.retention,
        before=event.before,
        groups=event.groups,
        by=event.by,
        reason=event.reason,
        at=entry.at,
    )
    state.insert(DESTRUCTIONS, order.id, order)
    for key in order.keys_of(HOUSE):
        state.insert(KEY_FATES, key, KeyFate(order=order.id))
    wait(state, entry, _pending(entry, event))


def _pending(entry: Entry, event: DestructionOrdered) -> Pending:
    return Pending(
        request=entry.id,
        kind=RequestKind.DESTRUCTION,
        origin=entry.origin,
        witness=event.witness,
        by=PrincipalId(event.by),
        at=entry.at,
        agreement_origin=event.agreement_origin,
    )


def begin_destruction(state: State, entry: Entry, order_id: EntryId) -> None:
    """Puts an order in force by an entry: the house destroys next."""
    order = _present(state, order_id)
    state.put(DESTRUCTIONS, order.id, replace(order, enforced=entry.id))
    order_effect(state, entry, DESTROY, {"order": order.id})


def withdraw_destruction(state: State, order_id: EntryId) -> None:
    """Forgets an order that never came into force: its keys may be ordered again."""
    for key in _present(state, order_id).keys_of(HOUSE):
        state.delete(KEY_FATES, key)
    state.delete(DESTRUCTIONS, order_id)


def _destroyed(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = DESTROYED.read(entry)
    order = _present(state, event.order)
    certified = Certified(entry=entry.id, at=event.at, method=event.method)
    state.put(DESTRUCTIONS, order.id, replace(order, certified={**order.certified, event.holder: certified}))
    if event.holder == HOUSE and order.enforced is not None:
        for key in event.keys:
            state.put(KEY_FATES, key, KeyFate(order=order.id, destroyed=True))
        finish_effect(state, order.enforced, DESTROY)


def _present(state: State, order_id: EntryId) -> Destruction:
    found = state.get(DESTRUCTIONS, order_id)
    if found is None:
        raise UnavailableError(f"an entry speaks of order {order_id}, which no entry gave", code="log-damaged")
    return found


PROJECTIONS: Mapping[str, Projection] = {ORDERED.name: _ordered, DESTROYED.name: _destroyed}

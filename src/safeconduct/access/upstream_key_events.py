"""The order to revoke an upstream's key at its vendor, which a freeze leaves, and the entry that ends it (R2)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from safeconduct.kernel.effects import finish_effect, order_effect
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import FreezeId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType

REVOKE_KEY = "upstream-key-revoke"
"""The kind of effect by which a vendor is asked to revoke a key."""


class Revoking(StrEnum):
    """What has become of an order to revoke a key."""

    ORDERED = "ordered"  # the vendor is being asked
    REVOKED = "revoked"  # the vendor says so
    BY_HAND = "by-hand"  # the vendor has no way, or we have no admin key
    FAILED = "failed"  # the vendor refused, or said nothing in time


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamKeySettled:
    """An order to revoke a key is over. `said` is in our words: no vendor's text, and never a secret."""

    freeze: FreezeId
    key: str
    outcome: Revoking
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevocation:
    """An order to revoke the key that `upstreams` are asked with. It outlives the freeze that gave it."""

    freeze: FreezeId
    key: str
    upstreams: tuple[str, ...]
    by: PrincipalId
    at: Instant
    state: Revoking = Revoking.ORDERED
    said: str = ""


KEY_REVOCATIONS = Collection("upstream-key-revocations", KeyRevocation)  # at the freeze, for ever
UPSTREAM_KEY_SETTLED = EventType("access.upstream-key.settled/1", UpstreamKeySettled)


def order_revocation(state: State, entry: Entry, key: str, upstreams: tuple[str, ...], by: PrincipalId) -> None:
    """Orders on behalf of a freeze's entry that a key is revoked at its vendor."""
    freeze = FreezeId(entry.id)
    order = KeyRevocation(freeze=freeze, key=key, upstreams=upstreams, by=by, at=entry.at)
    state.insert(KEY_REVOCATIONS, freeze, order)
    order_effect(state, entry, REVOKE_KEY)


def _settled(state: State, entry: Entry) -> None:
    event = UPSTREAM_KEY_SETTLED.read(entry)
    order = state.get(KEY_REVOCATIONS, event.freeze)
    if order is None:
        raise UnavailableError(f"entry {entry.id} settles a key that nobody had revoked", code="log-damaged")
    state.put(KEY_REVOCATIONS, event.freeze, replace(order, state=event.outcome, said=event.said))
    finish_effect(state, event.freeze, REVOKE_KEY)


PROJECTIONS: Mapping[str, Projection] = {UPSTREAM_KEY_SETTLED.name: _settled}

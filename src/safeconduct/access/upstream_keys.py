"""Upstream keys that are revoked at their vendor: who may be asked to, what it says, and what is left to do by hand.

docs/spec/freeze.md section 6.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from safeconduct.access import records as kept
from safeconduct.access.model.stops import Selection, SelectorKind
from safeconduct.access.upstream_key_events import (
    KEY_REVOCATIONS,
    REVOKE_KEY,
    UPSTREAM_KEY_SETTLED,
    KeyRevocation,
    Revoking,
    UpstreamKeySettled,
)
from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import FreezeId
from safeconduct.kernel.ports import Records, Transaction


class KeyState(StrEnum):
    """What a vendor says of a key."""

    LIVE = "live"
    REVOKED = "revoked"
    ABSENT = "absent"  # it has none of that id; where revoking deletes, one that was there is revoked


class KeyRevoker(Protocol):
    """A way to one vendor's administration. Both methods may be called again after any end."""

    async def look(self, key: str) -> KeyState:
        """Returns what the vendor says of a key.

        Raises:
            UnavailableError: nobody can know: it is to be asked again.
            RefusedError: the vendor will not say, however often it is asked.
        """
        ...

    async def revoke(self, key: str) -> None:
        """Revokes a key for good. The vendor has confirmed it when this returns.

        Raises:
            UnavailableError: it may have happened or not: look.
            RefusedError: the vendor will not, however often it is asked.
        """
        ...


@dataclass(frozen=True, slots=True)
class Way:
    """How a key is revoked: by a revoker, or by hand where there is none. `by_hand` says why, who and where."""

    revoker: KeyRevoker | None
    by_hand: str


def keyed_upstreams(records: Records, selection: Selection) -> tuple[str, ...]:
    """Returns the upstreams that are asked with the key that a freeze names, and that it alone names.

    Raises:
        InvalidInputError: `revocation-unnamed`: it selects otherwise, so that more or fewer calls would stop than the
            key carries; or the program knows no upstream with that key.
    """
    terms = selection.terms
    named = terms[0].name if len(terms) == 1 and terms[0].kind is SelectorKind.KEY and not terms[0].barred else ""
    found = _upstreams(records, named) if named else ()
    if not found:
        raise InvalidInputError(
            f"expected exactly key:KEY_ID with the key_id of an upstream to revoke, got {selection}",
            code="revocation-unnamed",
            remedy="freeze what you must, and the key by a freeze of its own: what is revoked does not come back",
        )
    return found


def settle(tx: Transaction, freeze: FreezeId, outcome: Revoking, said: str) -> None:
    """Enters how an order ended, unless it has ended: an answer may be waited for twice."""
    order = tx.get(KEY_REVOCATIONS, freeze)
    if order is None or tx.get(OUTBOX, f"{freeze}/{REVOKE_KEY}") is None:
        return
    event = UpstreamKeySettled(freeze=freeze, key=order.key, outcome=outcome, said=said)
    tx.append(kept.require_agreement(tx).origin, UPSTREAM_KEY_SETTLED.draft(event))


def is_revoked(records: Records, key: str) -> bool:
    """Tells whether its vendor has said of a key that it is revoked."""
    return any(one.key == key and one.state is Revoking.REVOKED for _, one in records.scan(KEY_REVOCATIONS))


def unrevoked(records: Records) -> Sequence[KeyRevocation]:
    """Returns the latest order for each key that is left to do by hand, as long as the program names the key."""
    latest = {one.key: one for _, one in records.scan(KEY_REVOCATIONS)}
    open_ones = (one for one in latest.values() if one.state in (Revoking.BY_HAND, Revoking.FAILED))
    return [one for one in open_ones if not is_revoked(records, one.key) and _upstreams(records, one.key)]


def _upstreams(records: Records, key: str) -> tuple[str, ...]:
    providers = (one for _, path in records.scan(kept.PATHS) for one in path.providers)
    return _once(one.upstream for one in providers if one.key_id == key)


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))

"""What waits for the partner, as state: a request, and the effect that fetches the cosignature it waits for."""

from safeconduct.access import records as kept
from safeconduct.access.model.changes import Pending
from safeconduct.kernel.effects import finish_effect, order_effect
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.ports import State

COSIGN = "cosign"
"""The kind of effect that fetches a witness's cosignature and ends in `cosigning.complete_cosign`."""


def wait(state: State, entry: Entry, pending: Pending) -> None:
    """Keeps a request until the partner's witness has cosigned it, and orders that."""
    state.insert(kept.PENDING, pending.request, pending)
    order_effect(
        state,
        entry,
        COSIGN,
        {
            "origin": entry.origin,
            "agreement_origin": pending.agreement_origin,
            "policy": pending.witness.policy,
        },
    )


def forget(state: State, request: EntryId) -> None:
    """Removes a request that waits no more."""
    state.delete(kept.PENDING, request)
    finish_effect(state, request, COSIGN)

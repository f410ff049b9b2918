"""Who has rules run over events as they come, whether they may now, and what a step records.

Whether it may run is asked anew at each step, of who ordered it and of the program in force (docs/spec/live.md).
"""

from collections.abc import Iterable

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, frozen_with_organization, refuse_left, require
from safeconduct.access.model.parties import Principal
from safeconduct.kernel.errors import AbsentError, RefusedError
from safeconduct.kernel.ids import IncidentId
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.incidents.finding import owned_incident
from safeconduct.soc.incidents.opening import record_incident
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.live.events import (
    BY_OWNER,
    ENDED,
    LIVE,
    ORDERED,
    REACHED,
    LiveEnded,
    LiveOrdered,
    LiveReached,
    LiveRecord,
)
from safeconduct.soc.model import Incident
from safeconduct.soc.owners import detects_for, origin_of, owner_name


def live_orders(records: Records) -> tuple[LiveRecord, ...]:
    """Returns the orders in force, by owner."""
    return tuple(one for _, one in records.scan(LIVE, BY_OWNER))


def order_live(
    tx: Transaction, signed: SignedAct, *, operation: str, content: str, owner: str = HOUSE_OWNED
) -> LiveRecord:
    """Orders that an owner's events are looked at as they come; an order again is in the name of who signs now.

    Raises:
        UnauthenticatedError, RefusedError: as `owners.detects_for`.
    """
    signer = detects_for(tx, signed, operation=operation, content=content, owner=owner)
    ordered = LiveOrdered(by=signer.id, owner=owner)
    tx.append(origin_of(tx), ORDERED.draft(ordered, subject="rules", act=signed.envelope()))
    return _in_force(tx, owner)


def end_live(
    tx: Transaction, signed: SignedAct, *, operation: str, content: str, owner: str = HOUSE_OWNED
) -> LiveRecord:
    """Ends it, and returns how far it got.

    Raises:
        UnauthenticatedError, RefusedError: as `owners.detects_for`.
        AbsentError: there is no order (`live-not-ordered`).
    """
    signer = detects_for(tx, signed, operation=operation, content=content, owner=owner)
    former = _in_force(tx, owner)
    ended = LiveEnded(by=signer.id, owner=owner)
    tx.append(origin_of(tx), ENDED.draft(ended, subject="rules", act=signed.envelope()))
    return former


def require_may_run(records: Records, order: LiveRecord) -> None:
    """Returns if an order still holds: who gave it could give it now.

    A freeze of all or of an agreement stops calls; rules ask no model, and a SOC that stands still sees nothing.

    Raises:
        RefusedError: who ordered it is frozen by name, by key or with their organization (`live-frozen`), has left,
            has another role, or is not of the owner any more (`live-not-theirs`); or `no-agreement`.
    """
    origin_of(records)
    person = records.get(kept.PRINCIPALS, order.by)
    if person is None or owner_name(records, person.organization) != order.owner:
        raise RefusedError(
            f"{order.by}, who ordered live detection, is not of whose telemetry it is any more",
            code="live-not-theirs",
            clause=f"principal:{order.by}/organization",
            remedy="have somebody of theirs order it: safeconduct detect --follow",
        )
    refuse_left(records, person)
    require(person, Capability.INGEST)
    _refuse_frozen(records, person)


def step(
    tx: Transaction, order: LiveRecord, incidents: Iterable[Incident], *, events: int, alerts: int
) -> tuple[IncidentId, ...]:
    """Records what was found, and that so many events were looked at, in one transaction; returns what it opened.

    Raises:
        RefusedError: as `require_may_run`. AbsentError: the order was ended or is another's by now.
    """
    current = _in_force(tx, order.owner)
    if current.entry != order.entry:
        raise AbsentError("it was ordered anew", code="live-not-ordered")
    require_may_run(tx, current)
    origin, owner = origin_of(tx), order.owner
    opened = [
        one.id
        for one in (owned_incident(found, owner) for found in incidents)
        if record_incident(tx, origin, one, owner=owner)
    ]
    if opened or events != current.events:
        reached = LiveReached(events=events, alerts=alerts, opened=len(opened), owner=owner)
        tx.append(origin, REACHED.draft(reached, subject="rules"))
    return tuple(opened)


def _in_force(records: Records, owner: str) -> LiveRecord:
    found = records.get(LIVE, BY_OWNER + owner)
    if found is None:
        raise AbsentError(
            "nobody ordered live detection for this telemetry",
            code="live-not-ordered",
            remedy="safeconduct detect --follow",
        )
    return found


def _refuse_frozen(records: Records, person: Principal) -> None:
    freeze = frozen_with_organization(records, person)
    if freeze is not None:
        raise RefusedError(
            f"{person.id}, who ordered live detection, is frozen: {freeze.reason}",
            code="live-frozen",
            clause=f"freeze:{freeze.id}",
            remedy="safeconduct unfreeze, or have somebody else of theirs order it",
        )

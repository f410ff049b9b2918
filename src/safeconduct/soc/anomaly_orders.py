"""Whether anomalies are alerts in an owner's telemetry: nobody's are, until one of its own people says so."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.ports import Collection, Projection, Records, State, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.events import EventType
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.owners import detects_for, origin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomaliesOrdered:
    """From the next run of the rules on anomalies are alerts, too, or are no more (`told`)."""

    told: bool
    by: PrincipalId
    owner: str = HOUSE_OWNED


ORDERED = EventType("soc.anomalies.ordered/1", AnomaliesOrdered, Retention.OPERATIONS)
ORDERS = Collection("anomaly_orders", AnomaliesOrdered)  # at `of/` and the owner
_AT = "of/"


def tells_anomalies(records: Records, owner: str) -> bool:
    """Tells whether anomalies are alerts in an owner's telemetry."""
    found = records.get(ORDERS, _AT + owner)
    return found is not None and found.told


def order_anomalies(
    tx: Transaction, signed: SignedAct, *, told: bool, operation: str, content: str, owner: str = HOUSE_OWNED
) -> AnomaliesOrdered:
    """Records whether anomalies are alerts from now on. Incidents that are open stay as they are.

    Raises:
        UnauthenticatedError, RefusedError: as `owners.detects_for`.
    """
    signer = detects_for(tx, signed, operation=operation, content=content, owner=owner)
    ordered = AnomaliesOrdered(told=told, by=signer.id, owner=owner)
    tx.append(origin_of(tx), ORDERED.draft(ordered, subject="rules", act=signed.envelope()))
    return ordered


def _ordered(state: State, entry: Entry) -> None:
    event = ORDERED.read(entry)
    state.put(ORDERS, _AT + event.owner, event)
    record_act(state, entry)


PROJECTIONS: Mapping[str, Projection] = {ORDERED.name: _ordered}

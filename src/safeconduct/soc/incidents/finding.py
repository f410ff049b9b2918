"""Finding incidents: the rules over an owner's stored events, and what of the alerts belongs together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from safeconduct.kernel.canonical import digest
from safeconduct.kernel.ids import IncidentId
from safeconduct.soc.correlation import correlate
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.grouping import Ruling
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.inventory import Inventory
from safeconduct.soc.model import Alert, Incident
from safeconduct.soc.ports import EventStore
from safeconduct.soc.tuning import TunedOut, held_back
from safeconduct.soc.unusual import Unusual


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What the rules found in the stored events, and what belongs together. `incidents` the gravest first.

    `held_back` counts the alerts that are not among `alerts`, by tune-out.
    """

    events: int
    alerts: tuple[Alert, ...]
    incidents: tuple[Incident, ...]
    held_back: Mapping[str, int]


def run_detection(
    store: EventStore,
    rules: RuleSet,
    inventory: Inventory,
    owner: str = HOUSE_OWNED,
    *,
    rulings: Sequence[Ruling] = (),
    tuned_out: Sequence[TunedOut] = (),
    anomalies: bool = False,
) -> Detection:
    """Runs the rules over all of an owner's events. Changes nothing; the same events give the same answer.

    `rulings` are what people decided on the owner's incidents before, `tuned_out` what they hold back; `anomalies`
    tells whether they have what is unusual told, too.
    """
    found = detect(store.between(), rules)
    if anomalies:
        found += tuple(Unusual().alerts(store.between()))
    events = store.many({key for alert in found for key in alert.events} | {one.event for one in tuned_out})
    alerts, held = held_back(found, tuned_out, events)
    incidents = tuple(owned_incident(one, owner) for one in correlate(alerts, events, inventory, rulings))
    return Detection(events=sum(store.counts().values()), alerts=alerts, incidents=incidents, held_back=held)


def owned_incident(incident: Incident, owner: str) -> Incident:
    """Returns an incident under its owner's id of it."""
    return replace(incident, id=owned_incident_id(incident.id, owner))


def owned_incident_id(natural: IncidentId, owner: str) -> IncidentId:
    """Returns an owner's id of an incident: two owners may have the same events, and each its own incident of them."""
    return IncidentId(digest({"owner": owner, "incident": natural})[: len(natural)]) if owner else natural

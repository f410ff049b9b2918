"""Opening incidents in the log: what was found, as references that a leaf of the log can hold."""

from collections.abc import Iterable, Iterator, Sequence

from safeconduct.kernel.ids import IncidentId, Origin
from safeconduct.kernel.ports import Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.events import in_parts
from safeconduct.soc.incidents.events import INCIDENTS, OPENED, IncidentOpened
from safeconduct.soc.incidents.marking import marked
from safeconduct.soc.incidents.model import AlertReference, EdgeReference
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.model import Alert, Edge, Incident
from safeconduct.soc.owners import brings_in, origin_of
from safeconduct.soc.unusual import said

PART_BYTES_MAX = 48 * 1024
"""Bytes of alerts and edges in one entry; a leaf holds 65,535 with its envelope. A larger incident takes more entries.

The longest single alert, with ALERT_EVENTS_MAX events, stays below 20 KB.
"""


def open_incidents(
    tx: Transaction,
    signed: SignedAct,
    incidents: Iterable[Incident],
    *,
    operation: str,
    content: str,
    owner: str = HOUSE_OWNED,
) -> tuple[IncidentId, ...]:
    """Records the incidents that are not open yet, and returns their ids.

    Raises:
        UnauthenticatedError, RefusedError: as `owners.brings_in`.
    """
    brings_in(tx, signed, operation=operation, content=content, owner=owner)
    origin, opened = origin_of(tx), list[IncidentId]()
    for incident in incidents:
        # An act stands in one entry, the first it led to.
        if record_incident(tx, origin, incident, None if opened else signed, owner=owner):
            opened.append(incident.id)
    return tuple(opened)


def record_incident(
    tx: Transaction,
    origin: Origin,
    incident: Incident,
    signed: SignedAct | None = None,
    *,
    owner: str = HOUSE_OWNED,
) -> bool:
    """Appends the entries that open an incident and tells so; one that is open already is left alone.

    The first entry carries the act that led to it: an act is used once.
    """
    if tx.get(INCIDENTS, incident.id) is not None:
        return False
    for event in _events(tx, incident, owner):
        act = signed.envelope() if signed and event.part == 1 else None
        tx.append(origin, OPENED.draft(event, subject=incident.id, act=act))
    return True


def _events(tx: Transaction, incident: Incident, owner: str) -> list[IncidentOpened]:
    parts, continues = list(_parts(incident)), _continued(tx, incident, owner)
    return [
        IncidentOpened(
            incident=incident.id,
            part=number,
            parts=len(parts),
            first_at=incident.first_at,
            last_at=incident.last_at,
            score=incident.score,
            continues=continues,
            alerts=tuple(alerts),
            edges=tuple(edges),
            owner=owner,
        )
        for number, (alerts, edges) in enumerate(parts, start=1)
    ]


def _parts(incident: Incident) -> Iterator[tuple[list[AlertReference], list[EdgeReference]]]:
    """Returns what goes into each entry: alerts and edges in their order, never more than one leaf can hold."""
    items: list[AlertReference | EdgeReference] = [
        *map(_reference, incident.alerts),
        *map(_edge_reference, incident.edges),
    ]
    return map(_sorted, in_parts(items, PART_BYTES_MAX))


def _sorted(part: Sequence[AlertReference | EdgeReference]) -> tuple[list[AlertReference], list[EdgeReference]]:
    alerts = [item for item in part if isinstance(item, AlertReference)]
    return alerts, [item for item in part if isinstance(item, EdgeReference)]


def _continued(tx: Transaction, incident: Incident, owner: str) -> tuple[IncidentId, ...]:
    found = ((key, tx.get(INCIDENTS, key)) for key in marked(tx, owner, incident.alerts))
    return tuple(key for key, record in found if record is not None and record.stands)


def _reference(alert: Alert) -> AlertReference:
    return AlertReference(
        id=alert.id,
        rule=alert.rule,
        rule_digest=alert.rule_digest,
        title=alert.title,
        level=alert.level,
        techniques=alert.techniques,
        at=alert.at,
        total=alert.total,
        events=alert.events,
        said=said(alert),
    )


def _edge_reference(edge: Edge) -> EdgeReference:
    return EdgeReference(
        alerts=edge.alerts, events=edge.events, pointers=edge.pointers, kind=edge.entity.kind, seconds=edge.seconds
    )

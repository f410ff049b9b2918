"""What is recorded of incidents, by their ids and by how grave they are."""

from safeconduct.access.model.parties import Principal
from safeconduct.kernel.beginnings import the_only
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import IncidentId
from safeconduct.kernel.ports import Records
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.incidents.model import IncidentRecord
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.owners import owned


def incident_record(
    records: Records, incident_id: str, owners: frozenset[str] = frozenset((HOUSE_OWNED,))
) -> IncidentRecord:
    """Returns what is recorded of an incident; the beginning of an id is enough where only one has it.

    One of an owner who is none of `owners` is not there.

    Raises:
        AbsentError: none, or more than one, begins so.
    """
    scanned = records.scan(INCIDENTS, incident_id) if incident_id else ()
    found = {record.id: record for _, record in scanned if record.owner in owners}
    return the_only(found, incident_id, "incident", _unknown_incident(incident_id))


def incident_for(records: Records, signer: Principal, incident: IncidentId) -> IncidentRecord:
    """Returns what is recorded of an incident, to somebody who is of its owner.

    Raises:
        AbsentError: `incident-unknown`. RefusedError: `not-the-owner`.
    """
    record = records.get(INCIDENTS, incident)
    if record is None:
        raise _unknown_incident(incident)
    owned(records, signer, record.owner)
    return record


def _unknown_incident(incident: str) -> AbsentError:
    return AbsentError(f"no incident {incident[:64]!r}", code="incident-unknown", remedy="safeconduct incident list")


def incident_records(records: Records) -> list[IncidentRecord]:
    """Returns what is recorded of every incident, the gravest first."""
    found = (record for _, record in records.scan(INCIDENTS))
    return sorted(found, key=lambda record: (-record.score, record.first_at, record.id))

"""Under which name an incident counts: one that grew by more telemetry, or was regrouped, is not another one."""

from safeconduct.kernel.ids import IncidentId
from safeconduct.kernel.ports import Records
from safeconduct.soc.grouping import Change
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.incidents.model import IncidentRecord
from safeconduct.soc.incidents.regrouping import REGROUPINGS


def counted_as(records: Records, incident: IncidentId) -> IncidentId:
    """Returns the incident that another counts as: the latest that continues it, that it was merged into, or repeats.

    The parts of one that was split count as that one, what a merge made that was taken back as the first of those it
    was made of. A part that grows by more telemetry counts by itself from then on. One not on record is itself.
    """
    seen = {incident}
    while (after := _next(records, incident)) and after not in seen:
        incident = after
        seen.add(incident)
    return incident


def _next(records: Records, incident: IncidentId) -> IncidentId | None:
    record = records.get(INCIDENTS, incident)
    if record is None:
        return None
    if record.continued_by:
        return IncidentId(record.continued_by)
    return _made_of(records, record) or _replaced_by(records, record)


def _made_of(records: Records, record: IncidentRecord) -> IncidentId | None:
    one = records.get(REGROUPINGS, record.made_by) if record.made_by else None
    parts = one is not None and (one.decided.change is Change.SPLIT or one.undone_by)
    return one.decided.incidents[0] if one is not None and parts else None


def _replaced_by(records: Records, record: IncidentRecord) -> IncidentId | None:
    one = records.get(REGROUPINGS, record.replaced_by) if record.replaced_by else None
    if one is None or one.decided.change is Change.SPLIT:
        return None
    return one.decided.parts[0].incident if one.decided.change is Change.MERGE else one.decided.incidents[-1]

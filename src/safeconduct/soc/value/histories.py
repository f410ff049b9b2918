"""Which incidents one grew out of: by further telemetry, or by people's regrouping. Its clocks run from the first."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from safeconduct.kernel.ids import IncidentId
from safeconduct.soc.incidents.model import IncidentRecord
from safeconduct.soc.incidents.regrouping import Regrouping, replaced


def histories(
    incidents: Iterable[IncidentRecord], regroupings: Iterable[Regrouping]
) -> Mapping[IncidentId, frozenset[IncidentId]]:
    """Returns, of each incident that stands, its id and those of all that it grew out of. Linear in both."""
    known = list(incidents)
    former: dict[IncidentId, list[IncidentId]] = defaultdict(list)
    for record in known:
        if record.continued_by:
            former[IncidentId(record.continued_by)].append(record.id)
    for one in regroupings:
        if not one.undone_by:
            for made in _made(one):
                former[made] += replaced(one.decided)
    return {record.id: _ancestors(record.id, former) for record in known if record.stands}


def _made(one: Regrouping) -> tuple[IncidentId, ...]:
    return tuple(part.incident for part in one.decided.parts) or one.decided.incidents[-1:]


def _ancestors(incident: IncidentId, former: Mapping[IncidentId, list[IncidentId]]) -> frozenset[IncidentId]:
    found, waiting = {incident}, [incident]
    while waiting:
        fresh = [one for one in former.get(waiting.pop(), ()) if one not in found]
        found.update(fresh)
        waiting += fresh
    return frozenset(found)

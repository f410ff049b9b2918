"""What people found incidents of the past to be: the measure of trials."""

from collections.abc import Iterator

from safeconduct.kernel.ports import Records
from safeconduct.soc.incidents.closing import Closed, Closings
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.trials.model import Case


def past_cases(records: Records, owner: str) -> tuple[Case, ...]:
    """Returns an owner's incidents that people closed, the latest closed first. A model's closing is no measure."""
    found = sorted(_by_people(records, owner), key=lambda one: (-one.at, one.entry))
    return tuple(Case(incident=one.closed.incident, disposition=one.closed.disposition) for one in found)


def _by_people(records: Records, owner: str) -> Iterator[Closed]:
    for one in Closings(records):
        record = records.get(INCIDENTS, one.closed.incident)
        if one.stands and not one.by_model and one.closed.owner == owner and record and record.stands:
            yield one

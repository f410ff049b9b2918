"""Incidents are closed and opened again: the entries, and which closing stands. The reasons are sealed.

docs/spec/incidents.md, section 6. An incident that grows is a new one, which nobody closed yet: what was closed stays
on record as it was.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.ids import EntryId, IncidentId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, Records, State
from safeconduct.ledger.events import EventType
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.predicates import Judgment


class Why(StrEnum):
    """Why a closed incident is open again: a person said so, or a second look found something else."""

    PERSON = "person"
    SECOND_LOOK = "second-look"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentClosed:
    """An incident was closed, by a person, or by a model's verdict.

    `path`, `model` and `call` say which model on which governed call; they are empty where a person judged. `by` is
    who signed: of a model's, who had it asked. The reason is sealed; a model's are its claims.
    """

    incident: IncidentId
    disposition: Judgment
    by: PrincipalId
    owner: str = HOUSE_OWNED
    path: str = ""
    model: str = ""
    call: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentReopened:
    """A closed incident is open again. `closing` is the entry that closed it."""

    incident: IncidentId
    closing: EntryId
    why: Why
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A closing. `reopened_at` is when it ended, None while it stands; `reopened_by` the entry that ended it."""

    closed: IncidentClosed
    at: Instant
    entry: EntryId
    reopened_at: Instant | None = None
    reopened_by: str = ""

    @property
    def by_model(self) -> bool:
        """Whether a model's verdict closed it."""
        return bool(self.closed.path)

    @property
    def stands(self) -> bool:
        """Whether nobody opened it again."""
        return self.reopened_at is None


CLOSED = EventType("soc.incident.closed/1", IncidentClosed, Retention.OPERATIONS)
REOPENED = EventType("soc.incident.reopened/1", IncidentReopened, Retention.OPERATIONS)
CLOSINGS = Collection("incident_closings", Closed)  # at incident/entry


@dataclass(frozen=True, slots=True)
class Closings:
    """The closings of incidents, as they are recorded."""

    records: Records

    def of(self, incident: IncidentId) -> Closed | None:
        """Returns the closing of an incident that stands, or None: it is open."""
        last = next(reversed(self.history(incident)), None)
        return last if last and last.stands else None

    def history(self, incident: IncidentId) -> tuple[Closed, ...]:
        """Returns all closings of an incident, oldest first."""
        return tuple(one for _, one in self.records.scan(CLOSINGS, f"{incident}/"))

    def __iter__(self) -> Iterator[Closed]:
        """Yields every closing, also those that ended, by incident and in order of time."""
        return (one for _, one in self.records.scan(CLOSINGS))


def closing_key(incident: IncidentId, entry: EntryId) -> str:
    """Returns where a closing is kept: an incident's in order of time."""
    return f"{incident}/{entry}"


def _closed(state: State, entry: Entry) -> None:
    event = CLOSED.read(entry)
    state.insert(CLOSINGS, closing_key(event.incident, entry.id), Closed(closed=event, at=entry.at, entry=entry.id))
    record_act(state, entry)


def _reopened(state: State, entry: Entry) -> None:
    event = REOPENED.read(entry)
    key = closing_key(event.incident, event.closing)
    former = state.get(CLOSINGS, key)
    if former is not None:
        state.put(CLOSINGS, key, replace(former, reopened_at=entry.at, reopened_by=entry.id))
    record_act(state, entry)


PROJECTIONS: Mapping[str, Projection] = {CLOSED.name: _closed, REOPENED.name: _reopened}

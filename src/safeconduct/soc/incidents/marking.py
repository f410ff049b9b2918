"""In which incidents a rule's alert about an event stands: what continues what is looked up, and no more is read.

Not by the event alone: two rules may fire on one event and their alerts have nothing else in common.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from safeconduct.kernel.ids import EventId, IncidentId
from safeconduct.kernel.ports import Collection, Records, State


@dataclass(frozen=True, slots=True)
class Marks:
    """The incidents in which it stands, without those that were continued: these never stand again."""

    incidents: tuple[IncidentId, ...]


MARKS = Collection("incidents_by_event", Marks)  # at the owner, the event and the rule


class Naming(Protocol):
    """An alert, or what an entry says of one."""

    @property
    def rule(self) -> str:
        """The rule that fired."""

    @property
    def events(self) -> tuple[EventId, ...]:
        """The events it names."""


def marked(records: Records, owner: str, alerts: Iterable[Naming]) -> list[IncidentId]:
    """Returns the incidents of an owner with an alert of the same rule about the same event, ordered by id."""
    found = (records.get(MARKS, key) for key in _keys(owner, alerts))
    return sorted({incident for marks in found if marks is not None for incident in marks.incidents})


def mark(
    state: State, owner: str, alerts: Iterable[Naming], incident: IncidentId, continued: Iterable[IncidentId] = ()
) -> None:
    """Notes that the alerts stand in an incident, in place of those that it continues."""
    gone = {incident, *continued}
    for key in _keys(owner, alerts):
        former = state.get(MARKS, key)
        kept = tuple(one for one in former.incidents if one not in gone) if former is not None else ()
        state.put(MARKS, key, Marks((*kept, incident)))


def _keys(owner: str, alerts: Iterable[Naming]) -> dict[str, None]:
    return dict.fromkeys(f"{owner}/{event}/{alert.rule}" for alert in alerts for event in alert.events)

"""Whose telemetry a request is about: who brings some in or reads it, where it is kept, and which rules are for it."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated

from fastapi import Query

from safeconduct.access.reading_rights import Reader, reads_telemetry
from safeconduct.adapters.telemetry.archive import Archive
from safeconduct.adapters.telemetry.rules_read import rules_in_use
from safeconduct.http.control.context import Control
from safeconduct.http.control.signed import Signed
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.ports import Records
from safeconduct.soc import telemetry_service
from safeconduct.soc.detection.in_use import InUse, Kept
from safeconduct.soc.incidents.model import IncidentRecord
from safeconduct.soc.incidents.reading import incident_record
from safeconduct.soc.incidents.whole import whole
from safeconduct.soc.model import Event, Incident
from safeconduct.soc.retention.destroying import day_destroyed, destroyed_events, refuse_destroyed
from safeconduct.soc.retention.events import TelemetryOrder

NAME_CHARS_MAX = 255
"""Characters of a name: of a file, as file systems have it, and of an organization."""

Owner = Annotated[str, Query(max_length=NAME_CHARS_MAX, description="The organization whose it is; empty: the house.")]


async def admit(control: Control, signed: Signed[object], owner: str) -> str:
    """Returns whose archive it goes to, asked before anything is read."""

    def asked() -> str:
        now = control.clock.now()
        with control.snapshot() as records:
            return telemetry_service.admit(
                records, signed.act, operation=signed.operation, content=signed.content, now=now, owner=owner
            )

    return await asyncio.to_thread(asked)


def readable_owners(control: Control, records: Records, reader: Reader) -> frozenset[str]:
    """Returns whose telemetry somebody reads, which may be nobody's."""
    now = control.clock.now()
    return frozenset(one for one in control.archives.owners if reads_telemetry(records, reader, one, now))


def read_owners(control: Control, records: Records, reader: Reader) -> frozenset[str]:
    """Returns whose telemetry somebody reads, where it is somebody's.

    Raises:
        RefusedError: `not-yours`: nobody's.
    """
    found = readable_owners(control, records, reader)
    if not found:
        raise RefusedError(
            f"{reader.principal} reads nobody's telemetry",
            code="not-yours",
            clause=f"principal:{reader.principal}/organization",
            remedy="ask for a grant on a path whose telemetry_of is the organization whose telemetry it is",
        )
    return found


def rules_of(control: Control, owner: str, *changed: Kept) -> Callable[[], InUse]:
    """Returns what reads an owner's rules, as `rules_read.rules_in_use`."""
    with control.snapshot() as records:
        return rules_in_use(records, control.archives.of(owner), owner, *changed)


def archives_of(control: Control, reader: Reader) -> list[Archive]:
    """Returns the archives of those whose telemetry somebody reads."""
    with control.snapshot() as records:
        return [control.archives.of(owner) for owner in sorted(read_owners(control, records, reader))]


Gone = Mapping[EventId, TelemetryOrder]
"""Events that were destroyed, each with the order."""


def incident_events(
    control: Control, reader: Reader, incident_id: str
) -> tuple[IncidentRecord, Mapping[EventId, Event], Gone]:
    """Returns what is recorded of an incident, its events that are there, and of the others which were destroyed.

    Raises:
        AbsentError: there is none that the reader reads.
    """
    with control.snapshot() as records:
        record = incident_record(records, incident_id, read_owners(control, records, reader))
    events = control.archives.of(record.owner).events.many(record.events)
    if len(events) == len(record.events):
        return record, events, {}
    with control.snapshot() as records:
        return record, events, destroyed_events(records, record.owner, record.events - events.keys())


def destroyed_on(control: Control, owner: str, events: Iterable[EventId]) -> dict[EventId, str]:
    """Returns, of an owner's events that a record names, the UTC day on which each was destroyed that is not there."""
    with control.snapshot() as records:
        gone = destroyed_events(records, owner, events)
    there = control.archives.of(owner).events.many(gone)
    return {key: day_destroyed(order) for key, order in gone.items() if key not in there}


def whole_incident(control: Control, reader: Reader, incident_id: str) -> tuple[IncidentRecord, Incident]:
    """Returns what is recorded of an incident, and the incident made whole from its events.

    Raises:
        AbsentError: there is none that the reader reads; `event-destroyed`.
    """
    record, events, gone = incident_events(control, reader, incident_id)
    refuse_destroyed(f"incident {record.id}", gone)
    return record, whole(record, events, rules_of(control, record.owner)().rules)

"""What holds telemetry back whose days are over: a legal hold all of it, an incident the files that it cites."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from safeconduct.access.holds import holds
from safeconduct.access.holds_events import Hold
from safeconduct.kernel.entries import Retention
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ids import EventId, IncidentId
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.ledger.log_events import lineage
from safeconduct.ledger.sealing import DAY_LENGTH
from safeconduct.soc.hunts.scheduling import runs as scheduled_runs
from safeconduct.soc.incidents.closing import Closings
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.owners import origin_of
from safeconduct.soc.tune_outs import tune_outs

SUBJECT = "telemetry"
"""Whose data keys a legal hold names that holds telemetry, too: the subject of its entries."""

LONG_AGO = "0"
"""Before every day."""

FilesOf = Callable[[Collection[EventId]], Mapping[EventId, frozenset[str]]]
"""Tells of an owner's events from which raw files they were read: `EventStore.files_of`."""


@dataclass(frozen=True, slots=True)
class Citing:
    """An incident that cites an event, and the day it was closed: empty while it is open."""

    incident: IncidentId
    closed_on: str


@dataclass(frozen=True, slots=True)
class Citations:
    """What an owner's incidents cite: each event with who cites it.

    `files` has for each raw file its events that records name, those too that keep nothing.
    """

    events: Mapping[EventId, tuple[Citing, ...]] = field(default_factory=dict)
    files: Mapping[str, tuple[EventId, ...]] = field(default_factory=dict)

    def keeping(self, digest: str, before: str) -> tuple[IncidentId, ...]:
        """Returns the incidents for which a file is kept: open ones, and those closed on a day not before that one."""
        citing = (one for event in self.files.get(digest, ()) for one in self.events.get(event, ()))
        return tuple(sorted({one.incident for one in citing if not one.closed_on or one.closed_on >= before}))


def citations(records: Records, owner: str, files_of: FilesOf) -> Citations:
    """Returns what an owner's incidents cite. What was continued or regrouped keeps nothing: what it became does.

    Runs of hunts and tune-outs keep nothing either; what they name is told as destroyed once it is.
    """
    closings, events, files = Closings(records), dict[EventId, tuple[Citing, ...]](), dict[str, list[EventId]]()
    for _, record in records.scan(INCIDENTS):
        if record.owner != owner:
            continue
        closing = closings.of(record.id)
        closed_on = rfc3339(closing.at)[:DAY_LENGTH] if closing else "" if record.stands else LONG_AGO
        cited = {key for alert in record.alerts for key in alert.events}
        cited |= {key for edge in record.edges for key in edge.events}
        for key in cited:
            events[key] = (*events.get(key, ()), Citing(record.id, closed_on))
    for key, found in files_of(events.keys() | _named(records, owner)).items():
        for digest in found:
            files.setdefault(digest, []).append(key)
    return Citations(events, {digest: tuple(sorted(keys)) for digest, keys in files.items()})


def _named(records: Records, owner: str) -> set[EventId]:
    runs = (run.answered for run in scheduled_runs(records, owner) if run.answered is not None)
    return {key for one in runs for key in one.events} | {one.event for one in tune_outs(records, owner)}


def hold_on_telemetry(records: Records) -> Hold | None:
    """Returns the oldest legal hold that keeps telemetry: on its log, for all or its subject, and all or its class."""
    origin = origin_of(records)
    for hold in holds(records):
        named = hold.subject in {None, SUBJECT} and hold.retention in {None, Retention.OPERATIONS}
        if named and origin in lineage(records, hold.origin):
            return hold
    return None


def refuse_telemetry_held(records: Records) -> None:
    """Returns if no legal hold keeps telemetry.

    Raises:
        RefusedError: `legal-hold`, or `no-agreement`.
    """
    hold = hold_on_telemetry(records)
    if hold is not None:
        raise RefusedError(
            "telemetry is under legal hold and stays",
            code="legal-hold",
            clause=f"hold:{hold.id}",
            remedy="safeconduct log holds shows who placed it and why",
        )

"""An incident with what claims about it are checked against, and its recorded claims checked again."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

from safeconduct.access.opening_rules import Viewer
from safeconduct.access.reading_rights import Reader
from safeconduct.adapters.telemetry.archive import Archive
from safeconduct.http.control.context import Control
from safeconduct.http.control.openings import sealed_fact, show
from safeconduct.http.control.owned import whole_incident
from safeconduct.http.control.readers import viewer_of
from safeconduct.kernel.ids import EventId
from safeconduct.soc import triage_service
from safeconduct.soc.attack import attack_table
from safeconduct.soc.claim_events import ClaimRecord, claims_of
from safeconduct.soc.grounding import CheckedClaim, Context, Outcome
from safeconduct.soc.hunts.model import Hunt, HuntResult
from safeconduct.soc.model import Incident
from safeconduct.soc.rechecking import SealedClaims, read_sealed, recheck
from safeconduct.soc.summary import rule_context


@dataclass(frozen=True, slots=True)
class Whole:
    """An incident as it is stored now, whose telemetry it is of, and what claims about it are checked against."""

    archive: Archive
    owner: str
    context: Context

    @property
    def incident(self) -> Incident:
        """The incident."""
        return self.context.incident

    def searched(self, hunt: Hunt) -> HuntResult:
        """Returns what a hunt over the incident's telemetry finds, within the budget of a question."""
        return _searched(self.archive, hunt)

    def seeing(self, events: Collection[EventId]) -> Context:
        """Returns the context with further events, as they are stored now."""
        return replace(self.context, events={**self.context.events, **self.archive.events.many(events)})


def whole_of(control: Control, reader: Reader, incident_id: str) -> Whole:
    """Returns an incident that the reader reads, with what claims about it are checked against."""
    record, incident = whole_incident(control, reader, incident_id)
    archive = control.archives.of(record.owner)
    context = rule_context(
        incident,
        archive.events.many(incident.events),
        attack_table().techniques,
        inventory=archive.telemetry.inventory(),
        search=partial(_searched, archive),
    )
    return Whole(archive, record.owner, context)


async def rechecked(control: Control, reader: Reader, here: Whole) -> list[tuple[CheckedClaim, Outcome]]:
    """Returns the recorded claims as they hold now, each with what was found when it was recorded.

    They are opened for the reader, which leaves an entry before this returns.
    """
    recorded = _recorded(control, here)
    parts = await _opened(control, viewer_of(reader), here, list(recorded.values()))
    context = await asyncio.to_thread(here.seeing, frozenset[EventId]().union(*(part.events for part in parts)))
    checked = await asyncio.to_thread(recheck, parts, context)
    return [(one, recorded[one.claim.id].claim.outcome) for one in checked if one.claim.id in recorded]


def _recorded(control: Control, here: Whole) -> dict[str, ClaimRecord]:
    with control.snapshot() as records:
        return {record.claim.id: record for record in claims_of(records, here.incident.id)}


async def _opened(control: Control, viewer: Viewer, here: Whole, recorded: Sequence[ClaimRecord]) -> list[SealedClaims]:
    entries = sorted({record.entry for record in recorded})
    facts = await asyncio.to_thread(
        lambda: [sealed_fact(control, entry, field) for entry in entries for field in ("claims", "shown")]
    )
    if not facts:
        return []
    opened = await show(control, viewer, facts, f"claims about incident {here.incident.id} are shown")
    return [read_sealed(opened[f"{entry}/claims"], opened[f"{entry}/shown"]) for entry in entries]


def _searched(archive: Archive, hunt: Hunt) -> HuntResult:
    return archive.hunts.run(hunt, triage_service.HUNT_BUDGET)

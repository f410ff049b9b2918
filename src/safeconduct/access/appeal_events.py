"""The entry of an appeal, and what is on record of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import EntryId, OrganizationId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealLodged:
    """A person of the organization that made a call holds against how it ended, and says why."""

    call: str
    organization: OrganizationId
    by: PrincipalId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeal:
    """An appeal that is on record. Deciding it is no part of this release."""

    id: EntryId
    call: str
    organization: OrganizationId
    by: PrincipalId
    reason: str
    at: Instant


LODGED = EventType("access.appeal.lodged/1", AppealLodged)
APPEALS = Collection("appeals", Appeal)  # at the call's id: one for each


def _lodged(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = LODGED.read(entry)
    appeal = Appeal(
        id=entry.id,
        call=event.call,
        organization=event.organization,
        by=event.by,
        reason=event.reason,
        at=entry.at,
    )
    state.insert(APPEALS, event.call, appeal)


PROJECTIONS: Mapping[str, Projection] = {LODGED.name: _lodged}

"""The entries of appeals, and what is on record of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EntryId, OrganizationId, PrincipalId
from safeconduct.kernel.instants import DAY, Duration, Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType

DECISION_TIME = Duration(5 * DAY)
"""How long an appeal may wait for its decision: five days. Somebody can't work until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealLodged:
    """A person of the organization that made a call holds against how it ended, and says why."""

    call: str
    organization: OrganizationId
    by: PrincipalId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealDecided:
    """A person who took no part in it says whether the appeal is right. There is one decision."""

    call: str
    appeal: EntryId
    upheld: bool
    by: PrincipalId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealDecision:
    """What was decided, by whom, and why."""

    entry: EntryId
    upheld: bool
    by: PrincipalId
    reason: str
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeal:
    """An appeal that is on record, and its decision once there is one. It is due by `due_at`."""

    id: EntryId
    call: str
    organization: OrganizationId
    by: PrincipalId
    reason: str
    at: Instant
    due_at: Instant
    decision: AppealDecision | None = None


LODGED = EventType("access.appeal.lodged/1", AppealLodged)
DECIDED = EventType("access.appeal.decided/1", AppealDecided)
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
        due_at=Instant(entry.at + DECISION_TIME),
    )
    state.insert(APPEALS, event.call, appeal)


def _decided(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = DECIDED.read(entry)
    appeal = state.get(APPEALS, event.call)
    if appeal is None:
        raise UnavailableError(f"entry {entry.id} decides an appeal that nobody lodged", code="log-damaged")
    decision = AppealDecision(entry=entry.id, upheld=event.upheld, by=event.by, reason=event.reason, at=entry.at)
    state.put(APPEALS, event.call, replace(appeal, decision=decision))


PROJECTIONS: Mapping[str, Projection] = {LODGED.name: _lodged, DECIDED.name: _decided}

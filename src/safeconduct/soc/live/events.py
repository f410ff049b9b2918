"""Live detection in the log: that it was ordered or ended, and how far it got."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType
from safeconduct.soc.ingesting import HOUSE_OWNED


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOrdered:
    """Rules are run over an owner's events as they come, from now on, in the name of who ordered it."""

    by: PrincipalId
    owner: str = HOUSE_OWNED


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEnded:
    """Rules are run over them no more but where somebody asks for it."""

    by: PrincipalId
    owner: str = HOUSE_OWNED


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveReached:
    """All of the first `events` events of an owner were looked at. `opened` counts the incidents that this opened."""

    events: int
    alerts: int
    opened: int
    owner: str = HOUSE_OWNED


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRecord:
    """An order in force, and how far it got: `events` and `alerts` at `reached_at`, None before the first step."""

    owner: str
    by: PrincipalId
    at: Instant
    entry: str
    events: int = 0
    alerts: int = 0
    opened: int = 0
    reached_at: Instant | None = None


ORDERED = EventType("soc.detection.ordered/1", LiveOrdered, Retention.OPERATIONS)
ENDED = EventType("soc.detection.ended/1", LiveEnded, Retention.OPERATIONS)
REACHED = EventType("soc.detection.reached/1", LiveReached, Retention.OPERATIONS)
LIVE = Collection("live_detection", LiveRecord)  # at `of/` and the owner
BY_OWNER = "of/"


def _ordered(state: State, entry: Entry) -> None:
    event = ORDERED.read(entry)
    order = LiveRecord(owner=event.owner, by=event.by, at=entry.at, entry=entry.id)
    state.put(LIVE, BY_OWNER + event.owner, order)
    record_act(state, entry)


def _reached(state: State, entry: Entry) -> None:
    event = REACHED.read(entry)
    order = state.get(LIVE, BY_OWNER + event.owner)
    if order is not None:
        now = replace(
            order,
            events=event.events,
            alerts=event.alerts,
            opened=order.opened + event.opened,
            reached_at=entry.at,
        )
        state.put(LIVE, BY_OWNER + event.owner, now)


def _ended(state: State, entry: Entry) -> None:
    state.delete(LIVE, BY_OWNER + ENDED.read(entry).owner)
    record_act(state, entry)


PROJECTIONS: Mapping[str, Projection] = {ORDERED.name: _ordered, REACHED.name: _reached, ENDED.name: _ended}

"""The entries of recertification, and what they leave in the records.

What stands in the program file is taken out of the records, so that the next program shows it as missing and may bring
it back: nothing else does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from safeconduct.access import records as kept
from safeconduct.access.acts import record_act
from safeconduct.access.model.parties import Role
from safeconduct.access.noting import noted
from safeconduct.access.recertifications import RECERTIFICATION_TIMER, Access, Recertification
from safeconduct.kernel.effects import Timer, clear_timer, set_timer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EntryId, OrganizationId, PrincipalId
from safeconduct.kernel.instants import DAY, Instant
from safeconduct.kernel.ports import Projection, State
from safeconduct.ledger.events import EventType
from safeconduct.program.recertifying.model import (
    CAMPAIGNS,
    ITEMS,
    SCHEDULES,
    Action,
    Campaign,
    Item,
    ItemState,
    Schedule,
    SubjectKind,
)
from safeconduct.program.recertifying.selecting import items
from safeconduct.program.vetting.model import Person

OPEN_TIMER = "recertification.open"
"""The kind of timer whose firing calls `closing.open_due`."""

CLOSE_TIMER = "recertification.close"
"""The kind of timer whose firing calls `closing.close_due`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecertificationTaken:
    """What the program says of a recertification since an instant; None where it says nothing any more."""

    name: str
    rule: Recertification | None
    since: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignOpened:
    """All access of these kinds is asked about, until `due_at`. Its items are what there was with this entry."""

    name: str
    organization: OrganizationId
    owner: PrincipalId
    of: tuple[Access, ...]
    due_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAnswered:
    """An item was kept or removed, for a reason, by somebody or by time. `digest` is of what was looked at."""

    campaign: EntryId
    subject: str
    action: Action
    digest: str
    reason: str
    by: Person | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignClosed:
    """The time to answer is over: how many items were kept, removed, not answered, and what else became of them."""

    campaign: EntryId
    count: Mapping[str, int]


TAKEN = EventType("program.recertification.taken/1", RecertificationTaken)
OPENED = EventType("program.recertification.opened/1", CampaignOpened)
ANSWERED = EventType("program.recertification.answered/1", ItemAnswered)
CLOSED = EventType("program.recertification.closed/1", CampaignClosed)

_REMOVING = frozenset({ItemState.REMOVED, ItemState.UNANSWERED})


def _taken(state: State, entry: Entry) -> None:
    event = TAKEN.read(entry)
    clear_timer(state, Timer(kind=RECERTIFICATION_TIMER, key=event.name, due_at=event.since))
    former = state.get(SCHEDULES, event.name)
    if event.rule is None:
        if former is not None:
            _schedule(state, former, replace(former, over=True))
    else:  # changed, or back after it was gone: it counts on from the last campaign
        counts_from = former.counts_from if former else event.since
        _schedule(state, former, Schedule(rule=event.rule, counts_from=counts_from))


def _opened(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = OPENED.read(entry)
    campaign = Campaign(
        id=entry.id,
        name=event.name,
        organization=event.organization,
        owner=event.owner,
        of=event.of,
        opened_at=entry.at,
        due_at=event.due_at,
    )
    state.insert(CAMPAIGNS, campaign.id, campaign)
    for item in list(items(state, campaign)):
        state.insert(ITEMS, item.key, item)
    set_timer(state, _closing(campaign))
    schedule = state.get(SCHEDULES, event.name) if event.name else None
    if schedule is not None:
        _schedule(state, schedule, replace(schedule, counts_from=entry.at))


def _answered(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = ANSWERED.read(entry)
    item = state.get(ITEMS, f"{event.campaign}/{event.subject}")
    if item is None:
        raise _damaged(f"entry {entry.id} answers {event.subject}, which campaign {event.campaign} does not ask about")
    after = item.step(event.action, entry.at, event.by, event.reason)
    state.put(ITEMS, after.key, after)
    if after.state in _REMOVING:
        _remove(state, after)


def _remove(state: State, item: Item) -> None:
    """Takes out what stands in the program. Issued grants and agreements end by entries of their own."""
    if item.kind is SubjectKind.GRANT:
        state.delete(kept.GRANTS, item.name)
    elif item.kind is SubjectKind.ROLE:
        name, _, role = item.name.partition("/")
        holder = state.get(kept.PRINCIPALS, name)
        if holder is not None:
            left = tuple(one for one in holder.roles if one is not Role(role))
            state.put(kept.PRINCIPALS, name, replace(holder, roles=left))


def _closed(state: State, entry: Entry) -> None:
    campaign = state.get(CAMPAIGNS, CLOSED.read(entry).campaign)
    if campaign is None:
        raise _damaged(f"entry {entry.id} closes a campaign that no entry opened")
    clear_timer(state, _closing(campaign))
    state.put(CAMPAIGNS, campaign.id, replace(campaign, closed_at=entry.at))


def _schedule(state: State, former: Schedule | None, schedule: Schedule) -> None:
    if former is not None:
        clear_timer(state, _opening(former))
    state.put(SCHEDULES, schedule.rule.id, schedule)
    if not schedule.over:
        set_timer(state, _opening(schedule))


def _opening(schedule: Schedule) -> Timer:
    due_at = Instant(schedule.counts_from + schedule.rule.days * DAY)
    return Timer(kind=OPEN_TIMER, key=schedule.rule.id, due_at=due_at)


def _closing(campaign: Campaign) -> Timer:
    return Timer(kind=CLOSE_TIMER, key=campaign.id, due_at=campaign.due_at)


def _damaged(what: str) -> UnavailableError:
    return UnavailableError(what, code="log-damaged")


PROJECTIONS: Mapping[str, Projection] = noted(
    {TAKEN.name: _taken, OPENED.name: _opened, ANSWERED.name: _answered, CLOSED.name: _closed}
)

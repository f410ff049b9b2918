"""What time does to recertification: it opens the campaigns that the program wants, and closes those that are over.

What nobody answered is removed with the closing, in its transaction: nobody has to do anything for that.
"""

from collections import Counter

from safeconduct.access import records as kept
from safeconduct.kernel.effects import Timer
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import DAY
from safeconduct.kernel.ports import Transaction
from safeconduct.program.recertifying.campaigns import end_access, find_campaign, items_of, opening
from safeconduct.program.recertifying.events import (
    ANSWERED,
    CLOSED,
    OPENED,
    TAKEN,
    CampaignClosed,
    ItemAnswered,
    RecertificationTaken,
)
from safeconduct.program.recertifying.model import SCHEDULES, Action, Campaign, Item, ItemState
from safeconduct.program.recertifying.selecting import indispensable, present

NOBODY_ANSWERED = "nobody answered in time"


def take(tx: Transaction, timer: Timer) -> None:
    """Has campaigns follow what the program says of them; the timer that a change of the program set calls this."""
    rule = tx.get(kept.RECERTIFICATIONS, timer.key)
    event = RecertificationTaken(name=timer.key, rule=rule, since=timer.due_at)
    tx.append(kept.require_agreement(tx).origin, TAKEN.draft(event))


def open_due(tx: Transaction, name: str) -> None:
    """Opens the campaign that a recertification of the program wants now; its timer calls this."""
    schedule = tx.get(SCHEDULES, name)
    if schedule is None or schedule.over or tx.now < schedule.counts_from + schedule.rule.days * DAY:
        return
    rule = schedule.rule
    event = opening(tx, name, rule.owner, rule.of, rule.answer_days)
    tx.append(kept.require_agreement(tx).origin, OPENED.draft(event))


def close_due(tx: Transaction, campaign_id: EntryId) -> None:
    """Ends a campaign whose time is over, and all that nobody answered; its timer calls this."""
    campaign = find_campaign(tx, campaign_id)
    if campaign.closed_at is not None or tx.now < campaign.due_at:
        return
    for item in [one for one in items_of(tx, campaign_id) if one.state is ItemState.ASKED]:
        _lapse(tx, campaign, item)
    count = Counter(one.state.value for one in items_of(tx, campaign_id))
    event = CampaignClosed(campaign=campaign_id, count=dict(sorted(count.items())))
    tx.append(kept.require_agreement(tx).origin, CLOSED.draft(event))


def _lapse(tx: Transaction, campaign: Campaign, item: Item) -> None:
    action = Action.LAPSE
    if present(tx, item) is None:
        action = Action.VANISH
    elif indispensable(tx, item):
        action = Action.SPARE
    event = ItemAnswered(
        campaign=campaign.id,
        subject=item.subject,
        action=action,
        digest=item.digest,
        reason=NOBODY_ANSWERED,
        by=None,
    )
    tx.append(kept.require_agreement(tx).origin, ANSWERED.draft(event))
    if action is Action.LAPSE:
        end_access(tx, item, campaign.owner, f"not recertified in campaign {campaign.id}: {NOBODY_ANSWERED}")

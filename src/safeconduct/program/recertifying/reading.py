"""What people are told of campaigns: what is asked of whom until when, and the report of what became of it."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from safeconduct.access.due import Due, organization_owner, principal_owner
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.program.recertifying.campaigns import find_campaign, items_of
from safeconduct.program.recertifying.model import CAMPAIGNS, Campaign, Item, ItemState
from safeconduct.program.recertifying.selecting import present


def campaigns(records: Records) -> Iterator[Campaign]:
    """Yields every campaign there ever was, oldest first."""
    return (one for _, one in records.scan(CAMPAIGNS))


def due(records: Records, _now: Instant) -> Iterator[Due]:
    """Yields the answers that are wanted, of each reviewer: what nobody answers is removed."""
    for campaign in (one for one in campaigns(records) if one.closed_at is None):
        asked = Counter(one.reviewer for one in items_of(records, campaign.id) if one.state is ItemState.ASKED)
        for reviewer, count in sorted(asked.items()):
            yield Due(
                kind="recertification",
                name=campaign.id,
                at=campaign.due_at,
                owner=principal_owner(reviewer) if reviewer else organization_owner(campaign.organization),
                consequence=f"{count} that nobody answered by then are removed",
                since=campaign.opened_at,
                asked=True,
                look=f"safeconduct recertify show {campaign.id}",
            )


def campaign_document(records: Records, campaign: Campaign) -> dict[str, Any]:
    """Returns a campaign for people and machines, with how many of its items are where."""
    counted = Counter(one.state for one in items_of(records, campaign.id))
    times = {name: rfc3339(at) for name, at in (("opened_at", campaign.opened_at), ("due_at", campaign.due_at))}
    closed = None if campaign.closed_at is None else rfc3339(campaign.closed_at)
    count = {state.value: counted[state] for state in ItemState}
    plain: dict[str, Any] = msgspec.to_builtins(campaign)
    return plain | times | {"closed_at": closed, "count": count}


def report(records: Records, campaign_id: str) -> dict[str, Any]:
    """Returns a campaign with every item: what became of it, by whom, and why.

    Raises:
        AbsentError: `campaign-unknown`.
    """
    campaign = find_campaign(records, campaign_id)
    items = [item_document(records, one) for one in items_of(records, campaign_id)]
    return campaign_document(records, campaign) | {"items": items}


def item_document(records: Records, item: Item) -> dict[str, Any]:
    """Returns an item for people and machines; `now` is the digest of what it stands for today, empty if it is gone."""
    found = present(records, item)
    return {
        "subject": item.subject,
        "state": item.state,
        "holders": [one.id for one in item.holders],
        "reviewer": item.reviewer,
        "digest": item.digest,
        "now": digest(msgspec.to_builtins(found.value)) if found else "",
        "by": item.by.id if item.by else "",
        "reason": item.reason,
        "at": None if item.at is None else rfc3339(item.at),
    }

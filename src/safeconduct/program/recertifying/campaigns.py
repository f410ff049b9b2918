"""Campaigns: opened over a selection of access, and answered item by item, each for a reason."""

from collections.abc import Collection

import msgspec

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, require
from safeconduct.access.freeze_events import FREEZE_STARTED, FreezeStarted
from safeconduct.access.grant_requests import end
from safeconduct.access.model.stops import Selection, Selector, SelectorKind
from safeconduct.access.reasons import check_reason
from safeconduct.access.recertifications import ANSWER_DAYS_MAX, Access
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError, RefusedError
from safeconduct.kernel.ids import EntryId, GrantId, PrincipalId
from safeconduct.kernel.instants import DAY, Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.program.recertifying.events import (
    ANSWERED,
    OPENED,
    CampaignOpened,
    ItemAnswered,
)
from safeconduct.program.recertifying.model import (
    CAMPAIGNS,
    ITEMS,
    Action,
    Campaign,
    Item,
    SubjectKind,
)
from safeconduct.program.recertifying.selecting import accountable, holders_now, present
from safeconduct.program.vetting.acting import Asked
from safeconduct.program.vetting.model import person


def open_campaign(tx: Transaction, asked: Asked, of: Collection[Access], answer_days: int) -> Campaign:
    """Asks about all access of these kinds, to be answered by the party accountable for access reviews.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        InvalidInputError: `campaign-invalid`: of nothing, or not so many days.
    """
    signer = asked.signer(tx)
    require(signer, Capability.RECERTIFY)
    if not of or not 1 <= answer_days <= ANSWER_DAYS_MAX:
        text = f"a campaign is of {', '.join(Access)}, with 1 to {ANSWER_DAYS_MAX} days to answer; got {answer_days}"
        raise InvalidInputError(text, code="campaign-invalid")
    entry = asked.append(tx, OPENED, opening(tx, "", signer.id, of, answer_days))
    return find_campaign(tx, entry.id)


def answer(
    tx: Transaction, asked: Asked, campaign_id: EntryId, subject: str, *, keep: bool, seen: str, reason: str
) -> Item:
    """Keeps or removes one item, for a reason. `seen` is the digest of what the signer looked at.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `not-the-reviewer`, `own-access`, `item-changed`.
        AbsentError: `campaign-unknown`, `item-unknown`.
        ConflictError: `campaign-closed`, `item-STATE`.
        InvalidInputError: `reason-missing`.
    """
    signer = asked.signer(tx)
    campaign, item = find_campaign(tx, campaign_id), find_item(tx, campaign_id, subject)
    require(signer, Capability.RECERTIFY)
    if signer.organization != campaign.organization:
        text = f"{campaign.organization} is accountable for access reviews, and {signer.id} is of {signer.organization}"
        raise _refused(item, "not-the-reviewer", text, f"somebody of {campaign.organization} answers")
    by = person(signer)
    if any(by.is_one_with(one) for one in holders_now(tx, item)):
        raise _refused(item, "own-access", f"{signer.id} holds {subject} or answers for it", "another person answers")
    if campaign.closed_at is not None or tx.now >= campaign.due_at:
        raise ConflictError(f"the time to answer campaign {campaign.id} is over", code="campaign-closed")
    action = Action.KEEP if keep else Action.REMOVE
    item.step(action, tx.now, by, reason)
    check_reason(reason, "an answer")
    found = present(tx, item)
    if found is None or digest(msgspec.to_builtins(found.value)) != seen:
        text = f"{subject} is not what was looked at"
        raise _refused(item, "item-changed", text, f"look again: safeconduct recertify show {campaign.id}")
    event = ItemAnswered(campaign=campaign.id, subject=subject, action=action, digest=seen, reason=reason, by=by)
    asked.append(tx, ANSWERED, event)
    if not keep:
        end_access(tx, item, signer.id, f"removed in campaign {campaign.id}: {reason}")
    return find_item(tx, campaign_id, subject)


def find_campaign(records: Records, campaign_id: str) -> Campaign:
    """Returns a campaign, open or over.

    Raises:
        AbsentError: `campaign-unknown`.
    """
    found = records.get(CAMPAIGNS, campaign_id)
    if found is None:
        remedy = "safeconduct recertify list shows them"
        raise AbsentError(f"there is no campaign {campaign_id[:64]!r}", code="campaign-unknown", remedy=remedy)
    return found


def find_item(records: Records, campaign_id: str, subject: str) -> Item:
    """Returns an item of a campaign.

    Raises:
        AbsentError: `item-unknown`.
    """
    found = records.get(ITEMS, f"{campaign_id}/{subject}")
    if found is None:
        raise AbsentError(f"campaign {campaign_id[:64]} does not ask about {subject[:200]!r}", code="item-unknown")
    return found


def items_of(records: Records, campaign_id: str) -> list[Item]:
    """Returns the items of a campaign, by their subject."""
    return [one for _, one in records.scan(ITEMS, f"{campaign_id}/")]


def opening(tx: Transaction, name: str, owner: PrincipalId, of: Collection[Access], answer_days: int) -> CampaignOpened:
    """Returns what opens a campaign now."""
    due_at = Instant(tx.now + answer_days * DAY)
    chosen = tuple(one for one in Access if one in of)
    return CampaignOpened(name=name, organization=accountable(tx), owner=owner, of=chosen, due_at=due_at)


def end_access(tx: Transaction, item: Item, by: PrincipalId, why: str) -> None:
    """Ends what the item's own entry does not: an issued grant is revoked; an agreement's calls are frozen."""
    if item.kind is SubjectKind.GRANT and tx.get(kept.ISSUED_GRANTS, item.name) is not None:
        end(tx, GrantId(item.name), why)
    elif item.kind is SubjectKind.AGREEMENT:
        selection = Selection((Selector(SelectorKind.AGREEMENT, item.name),))
        frozen = FreezeStarted(selector=selection, by=by, reason=why)
        tx.append(kept.require_agreement(tx).origin, FREEZE_STARTED.draft(frozen))


def _refused(item: Item, code: str, text: str, remedy: str) -> RefusedError:
    return RefusedError(text, code=code, clause=f"recertification:{item.campaign}", remedy=remedy)

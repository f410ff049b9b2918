"""Recertification: campaigns over the access there is, their items, and the answers."""

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.recertifications import Access
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.kernel.ids import EntryId
from safeconduct.program.recertifying import campaigns
from safeconduct.program.recertifying.reading import campaign_document, item_document, report
from safeconduct.program.recertifying.reading import campaigns as all_campaigns
from safeconduct.program.vetting.acting import Asked

router = APIRouter(prefix="/api/v1/recertifications", tags=["recertifications"])


class Open(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to ask about, and how many days there are to answer."""

    of: list[Access]
    answer_days: int


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is answered about, whether it is kept, the digest of what was looked at, and why."""

    subject: str
    keep: bool
    seen: str
    reason: str


@router.get("")
def list_campaigns(_reading: Reading, control: Installation) -> Response:
    """Returns every campaign, with how many of its items were kept, removed, not answered."""
    with control.snapshot() as records:
        return answer([campaign_document(records, one) for one in all_campaigns(records)])


@router.get("/{campaign_id}")
def show_campaign(_reading: Reading, control: Installation, campaign_id: str) -> Response:
    """Returns the report of a campaign: what became of each item, by whom and why."""
    with control.snapshot() as records:
        return answer(report(records, campaign_id))


@router.post("/open")
async def open_campaign(signed: SignedJson[Open], control: Installation) -> Response:
    """Opens a campaign. What nobody answered by its end is removed."""
    wanted = signed.body
    asked = Asked(signed.act, signed.operation, signed.content)
    committed = await commit(
        control.writer, lambda tx: campaigns.open_campaign(tx, asked, wanted.of, wanted.answer_days)
    )
    with control.snapshot() as records:
        return answer(report(records, committed.value.id))


@router.post("/{campaign_id}/answer")
async def answer_item(signed: SignedJson[Answer], control: Installation, campaign_id: str) -> Response:
    """Keeps or removes one item. For the party that is accountable, and never for who holds it."""
    said = signed.body
    asked = Asked(signed.act, signed.operation, signed.content)
    committed = await commit(
        control.writer,
        lambda tx: campaigns.answer(
            tx, asked, EntryId(campaign_id), said.subject, keep=said.keep, seen=said.seen, reason=said.reason
        ),
    )
    with control.snapshot() as records:
        return answer(item_document(records, committed.value))

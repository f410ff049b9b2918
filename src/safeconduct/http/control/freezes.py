"""Freezes: at once to start, with both parties to end."""

from collections.abc import Iterator
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.freeze_preview import preview
from safeconduct.access.freezes import FreezeOrder, freeze, freezes, review_freeze
from safeconduct.access.marks import caller_marks, grant_marks, path_marks, picker
from safeconduct.access.model.stops import Freeze, Selection
from safeconduct.access.reading_rights import reads_freeze
from safeconduct.access.selectable import check_selected
from safeconduct.access.selectors import parse_selection
from safeconduct.access.unfreezing import request_unfreeze, words
from safeconduct.access.upstream_key_events import KEY_REVOCATIONS
from safeconduct.gateway.events import CALL_INTENT, OPEN_CALLS, CallIntended
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone, SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.programs import settled
from safeconduct.http.proofs import call_entry
from safeconduct.kernel.ids import FreezeId, GrantId, PrincipalId
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339
from safeconduct.kernel.ports import Records

router = APIRouter(prefix="/api/v1/freezes", tags=["freezes"])


class Start(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to stop, as terms `kind:name` joined by `&`, or `all`, and why; until when, and when it is looked at again.

    What would cut everybody has `everybody`, or in `seen` the digest of its preview. `revoke_upstream` has the key that
    the selector names revoked at its vendor, too.
    """

    selector: str
    reason: str
    everybody: bool = False
    seen: str = ""
    ends_at: str | None = None
    review_by: str | None = None
    owner: str | None = None
    revoke_upstream: bool = False


class Review(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a freeze stays, and when it is looked at again."""

    reason: str
    review_by: str


@router.get("")
def list_freezes(reader: Reading, control: Installation) -> Response:
    """Returns the freezes in force that the reader may read of, each with the parties that have said it may end."""
    now = control.clock.now()
    with control.snapshot() as records:
        found = (one for one in freezes(records) if reads_freeze(records, reader, one.selector))
        return answer([_document(one, records, now) for one in found])


@router.get("/preview")
def preview_freeze(_reading: Reading, control: Installation, selector: str) -> Response:
    """Returns whom a freeze would stop, without freezing: grants, principals, paths, calls that run, and whom not."""
    selection = parse_selection(selector)
    with control.snapshot() as records:
        check_selected(records, selection)
        found = msgspec.to_builtins(preview(records, selection))
        return answer(found | {"calls": _running(control, records, selection)})


@router.post("/start")
async def start(signed: SignedJson[Start], control: Installation) -> Response:
    """Freezes. When this answers, the freeze is in force and running calls are being cut."""
    wanted = signed.body
    order = FreezeOrder(
        selector=parse_selection(wanted.selector),
        reason=wanted.reason,
        everybody=wanted.everybody,
        seen=wanted.seen,
        ends_at=_instant(wanted.ends_at),
        review_by=_instant(wanted.review_by),
        owner=PrincipalId(wanted.owner) if wanted.owner else None,
        revoke_upstream=wanted.revoke_upstream,
    )
    committed = await commit(
        control.writer,
        lambda tx: freeze(tx, signed.act, order, operation=signed.operation, content=signed.content),
    )
    return answer(_shown(committed.value))


@router.post("/{freeze_id}/review")
async def review(signed: SignedJson[Review], control: Installation, freeze_id: str) -> Response:
    """Leaves a freeze in force, and says when somebody looks at it again."""
    wanted = signed.body
    review_by = parse_rfc3339(wanted.review_by)
    committed = await commit(
        control.writer,
        lambda tx: review_freeze(
            tx,
            signed.act,
            FreezeId(freeze_id),
            wanted.reason,
            review_by,
            operation=signed.operation,
            content=signed.content,
        ),
    )
    return answer(_shown(committed.value))


@router.post("/{freeze_id}/end")
async def end(signed: SignedAlone, control: Installation, freeze_id: str) -> Response:
    """Says for the signer's party that a freeze may end; with both parties' word, asks the witness to cosign that."""
    committed = await commit(
        control.writer,
        lambda tx: request_unfreeze(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            freeze_id=FreezeId(freeze_id),
        ),
    )
    ending = committed.value
    told = {"freeze": freeze_id, "agreed": ending.agreed, "waits_for": ending.waits_for}
    if ending.request is None:
        return answer({"request": None, "state": "agreed", "problem": None} | told)
    return answer(await settled(control, ending.request) | told)


def _running(control: Control, records: Records, selection: Selection) -> dict[str, Any]:
    """Returns the calls in flight that a freeze would cut, and how many it would not."""
    picks = picker(selection).picks
    cut, unaffected = [], 0
    for call, open_call in records.scan(OPEN_CALLS):
        intent = CALL_INTENT.read(call_entry(control.log, open_call.call))
        if any(picks(marks) for marks in _marks(records, intent)):
            cut.append({"call": call, "principal": intent.principal, "path": intent.path, "model": intent.model})
        else:
            unaffected += 1
    return {"cut": cut, "unaffected": unaffected}


def _marks(records: Records, intent: CallIntended) -> Iterator[frozenset[str]]:
    """Yields what a call may bear: no entry says which of its principal's tokens it came with."""
    principal, path = records.get(kept.PRINCIPALS, intent.principal), records.get(kept.PATHS, intent.path)
    if principal is None or path is None:
        return
    organization = records.get(kept.ORGANIZATIONS, principal.organization)
    model = next((one for one in path.catalogue if one.version == intent.model_version), None)
    own = path_marks(path) | grant_marks(GrantId(intent.grant), model)
    yield own | caller_marks(principal, organization)
    for _, token in records.scan(kept.TOKENS):
        if token.principal == principal.id:
            yield own | caller_marks(principal, organization, token.id)


def _instant(text: str | None) -> Instant | None:
    return None if text is None else parse_rfc3339(text)


def _document(one: Freeze, records: Records, now: Instant) -> dict[str, Any]:
    agreed = sorted(word.organization for word in words(records, one.id, now))
    return _shown(one) | {"agreed": agreed, "upstream_key": _upstream_key(records, one.id)}


def _upstream_key(records: Records, freeze_id: FreezeId) -> dict[str, Any] | None:
    order = records.get(KEY_REVOCATIONS, freeze_id)
    return None if order is None else msgspec.to_builtins(order) | {"at": rfc3339(order.at)}


def _shown(one: Freeze) -> dict[str, Any]:
    return {
        "id": one.id,
        "selector": str(one.selector),
        "by": one.by,
        "reason": one.reason,
        "at": rfc3339(one.at),
        "ends_at": None if one.ends_at is None else rfc3339(one.ends_at),
        "review_by": None if one.review_by is None else rfc3339(one.review_by),
        "owner": one.owner,
    }

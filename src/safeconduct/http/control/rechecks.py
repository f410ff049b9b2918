"""Another look at past calls: what a rule of today would have found, and what left that should not have."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import metadata
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.inventory import Inventory
from safeconduct.access.reading_rights import concerns
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.events import CALL_INTENT, CALL_OUTCOME, ENDED_CALLS
from safeconduct.gateway.looking_again import SeenAgain, look_again
from safeconduct.gateway.recheck_events import Recheck
from safeconduct.gateway.rechecking import (
    ANSWER_FIELDS,
    CALLS_MAX,
    FIELDS,
    Kept,
    Stretch,
    Wanted,
    begin_recheck,
    end_recheck,
    past_call,
    rechecks,
)
from safeconduct.gateway.usage import used
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.ballots import approval_document
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation, Newest
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.openings import sealed_facts
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339

router = APIRouter(prefix="/api/v1/data", tags=["data"])

ACCEPTED = 202


class LookAgain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which calls, by when they were asked and on which path (empty: all), whether their answers too, and why."""

    since: str
    until: str
    reason: str
    path: str = ""
    answers: bool = False


@router.get("/rechecks")
def list_rechecks(reader: Reading, control: Installation) -> Response:
    """Lists the rechecks on record, oldest first, each with those calls of it that the reader may read of."""
    with control.snapshot() as records:
        found = [(one, _told(one)) for one in rechecks(records)]
        for _, told in found:
            told["found"] = [one for one in told["found"] if concerns(records, reader, _principal(control, one))]
    return answer([told for _, told in found])


@router.post("/rechecks")
async def recheck(signed: SignedJson[LookAgain], control: Installation, standing: Newest) -> Response:
    """Looks again at the sealed requests of past calls, by the rules of now; at most 100 calls at once.

    With `answers` it looks at what was let out of their answers too, by what the path's `output` looks for now.

    Where the agreement asks for both parties, this puts it to the vote and answers 202; the same request, approved,
    looks. What it answers are counts and calls, no values.
    """
    asked = signed.body
    stretch = Stretch(
        since=parse_rfc3339(asked.since), until=parse_rfc3339(asked.until), path=asked.path, answers=asked.answers
    )
    calls, further = await asyncio.to_thread(_calls, control, stretch)
    wanted = Wanted(stretch=stretch, reason=asked.reason, calls=calls, next=further)
    begun = await commit(
        control.writer,
        lambda tx: begin_recheck(tx, signed.act, wanted, operation=signed.operation, content=signed.content),
    )
    opened, recheck_id = begun.value.calls, begun.value.recheck
    if recheck_id is None:
        waits = approval_document(begun.value.waits_for) if begun.value.waits_for else None
        return answer({"state": "waiting", "approval": waits, "which": stretch.said}, ACCEPTED)
    seen = await asyncio.to_thread(lambda: list(_looked(control, opened, standing.inventory)))
    release = metadata.version("safeconduct")
    ended = await commit(control.writer, lambda tx: end_recheck(tx, recheck_id, seen, release=release))
    return answer(_told(ended.value))


def _calls(control: Control, stretch: Stretch) -> tuple[tuple[Kept, ...], Instant | None]:
    found = list[Kept]()
    with control.snapshot() as records:
        asked = list(used(records, stretch.since, stretch.until))
    for one in asked:
        intent = control.log.entry(one.id)
        if stretch.path and intent.body["path"] != stretch.path:
            continue
        if len(found) == CALLS_MAX:
            return tuple(found), one.at
        found.append(_kept(control, intent, answers=stretch.answers))
    return tuple(found), None


def _kept(control: Control, intent: Entry, *, answers: bool) -> Kept:
    fields = tuple(fact for fact in sealed_facts(control, intent.id) if fact.field in FIELDS)
    with control.snapshot() as records:
        ended = records.get(ENDED_CALLS, intent.id) if answers else None
    if ended is None:
        return Kept(intent, fields)
    answer_ = tuple(fact for fact in sealed_facts(control, ended.outcome) if fact.field in ANSWER_FIELDS)
    return Kept(intent, fields + answer_, CALL_OUTCOME.read(control.log.entry(ended.outcome)).found)


def _looked(control: Control, calls: Sequence[Kept], inventory: Inventory) -> Iterator[tuple[Entry, SeenAgain | None]]:
    for one in calls:
        values = {field.field: str(control.log.open_field(field.entry, field.field).value) for field in one.fields}
        request = values["request"]
        with control.snapshot() as records:
            past = past_call(records, CALL_INTENT.read(one.intent), request, values.get("sent", request))
        released = next((values[name] for name in ANSWER_FIELDS if name in values), "")
        try:
            if past is not None and released:
                past = replace(past, released=released, found=one.found, canary=control.canary(past.now.id))
            yield one.intent, look_again(past, inventory) if past else None
        except DialectError:
            yield one.intent, None


def _principal(control: Control, found: dict[str, Any]) -> str:
    return str(control.log.entry(found["call"]).body["principal"])


def _told(one: Recheck) -> dict[str, Any]:
    begun: dict[str, Any] = msgspec.to_builtins(one.begun)
    begun |= {name: rfc3339(getattr(one.begun, name)) for name in ("since", "until")}
    begun["next"] = rfc3339(one.begun.next) if one.begun.next else None
    ended: dict[str, Any] = msgspec.to_builtins(one.ended) if one.ended else _NOT_ENDED
    return {"id": one.id, "at": rfc3339(one.at), "state": "ended" if one.ended else "begun"} | begun | ended


_NOT_ENDED: dict[str, Any] = {
    "recheck": None,
    "looked": 0,
    "failed": 0,
    "found": [],
    "result_sha256": None,
    "breaches": [],
}

"""Tune-outs: which alerts are held back, why and until when."""

import asyncio
from dataclasses import asdict
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone, SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import Owner, admit, destroyed_on, rules_of
from safeconduct.http.control.rules import rules_read
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import parse_rfc3339, rfc3339
from safeconduct.soc import tune_outs
from safeconduct.soc.owners import owner_name
from safeconduct.soc.tuning import TunedOut, wanted
from safeconduct.soc.unusual import TITLES

router = APIRouter(prefix="/api/v1/rules/tune-outs", tags=["telemetry"])


class TuneOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Alerts of a rule where events have at `places`, which are JSON pointers, what `event` has.

    From `first`, by default when that event happened, until `until`.
    """

    rule: str
    event: str
    places: list[str]
    until: str
    reason: str
    first: str = ""


@router.get("")
async def listed(control: Installation, reader: Reading, owner: Owner = "") -> Response:
    """Lists an owner's tune-outs with who began them and why, those that are over too.

    One whose event is `destroyed` holds nothing back: what it has at the places is not known any more.
    """
    found = await rules_read(control, reader, owner)
    titles = {**TITLES, **{head.id: head.title for head in found.rules.heads()}}
    with control.snapshot() as records:
        named = owner_name(records, owner)
        known = tune_outs.tune_outs(records, named)
    gone = await asyncio.to_thread(destroyed_on, control, named, {one.event for one in known})
    return answer(
        [_document(one) | {"title": titles.get(one.rule, ""), "destroyed": gone.get(one.event, "")} for one in known]
    )


@router.post("")
async def begin(control: Installation, signed: SignedJson[TuneOut], owner: Owner = "") -> Response:
    """Holds alerts back from the next run of the rules on. They are counted there."""
    owner = await admit(control, signed, owner)
    one = await asyncio.to_thread(_wanted, control, signed.body, owner)
    committed = await commit(
        control.writer,
        lambda tx: tune_outs.tune_out(tx, signed.act, one, operation=signed.operation, content=signed.content),
    )
    return answer(_document(committed.value))


@router.post("/{tune_out_id}/end")
async def end(control: Installation, signed: SignedAlone, tune_out_id: str, owner: Owner = "") -> Response:
    """Holds nothing back by it any more: the alerts it held back are told the next time that rules are run."""
    owner = await admit(control, signed, owner)
    committed = await commit(
        control.writer,
        lambda tx: tune_outs.tune_in(
            tx, signed.act, tune_out_id, operation=signed.operation, content=signed.content, owner=owner
        ),
    )
    return answer(_document(committed.value))


def _wanted(control: Control, asked: TuneOut, owner: str) -> TunedOut:
    event = control.archives.of(owner).events.get(EventId(asked.event))
    one = TunedOut(
        id="",
        rule=asked.rule,
        event=event.id,
        places=tuple(asked.places),
        first=parse_rfc3339(asked.first) if asked.first else event.at,
        until=parse_rfc3339(asked.until),
        by="",
        reason=asked.reason,
        owner=owner,
    )
    return wanted(one, event, {*TITLES, *(head.id for head in rules_of(control, owner)().rules.heads() if head.alerts)})


def _document(one: TunedOut) -> dict[str, Any]:
    return asdict(one) | {"first": rfc3339(one.first), "until": rfc3339(one.until)}

"""What data goes where: the data map of each path, and what left against the rules."""

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.reading_rights import Reader, concerns, reads_path
from safeconduct.gateway.breach_events import Breach
from safeconduct.gateway.breaches import breaches, find_breach, report, unknown_breach
from safeconduct.gateway.data_map import data_of
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.proofs import call_entry
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Records

router = APIRouter(prefix="/api/v1/data", tags=["data"])


class Reported(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In which call data of which class left, and why that is so."""

    call: str
    data_class: str
    reason: str


@router.get("/breaches")
def list_breaches(reader: Reading, control: Installation) -> Response:
    """Returns the boundary breaches on record that the reader may read of, oldest first."""
    with control.snapshot() as records:
        return answer([_breach(one) for one in breaches(records) if _reads(records, reader, one)])


@router.get("/breaches/{breach}")
def show_breach(reader: Reading, control: Installation, breach: str) -> Response:
    """Returns one: what left, to whom, how that was noticed, and who was told. The values are sealed in its entry."""
    with control.snapshot() as records:
        found = find_breach(records, breach)
        if not _reads(records, reader, found):
            raise unknown_breach(breach)
        return answer(_breach(found))


@router.post("/breaches")
async def report_breach(signed: SignedJson[Reported], control: Installation) -> Response:
    """Puts a person's report on record that data of a class left in a call. Both organizations are told."""
    wanted = signed.body
    entry = await asyncio.to_thread(call_entry, control.log, wanted.call)
    committed = await commit(
        control.writer,
        lambda tx: report(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            call=entry,
            data_class=wanted.data_class,
            reason=wanted.reason,
        ),
    )
    return answer(_breach(committed.value))


@router.get("/map")
def show_map(reader: Reading, control: Installation, path: str = "") -> Response:
    """Returns the data map of each path that the reader may read of, or of the one that is named."""
    with control.snapshot() as records:
        agreement = kept.require_agreement(records)
        names = [path] if path else [name for name, _ in records.scan(kept.PATHS)]
        found = [records.get(kept.PATHS, name) for name in names if reads_path(records, reader, name)]
    maps = [data_of(one, agreement) for one in found if one is not None]
    if path and not maps:
        raise AbsentError(f"no path {path[:64]!r} is in force that you may see", code="path-unknown")
    return answer(msgspec.to_builtins(maps))


def _reads(records: Records, reader: Reader, one: Breach) -> bool:
    return concerns(records, reader, one.facts.principal)


def _breach(one: Breach) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(one.facts)
    return {"id": one.id, "at": rfc3339(one.at), **facts, "told": list(one.told)}

"""Telemetry in: files, the inventory they are read with, the events that were read from them."""

import asyncio
import hashlib
import io
from collections import Counter
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response

from safeconduct.adapters.telemetry.ingestion import Said
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.declared import Content
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import NAME_CHARS_MAX, Owner, admit, archives_of, read_owners
from safeconduct.http.control.signed import Signed, SignedBytes
from safeconduct.kernel.beginnings import BEGINNING_MIN, the_only
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc import telemetry_service as service
from safeconduct.soc.ingesting import FileReport, InventoryTaken, clock_notes
from safeconduct.soc.inventory import Inventory, parse_inventory
from safeconduct.soc.ocsf.own import MAPPING_BYTES_MAX
from safeconduct.soc.ports import unknown_event
from safeconduct.soc.retention.destroying import destroyed_event

router = APIRouter(prefix="/api/v1", tags=["telemetry"])

ZONE_CHARS_MAX = 6
"""Characters of an offset: +02:00."""

NAMES_TOLD = 100
"""Events of one archive that are counted under a beginning: more say no more."""

Name = Annotated[str, Query(max_length=NAME_CHARS_MAX)]
MappingBytes = Annotated[
    int, Query(ge=0, le=MAPPING_BYTES_MAX, description="How many of the body's first bytes are a mapping file.")
]
Zone = Annotated[str, Query(max_length=ZONE_CHARS_MAX, description="The offset of times that tell none: +02:00, Z.")]
Again = Annotated[bool, Query(description="Read a file anew that was read in another manner before.")]
SignedFile = Annotated[SignedBytes, Content("application/octet-stream", "One file, as its source wrote it.")]
SignedInventory = Annotated[SignedBytes, Content("application/json", "An inventory file: hosts, users and networks.")]


@router.post("/telemetry")
async def ingest(
    control: Installation,
    signed: SignedFile,
    *,
    name: Name,
    host: Name = "",
    time_field: Name = "",
    zone: Zone = "",
    owner: Owner = "",
    mapping_bytes: MappingBytes = 0,
    again: Again = False,
) -> Response:
    """Takes one file in: kept raw, read into events, recorded in the log. The same file again changes nothing."""
    owner = await admit(control, signed, owner)
    said = Said(host=host, time_field=time_field, zone=zone, mapping=signed.body[:mapping_bytes], again=again)
    content = io.BytesIO(signed.body[mapping_bytes:])
    report = await asyncio.to_thread(lambda: control.archives.of(owner).telemetry.take(name, content, said))
    recorded = not report.problem and await _recorded(control, signed, report, owner=owner, again=again)
    report = replace(report, notes=(*report.notes, *clock_notes(report, control.clock.now())))
    return answer({"file": report, "recorded": recorded})


async def _recorded(control: Control, signed: Signed[bytes], report: FileReport, *, owner: str, again: bool) -> bool:
    committed = await commit(
        control.writer,
        lambda tx: service.record_file(
            tx, signed.act, report, operation=signed.operation, content=signed.content, owner=owner, again=again
        ),
    )
    return committed.value


@router.post("/telemetry/inventory")
async def take_inventory(control: Installation, signed: SignedInventory, name: Name, owner: Owner = "") -> Response:
    """Takes the inventory that files sent from now on are read with, and that alerts are joined by."""
    owner = await admit(control, signed, owner)
    inventory = parse_inventory(signed.body)
    taken = _taken(inventory, hashlib.sha256(signed.body).hexdigest(), owner)
    await commit(
        control.writer,
        lambda tx: service.record_inventory_taken(
            tx, signed.act, taken, name, operation=signed.operation, content=signed.content
        ),
    )
    await asyncio.to_thread(lambda: control.archives.of(owner).telemetry.take_inventory(name, signed.body))
    return answer(
        {
            "organization": inventory.organisation,
            "hosts": len(inventory.hosts),
            "users": len(inventory.users),
            "networks": sorted(inventory.networks),
        }
    )


def _taken(inventory: Inventory, digest: str, owner: str) -> InventoryTaken:
    return InventoryTaken(
        digest=digest,
        hosts=len(inventory.hosts),
        users=len(inventory.users),
        networks=len(inventory.networks),
        owner=owner,
    )


@router.get("/telemetry")
async def telemetry(control: Installation, reader: Reading) -> Response:
    """Lists the files that were read, and how many events of each kind there are."""
    with control.snapshot() as records:
        owners = read_owners(control, records, reader)
        files = [one for one in service.ingested_files(records) if one.owner in owners]
    counts: Counter[str] = Counter()
    for owner in owners:
        counts.update(await asyncio.to_thread(control.archives.of(owner).events.counts))
    return answer({"files": files, "events": counts})


@router.get("/telemetry/{digest}/dead-letters")
async def dead_letters(control: Installation, reader: Reading, digest: str) -> Response:
    """Lists the lines of a file that could not be read, and why."""
    letters = [
        letter
        for archive in archives_of(control, reader)
        for letter in await asyncio.to_thread(archive.events.dead_letters, digest)
    ]
    return answer(letters)


@router.get("/events/{event_id}")
async def event(control: Installation, reader: Reading, event_id: str) -> Response:
    """Shows an event: the document into which claims point. The beginning of an id will do where one alone has it."""
    archives = archives_of(control, reader)
    found = {
        key: (key, one.events)
        for one in archives
        for key in await asyncio.to_thread(one.events.begun, event_id, NAMES_TOLD)
    }
    if not found and len(event_id) >= BEGINNING_MIN:
        with control.snapshot() as records:
            gone = destroyed_event(records, read_owners(control, records, reader), event_id)
        if gone is not None:
            raise gone
    key, events = the_only(found, event_id, "event", unknown_event(event_id))
    shown = await asyncio.to_thread(events.get, key)
    return answer(shown.document() | {"time": rfc3339(shown.at)})

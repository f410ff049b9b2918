"""Telemetry in, events, detection."""

import asyncio
import hashlib
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response

from safeconduct.access.reading_rights import Reader, reads_telemetry
from safeconduct.adapters.cycles import no_full_search_for_cycles
from safeconduct.adapters.telemetry.archive import Archive
from safeconduct.adapters.telemetry.ingestion import Said
from safeconduct.adapters.telemetry.rules_read import rules_in_use
from safeconduct.http.control.bodies import SignedAlone
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.declared import Content
from safeconduct.http.control.frame import Reading, Signed, SignedBytes, answer, commit
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.soc import telemetry_service as service
from safeconduct.soc.anomaly_orders import tells_anomalies
from safeconduct.soc.detection.in_use import InUse, Kept
from safeconduct.soc.incidents import IncidentRecord
from safeconduct.soc.ingesting import InventoryTaken, clock_notes
from safeconduct.soc.inventory import parse_inventory
from safeconduct.soc.model import Incident
from safeconduct.soc.ocsf.own import MAPPING_BYTES_MAX
from safeconduct.soc.regrouping import rulings
from safeconduct.soc.tune_outs import tune_outs

router = APIRouter(prefix="/api/v1", tags=["telemetry"])

NAME_CHARS_MAX = 255
"""Characters of a file's name, as file systems have it."""

ZONE_CHARS_MAX = 6
"""Characters of an offset: +02:00."""

Name = Annotated[str, Query(max_length=NAME_CHARS_MAX)]
Owner = Annotated[str, Query(max_length=NAME_CHARS_MAX, description="The organization whose it is; empty: the house.")]
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
    archive = await asyncio.to_thread(control.archives.of, owner)
    said = Said(host=host, time_field=time_field, zone=zone, mapping=signed.body[:mapping_bytes], again=again)
    content = io.BytesIO(signed.body[mapping_bytes:])
    report = await asyncio.to_thread(archive.telemetry.take, name, content, said)
    recorded = False
    if not report.problem:
        committed = await commit(
            control.writer,
            lambda tx: service.record_file(
                tx, signed.act, report, operation=signed.operation, content=signed.content, owner=owner, again=again
            ),
        )
        recorded = committed.value
    report = replace(report, notes=(*report.notes, *clock_notes(report, control.clock.now())))
    return answer({"file": report, "recorded": recorded})


@router.post("/telemetry/inventory")
async def take_inventory(control: Installation, signed: SignedInventory, name: Name, owner: Owner = "") -> Response:
    """Takes the inventory that files sent from now on are read with, and that alerts are joined by."""
    owner = await admit(control, signed, owner)
    inventory = parse_inventory(signed.body)
    taken = InventoryTaken(
        digest=hashlib.sha256(signed.body).hexdigest(),
        hosts=len(inventory.hosts),
        users=len(inventory.users),
        networks=len(inventory.networks),
        owner=owner,
    )
    await commit(
        control.writer,
        lambda tx: service.record_inventory_taken(
            tx, signed.act, taken, name, operation=signed.operation, content=signed.content
        ),
    )
    archive = await asyncio.to_thread(control.archives.of, owner)
    await asyncio.to_thread(archive.telemetry.take_inventory, name, signed.body)
    return answer(
        {
            "organization": inventory.organisation,
            "hosts": len(inventory.hosts),
            "users": len(inventory.users),
            "networks": sorted(inventory.networks),
        }
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
    """Shows an event: the document into which claims point."""
    key, archives = EventId(event_id), archives_of(control, reader)
    holding = [one for one in archives if await asyncio.to_thread(one.events.many, [key])]
    shown = await asyncio.to_thread((holding or archives)[0].events.get, key)
    return answer(shown.document() | {"time": rfc3339(shown.at)})


@router.post("/detections")
async def detect(control: Installation, signed: SignedAlone, owner: Owner = "") -> Response:
    """Runs the rules over an owner's events, joins the alerts, and opens the incidents that are new.

    The shipped rules, those on the owner's model assets that the program's register fills in, and those it added.
    """
    owner = await admit(control, signed, owner)
    archive = await asyncio.to_thread(control.archives.of, owner)
    rules = rules_of(control, owner)
    with control.snapshot() as records:
        ruled, tuned_out, told = rulings(records, owner), tune_outs(records, owner), tells_anomalies(records, owner)

    def run() -> service.Detection:
        inventory = archive.telemetry.inventory()
        with no_full_search_for_cycles():
            return service.run_detection(
                archive.events, rules().rules, inventory, owner, rulings=ruled, tuned_out=tuned_out, anomalies=told
            )

    detection = await asyncio.to_thread(run)
    committed = await commit(
        control.writer,
        lambda tx: service.open_incidents(
            tx, signed.act, detection.incidents, operation=signed.operation, content=signed.content, owner=owner
        ),
    )
    return answer(
        {
            "events": detection.events,
            "alerts": [
                {"id": a.id, "title": a.title, "level": a.level, "time": rfc3339(a.at), "events": a.total}
                for a in detection.alerts
            ],
            "incidents": [incident.id for incident in detection.incidents],
            "opened": committed.value,
            "held_back": detection.held_back,
        }
    )


async def admit(control: Control, signed: Signed[object], owner: str) -> str:
    """Returns whose archive it goes to, asked before anything is read."""

    def asked() -> str:
        now = control.clock.now()
        with control.snapshot() as records:
            return service.admit(
                records, signed.act, operation=signed.operation, content=signed.content, now=now, owner=owner
            )

    return await asyncio.to_thread(asked)


def read_owners(control: Control, records: Records, reader: Reader) -> frozenset[str]:
    """Returns whose telemetry somebody reads.

    Raises:
        RefusedError: `not-yours`: nobody's.
    """
    now = control.clock.now()
    found = frozenset(one for one in control.archives.owners if reads_telemetry(records, reader, one, now))
    if not found:
        raise RefusedError(
            f"{reader.principal} reads nobody's telemetry",
            code="not-yours",
            clause=f"principal:{reader.principal}/organization",
            remedy="ask for a grant on a path whose telemetry_of is the organization whose telemetry it is",
        )
    return found


def rules_of(control: Control, owner: str, *changed: Kept) -> Callable[[], InUse]:
    """Returns what reads an owner's rules, as `rules_read.rules_in_use`."""
    with control.snapshot() as records:
        return rules_in_use(records, control.archives.of(owner), owner, *changed)


def archives_of(control: Control, reader: Reader) -> list[Archive]:
    """Returns the archives of those whose telemetry somebody reads."""
    with control.snapshot() as records:
        return [control.archives.of(owner) for owner in sorted(read_owners(control, records, reader))]


def whole_incident(control: Control, reader: Reader, incident_id: str) -> tuple[IncidentRecord, Incident]:
    """Returns what is recorded of an incident, and the incident made whole from its events.

    Raises:
        AbsentError: there is none that the reader reads.
    """
    with control.snapshot() as records:
        record = service.incident_record(records, incident_id, read_owners(control, records, reader))
    events = control.archives.of(record.owner).events
    return record, service.incident_of(record, events, rules_of(control, record.owner)().rules)

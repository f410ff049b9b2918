"""Incidents by the real pipeline - readers, Sigma rules, correlation - from recordings of others and our own."""

import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import EventId
from safeconduct.soc.correlation import correlate
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.detection.parsing import check
from safeconduct.soc.detection.shipped import shipped_rules
from safeconduct.soc.inventory import NOTHING, Inventory
from safeconduct.soc.model import Event, Incident
from support.soc_world import world
from support.telemetry import recording, taken

LEVELS = ("level: medium", "level: high", "level: critical")


@dataclass(frozen=True, kw_only=True)
class Case:
    """An incident, the events that it names, and where it is from."""

    source: str
    incident: Incident
    events: Mapping[EventId, Event]


def shipped() -> list[Case]:
    """Returns the incident of the shipped recording."""
    events, inventory = recording()
    return list(_found("recording", events, shipped_rules(), inventory))


def made(count: int) -> list[Case]:
    """Returns incidents made from known facts, a seed each; one in three user agents holds an order."""
    worlds = [world(seed) for seed in range(count)]
    return [Case(source="made", incident=one.incident, events=one.events) for one in worlds]


def recorded(folder: Path) -> list[Case]:
    """Returns the incidents of the public recordings; where a file can't be read, it gives none."""
    rules = public_rules(folder)
    return [
        case
        for source, content in (*_otrf(folder), *_cloudtrail(folder))
        for case in _found(source, _events(content), rules, NOTHING)
    ]


def _found(source: str, events: list[Event], rules: RuleSet, inventory: Inventory) -> Iterator[Case]:
    by_id = {event.id: event for event in events}
    for incident in correlate(detect(events, rules), by_id, inventory):
        yield Case(source=source, incident=incident, events={key: by_id[key] for key in incident.events})


def _events(content: bytes) -> list[Event]:
    try:
        return taken(content, NOTHING)[0]
    except InvalidInputError:
        return []


def public_rules(folder: Path) -> RuleSet:
    """Returns the public rules for Windows and CloudTrail from level medium on that can be run."""
    with tarfile.open(folder / "sigma" / "rules.tar.xz") as archive:
        named = [one for one in archive.getmembers() if one.name.endswith(".yml")]
        wanted = [one for one in named if "/windows/" in one.name or "/cloudtrail/" in one.name]
        texts = [(one.name, archive.extractfile(one).read().decode()) for one in wanted]
    return check([(name, text) for name, text in texts if any(level in text for level in LEVELS)])[0]


def _otrf(folder: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(folder / "otrf" / "atomic.tar") as archive:
        for member in archive.getmembers():
            if member.name.endswith(".zip"):
                packed = zipfile.ZipFile(io.BytesIO(archive.extractfile(member).read()))
                yield from (("otrf", packed.read(name)) for name in packed.namelist() if name.endswith(".json"))


def _cloudtrail(folder: Path) -> Iterator[tuple[str, bytes]]:
    for name in ("invictus", "stratus"):
        with tarfile.open(folder / "cloudtrail" / f"{name}.tar.xz") as archive:
            for member in archive.getmembers():
                if member.name.endswith(".json"):
                    yield "cloudtrail", lines(archive.extractfile(member).read())


def lines(content: bytes) -> bytes:
    """Returns a file of records, whichever way it holds them, as JSON lines."""
    try:
        whole = json.loads(content)
    except ValueError:
        return content
    found = whole.get("Records", [whole]) if isinstance(whole, dict) else whole
    return b"\n".join(json.dumps(one).encode() for one in found) + b"\n"

"""Other people's rules and the events they were written for (SigmaHQ/sigma 8eaafff1f, DRL 1.1; not of this project)."""

import io
import json
import re
import tarfile
import zipfile
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import NamedTuple

import yaml

from safeconduct.adapters.telemetry.evtx import read_log
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.model import Event
from safeconduct.soc.normalizing import Record
from support.corpora import corpora
from support.telemetry import START

_ID = re.compile(r"^id: *([0-9a-f-]{36})", re.MULTILINE)  # ten times as fast as reading 3,000 files of YAML


class Case(NamedTuple):
    """A recording, and the rule that must fire on it."""

    rule: str
    events: tuple[Event, ...]


@cache
def rule_files() -> dict[str, tuple[str, str]]:
    """Returns name and text of every public rule by its id."""
    found = {}
    with tarfile.open(corpora() / "sigma/rules.tar.xz") as archive:
        for member in archive:
            if member.name.endswith(".yml"):
                text = archive.extractfile(member).read().decode()
                found[_ID.search(text)[1]] = (member.name, text)
    return found


@cache
def regression_cases() -> tuple[Case, ...]:
    """Returns the recordings of EVTX that stand beside the public rules."""
    with tarfile.open(corpora() / "sigma/regression_data.tar.xz") as archive:
        files = {one.name: archive.extractfile(one).read() for one in archive if one.name.endswith((".evtx", ".yml"))}
    logs = {name.rpartition("/")[0]: log for name, log in files.items() if name.endswith(".evtx")}
    rules = {folder: yaml.safe_load(files[f"{folder}/info.yml"])["rule_metadata"][0]["id"] for folder in logs}
    return tuple(Case(rules[folder], tuple(_events(folder, log))) for folder, log in logs.items())


def campaign(count: int) -> list[Event]:
    """Returns the first events of OTRF's LSASS campaign 05 (MIT)."""
    with tarfile.open(corpora() / "otrf/lsass-campaign-05.tar.xz") as archive:
        name = next(one for one in archive.getnames() if one.endswith("dump.zip"))
        packed = zipfile.ZipFile(io.BytesIO(archive.extractfile(name).read()))
    with packed.open(packed.namelist()[0]) as lines:
        return [_event(f"{number:032x}", json.loads(line)) for number, line in enumerate(islice(lines, count))]


def _events(folder: str, log: bytes) -> Iterator[Event]:
    for number, record in enumerate(read_log(io.BytesIO(log))):
        assert isinstance(record, Record)
        yield _event(f"{folder}#{number}", record.raw)


def _event(key: str, raw: dict) -> Event:
    return Event(id=EventId(key), source="windows", at=Instant(START), raw=raw, ocsf={"class_uid": 0})

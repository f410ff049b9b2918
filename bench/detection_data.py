"""The rules and the events that detection is measured on, read where they lie."""

import io
import re
import tarfile
import zipfile
from collections.abc import Iterator
from typing import NamedTuple

from bench.corpora import corpora

ID = re.compile(r"^(?:    - )?id: *([0-9a-f-]{36})", re.MULTILINE)


class Recording(NamedTuple):
    """An event log, and the id of the rule that must fire on it."""

    rule: str
    log: bytes


def rules(below: str = "rules/") -> list[tuple[str, str]]:
    """Returns name and text of the public rules below a folder, by name."""
    with tarfile.open(corpora() / "sigma/rules.tar.xz") as archive:
        named = {one.name: archive.extractfile(one) for one in archive if one.name.endswith(".yml")}
        found = {name: file.read().decode() for name, file in named.items() if file and name.startswith(below)}
    return sorted(found.items())


def windows_rules() -> list[tuple[str, str]]:
    """Returns name and text of the 2,407 public rules for Windows."""
    return rules("rules/windows/")


def recordings() -> list[Recording]:
    """Returns the public recordings of EVTX with the rules they are for."""
    with tarfile.open(corpora() / "sigma/regression_data.tar.xz") as archive:
        opened = {one.name: archive.extractfile(one) for one in archive if one.name.endswith((".evtx", "info.yml"))}
        files = {name: file.read() for name, file in opened.items() if file}
    logs = {name.rpartition("/")[0]: log for name, log in files.items() if name.endswith(".evtx")}
    return [Recording(_rule(files[f"{folder}/info.yml"].decode()), log) for folder, log in logs.items()]


def campaign_lines() -> Iterator[bytes]:
    """Yields the 59,707 lines of OTRF's LSASS campaign 05, unpacked as they are read."""
    with tarfile.open(corpora() / "otrf/lsass-campaign-05.tar.xz") as archive:
        packed = next(one for one in archive if one.name.endswith("dump.zip"))
        file = archive.extractfile(packed)
        content = file.read() if file else b""
    with zipfile.ZipFile(io.BytesIO(content)) as unpacked, unpacked.open(unpacked.namelist()[0]) as lines:
        yield from lines


def _rule(info: str) -> str:
    _own, rule = ID.findall(info)[:2]
    return str(rule)

"""Files and folders to be taken in, cut into parts that one request can carry."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from safeconduct.adapters.telemetry import evtx
from safeconduct.adapters.telemetry.forms import SAMPLE_BYTES, Form, form_of, sample
from safeconduct.adapters.telemetry.raw_store import FILE_BYTES_MAX
from safeconduct.kernel.errors import InvalidInputError, TooLargeError
from safeconduct.soc.inventory import is_inventory

PART_BYTES = 7 * 1024 * 1024
"""Bytes of one part; a request carries eight megabytes at most."""

FILES_MAX = 10_000
"""Files of one folder. More is a folder of something else."""

INVENTORY_BYTES_MAX = 4 * 1024 * 1024
"""Bytes looked at to tell an inventory; one of 100,000 hosts has about three million."""

_AUDIT_ID = re.compile(rb"msg=audit\([0-9.]+:\d+\)")


@dataclass(frozen=True)
class Found:
    """A file to take in. `asked` says that it was named itself, not found in a folder."""

    path: Path
    asked: bool


def found_files(paths: list[Path]) -> tuple[list[Found], list[Path]]:
    """Returns the telemetry files under the paths, and the inventories among them, which are taken in first.

    Raises:
        InvalidInputError: a path does not exist, or there is nothing under it.
        TooLargeError: there is far too much under it.
    """
    found: list[Found] = []
    for path in paths:
        if not path.exists():
            raise InvalidInputError(f"there is no {path}", code="file-missing")
        inside = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else []
        if len(inside) > FILES_MAX:
            raise TooLargeError(f"{path} holds more than {FILES_MAX} files", remedy="name the files to take in")
        if path.is_dir():
            shown = [Found(item, asked=False) for item in inside if not item.name.startswith(".")]
            if not shown:
                raise InvalidInputError(f"there is no file in {path}", code="folder-empty")
            found += shown
        else:
            found.append(Found(path, asked=True))
    inventories = [item.path for item in found if _is_inventory(item.path)]
    return [item for item in found if item.path not in inventories], inventories


def parts(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yields name and content of each part of a file: whole lines, audit events, chunks of event logs.

    Raises:
        TooLargeError: the file is over the limit.
        InvalidInputError: it cannot be read, or is large and no telemetry.
    """
    if not path.is_file():
        # A pipe or a device has no size to hold it to, and may never end.
        raise InvalidInputError(f"{path} is no regular file", code="file-unreadable", remedy="write it to a file first")
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            raise TooLargeError(f"{path.name} is over {FILE_BYTES_MAX} bytes", remedy="split it at line ends")
        if size <= PART_BYTES:
            yield path.name, path.read_bytes()
            return
        yield from _cut(path)
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}", code="file-unreadable") from error


def _cut(path: Path) -> Iterator[tuple[str, bytes]]:
    with path.open("rb") as file:
        form = form_of(sample(file.read(SAMPLE_BYTES)))
        file.seek(0)
        if form is Form.EVTX:
            yield from _cut_log(path.name, file)
            return
        rest, number = b"", 0
        while data := file.read(PART_BYTES - len(rest)):
            rest += data
            end = _end(rest) if len(rest) >= PART_BYTES else len(rest)
            number += 1
            yield f"{path.name} part {number}", rest[:end]
            rest = rest[end:]
        if rest:
            yield f"{path.name} part {number + 1}", rest


def _cut_log(name: str, file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yields parts of an event log, each one itself: the log's header, and as many of its chunks as fit."""
    header = file.read(evtx.HEADER_BYTES)
    in_use, number = evtx.chunk_count(header), 0
    room = (PART_BYTES - len(header)) // evtx.CHUNK_BYTES
    while chunks := file.read(room * evtx.CHUNK_BYTES):
        number += 1
        yield f"{name} part {number}", evtx.recounted(header, max(0, min(in_use, room))) + chunks
        in_use -= room


def _end(content: bytes) -> int:
    """Returns where to cut: after a line, and before an audit event that goes on behind it."""
    end = content.rfind(b"\n") + 1 or len(content)
    last = content.rfind(b"\n", 0, end - 1) + 1
    event = _AUDIT_ID.search(content, last, end)
    if not event:
        return end
    start = content.find(event.group())
    line = content.rfind(b"\n", 0, start) + 1
    return line or end


def _is_inventory(path: Path) -> bool:
    try:
        return (
            path.is_file()
            and path.suffix == ".json"
            and path.stat().st_size <= INVENTORY_BYTES_MAX
            and is_inventory(path.read_bytes())
        )
    except OSError:
        return False

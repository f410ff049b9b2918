"""Files, folders, archives and what is piped in, as parts that one request can carry."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from safeconduct.adapters.telemetry.cutting import cut
from safeconduct.adapters.telemetry.expanding import members
from safeconduct.adapters.telemetry.lines import Readable, visible
from safeconduct.kernel.errors import InvalidInputError, TooLargeError
from safeconduct.soc.inventory import is_inventory

FILES_MAX = 10_000
"""Files of one folder. More is a folder of something else."""

INVENTORY_BYTES_MAX = 4 * 1024 * 1024
"""Bytes looked at to tell an inventory; one of 100,000 hosts has about three million."""

NAME_CHARS_MAX = 200
"""Characters of a file's name that are sent; the end of a longer path tells most. The API takes 255."""

STDIN = Path("-")
"""Stands for what is piped in."""


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
        if path != STDIN and not path.exists():
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


def parts(path: Path, time_field: str = "") -> Iterator[tuple[str, bytes]]:
    """Yields name and content of each part of a file, or of the files in it where it is an archive.

    Raises:
        TooLargeError: a file is over the limit, or an archive over its limits; what came before is given.
        InvalidInputError: it cannot be read or unpacked, or is large and no telemetry.
    """
    if path == STDIN:
        yield from _parts("stdin", sys.stdin.buffer, time_field)
        return
    if not path.is_file():
        # A pipe or a device has no size to hold it to, and may never end.
        raise InvalidInputError(
            f"{path} is no regular file", code="file-unreadable", remedy="send it in with: safeconduct ingest - < PIPE"
        )
    try:
        with path.open("rb") as file:
            yield from _parts(path.name, file, time_field)
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}", code="file-unreadable") from error


def _parts(name: str, file: Readable, time_field: str) -> Iterator[tuple[str, bytes]]:
    for inner, member in members(name, file):
        yield from cut(visible(inner)[-NAME_CHARS_MAX:], member, time_field)


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

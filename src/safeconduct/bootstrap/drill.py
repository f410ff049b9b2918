"""A backup tried out: made, verified, restored to a temporary folder, and held against the live data."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from safeconduct.adapters.data_folder import LOG_KEYS
from safeconduct.adapters.sqlite.control import SqliteReader, copied_store
from safeconduct.bootstrap.backup import KEYS, create, restore, verify
from safeconduct.bootstrap.stores import FILE
from safeconduct.kernel.ids import Origin
from safeconduct.ledger import merkle
from safeconduct.ledger.ports import LogSource
from safeconduct.ledger.reader import read_tile
from safeconduct.ledger.tiles import subtrees

T = TypeVar("T")

WRAPPING_KEYS = "kek"
"""What opens data keys. No backup holds it: a copy is the owner's business, and never on the same medium."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """How it went. `seconds` are the steps' times, `bytes` the backup's size.

    `behind` says of each log how many entries came since: they would be lost, but for the partner's mirror. `missing`
    names what the backup does not hold and a new machine needs.
    """

    seconds: Mapping[str, float]
    bytes: int
    behind: Mapping[Origin, int]
    missing: Sequence[str]
    findings: Sequence[str]


def drill(data: Path, within: Path | None = None) -> Drill:
    """Makes a backup, verifies and restores it in a temporary folder, and holds that against the live data.

    Raises:
        InvalidInputError: there is no installation.
        UnavailableError: one of the steps fails.
    """
    seconds: dict[str, float] = {}
    with TemporaryDirectory(dir=within) as temporary:
        copy, again = Path(temporary, "backup"), Path(temporary, "data")
        made = _timed(seconds, "create", lambda: create(data, copy))
        key = next(key for key in made.logs if key.name == made.origin)
        findings = _timed(seconds, "verify", lambda: verify(copy, key)).findings
        behind: Mapping[Origin, int] = {}
        if not findings:
            _timed(seconds, "restore", lambda: restore(copy, again, key))
            behind = {Origin(log.name): 0 for log in made.logs}
            behind, findings = _timed(seconds, "compare", lambda: _compared(data, again, list(behind)))
    return Drill(
        seconds=seconds,
        bytes=sum(one.length for one in made.files.values()),
        behind=behind,
        missing=[name for name in (KEYS, LOG_KEYS, WRAPPING_KEYS) if (data / name).exists()],
        findings=findings,
    )


def _timed(seconds: dict[str, float], name: str, step: Callable[[], T]) -> T:
    began = time.perf_counter()
    done = step()
    seconds[name] = round(time.perf_counter() - began, 3)
    return done


def _compared(data: Path, again: Path, origins: Sequence[Origin]) -> tuple[dict[Origin, int], list[str]]:
    """Returns by how much each restored log is behind the live one, and each that is not its beginning."""
    with closing(SqliteReader(data / FILE)) as reader, reader.frozen() as live, copied_store(again / FILE) as restored:
        behind = {origin: live.size(origin) - restored.size(origin) for origin in origins}
        return behind, [
            f"{origin}: what was restored is not the beginning of the live log"
            for origin, count in behind.items()
            if count < 0 or _root(live, origin, restored.size(origin)) != _root(restored, origin, restored.size(origin))
        ]


def _root(source: LogSource, origin: Origin, size: int) -> bytes:
    return merkle.root(size, subtrees(size, lambda tile: read_tile(source, origin, tile)))

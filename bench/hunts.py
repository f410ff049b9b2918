"""What a hunt costs over ten million made rows, as segments that the engine itself wrote."""

import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from safeconduct.adapters.hunts.duckdb_engine import TYPES, DuckDB
from safeconduct.adapters.hunts.engines import answer
from safeconduct.adapters.hunts.rows import SCHEMA
from safeconduct.adapters.hunts.segments import SEGMENT_ROWS
from safeconduct.kernel.instants import Instant
from safeconduct.soc.hunts.model import Budget, Comparison, Hunt, Order, Reach, Where

ROWS = 10_000_000
ROUNDS = 5
DAY = 86_400_000_000
MADE = {
    "arrived": "i + 1",
    "at": "i * 86400",
    "key": "printf('%016x', 9223372036854775808::HUGEINT + i * 86400) || md5(i::VARCHAR)",
    "source": "CASE WHEN i % 5 = 0 THEN 'windows' WHEN i % 5 = 1 THEN 'flow' ELSE 'audit' END",
    "class": "1007",
    "activity": "1",
    "host": "'host-' || (hash(i) % 1000)",
    "user": "'user-' || (hash(i + 1) % 5000)",
    "src_ip": "'10.0.' || (hash(i + 2) % 256) || '.' || (hash(i + 3) % 256)",
    "dst_port": "hash(i + 4) % 65536",
    "process": "'/usr/bin/' || (hash(i + 5) % 800)",
    "command": "'/usr/bin/' || (hash(i + 5) % 800) || ' --config /etc/app-' || (hash(i + 6) % 100000) || "
    "'.conf --id ' || i || CASE WHEN i % 1000003 = 0 THEN ' | nc -e sh' ELSE '' END",
    "fields": "MAP {'/raw/n': [i::VARCHAR]}",
    "stream": "'audit/1007/0/'",
    "places": "MAP {'/raw/n': [i::VARCHAR]}",
}
"""Column -> SQL that makes it from the row's number; the others are empty. 1,000 hosts, 5,000 users, ten days."""

HUNTS = {
    "hunts.needle.cpu_s": Hunt(where=(Where("command", Comparison.CONTAINS, "nc -e"),)),
    "hunts.grouped.cpu_s": Hunt(
        where=(Where("host", Comparison.EQUALS, "host-7"),), group=("process",), order=Order.LEAST, limit=20
    ),
    "hunts.window.cpu_s": Hunt(
        where=(Where("user", Comparison.EQUALS, "user-7"),),
        first=Instant(3 * DAY),
        last=Instant(4 * DAY),
        sources=("audit",),
    ),
}
METHOD = (
    f"CPU of a whole hunt over {ROWS:,} made rows in segments of {SEGMENT_ROWS:,} on DuckDB, its compilation and all"
    f" its queries included, the process's start not: the least of {ROUNDS} rounds. needle: a text that the command"
    " lines of ten rows have. grouped: rarest programs of one host. window: one user, one day of ten, one source"
)


def rows() -> list[dict[str, Any]]:
    """Returns the CPU seconds of each hunt, and the bytes a row takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        segments = _make(folder)
        engine = DuckDB(folder)
        engine.read(segments)
        measured = [_row(name, _least(engine, hunt), "CPU s") for name, hunt in HUNTS.items()]
        size = sum(path.stat().st_size for path in segments) / ROWS
        return [*measured, _row("hunts.bytes_per_row", size, "bytes")]


def _make(folder: Path) -> list[Path]:
    connection, made = duckdb.connect(), []
    columns = ", ".join(f'({MADE.get(name, "NULL")})::{TYPES[kind]} AS "{name}"' for name, kind in SCHEMA.items())
    for first in range(0, ROWS, SEGMENT_ROWS):
        path = folder / f"{first:08}.parquet"
        past = min(ROWS, first + SEGMENT_ROWS)
        made_rows = f"SELECT {columns} FROM range({first}, {past}) AS made(i)"  # noqa: S608 - all of it stands here
        connection.execute(f"COPY ({made_rows}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        made.append(path)
    return made


def _least(engine: DuckDB, hunt: Hunt) -> float:
    taken = []
    for _ in range(ROUNDS):
        before = time.process_time()
        found = answer(engine, hunt, Budget(), Reach())
        taken.append(time.process_time() - before)
        assert found.counted
    return min(taken)


def _row(name: str, value: float, unit: str) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "method": METHOD, "samples": [value]}

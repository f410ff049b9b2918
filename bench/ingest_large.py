"""A million Windows events taken in, in the parts that the command sends: what memory they take on the way."""

import io
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.ingest import opened
from bench.ledger import row
from safeconduct.adapters.telemetry.cutting import PART_BYTES
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339

EVENTS = 1_000_000
START = parse_rfc3339("2026-11-21T08:00:00Z")
METHOD = (
    f"{EVENTS} made network events of Sysmon as JSON lines, in parts of 7 MiB, one process: kept raw, read, indexed in "
    "SQLite; the largest memory so far after a tenth of them, and what came to it since"
)
_LINE = (
    '{{"EventID":3,"SourceName":"Microsoft-Windows-Sysmon","Channel":"Microsoft-Windows-Sysmon/Operational",'
    '"Hostname":"pc-{host}.example","TimeCreated":"{at}","RecordNumber":{number},"ProcessId":"{process}",'
    '"ProcessGuid":"{{00000000-0000-0000-0000-{number:012}}}","Image":"C:\\\\Windows\\\\System32\\\\svchost.exe",'
    '"Protocol":"tcp","Initiated":"true","SourceIp":"192.0.2.{host}","DestinationIp":"198.51.100.7",'
    '"SourcePort":"{port}","DestinationPort":"443"}}\n'
)


def rows() -> list[dict[str, object]]:
    """Measures, and returns one row a figure."""
    early, events = 0.0, 0
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as (store, telemetry):
        for number, part in enumerate(_parts()):
            events += telemetry.take(f"part {number}", io.BytesIO(part)).new
            early = early if events > EVENTS // 10 else _largest_mb()
        assert sum(store.counts().values()) == events == EVENTS
    return [
        row("ingest.million.early_mb", [early], "MB", METHOD),
        row("ingest.million.growth_mb", [_largest_mb() - early], "MB", METHOD),
    ]


def _parts() -> Iterator[bytes]:
    part = bytearray()
    for number in range(EVENTS):
        part += _line(number)
        if len(part) >= PART_BYTES - 1024:
            yield bytes(part)
            part.clear()
    yield bytes(part)


def _line(number: int) -> bytes:
    at = rfc3339(Instant(START + number * 1000))
    line = _LINE.format(host=number % 200, at=at, number=number, process=number % 5000, port=1024 + number % 60000)
    return line.encode()


def _largest_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

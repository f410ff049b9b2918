"""Telemetry from file to detections: Windows event logs with every Windows rule, the engine's cost included."""

import io
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bench.corpora import corpora
from bench.ledger import row
from safeconduct.adapters.cycles import no_full_search_for_cycles
from safeconduct.adapters.sqlite.events import SqliteEventStore
from safeconduct.adapters.telemetry.evtx import CHUNK_BYTES, HEADER_BYTES, recounted
from safeconduct.adapters.telemetry.ingestion import Ingestion
from safeconduct.adapters.telemetry.raw_store import RawStore
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.detection.parsing import check

ROUNDS = 3
METHOD = (
    "all chunks of the 277 logs of evtx/attack-samples as one log, 8,255 events, with the 2,407 Windows rules of "
    "SigmaHQ: file kept raw, read, indexed in SQLite (WAL, synchronous FULL), read back, detected; CPU of the whole "
    f"process; rules and engine made before; {ROUNDS} rounds, each into a new folder; "
    "all but the first meet values that the rules have met"
)


def rows() -> list[dict[str, object]]:
    """Measures, and returns one row a figure."""
    log, rules = whole_log(), windows_rules()
    detect((), rules)  # the engine is made once, and kept
    stored, whole = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as (store, telemetry):
            started = time.process_time()
            report = telemetry.take("Attacks.evtx", io.BytesIO(log))
            events = sum(report.events.values())
            stored.append(events / (time.process_time() - started))
            with no_full_search_for_cycles():
                detect(store.between(), rules)
            whole.append(events / (time.process_time() - started))
    return [
        row("ingest.evtx_events_per_cpu_s", stored, "1/s", METHOD),
        row("ingest.evtx_to_detections_per_cpu_s", whole, "1/s", METHOD),
    ]


def whole_log() -> bytes:
    """Returns the chunks of all sample logs as one log."""
    header, chunks = b"", list[bytes]()
    with tarfile.open(corpora() / "evtx/attack-samples.tar.xz") as archive:
        for member in archive:
            if member.name.endswith(".evtx"):
                log = _content(archive, member)
                header = header or log[:HEADER_BYTES]
                places = range(HEADER_BYTES, len(log), CHUNK_BYTES)
                chunks += [log[at : at + CHUNK_BYTES] for at in places if log.startswith(b"ElfChnk", at)]
    return recounted(header, len(chunks)) + b"".join(chunks)


def windows_rules() -> RuleSet:
    """Returns SigmaHQ's rules for Windows; those that can't be run here are left out."""
    with tarfile.open(corpora() / "sigma/rules.tar.xz") as archive:
        members = [one for one in archive if one.name.endswith(".yml") and "/windows/" in one.name]
        rules, _ = check((one.name, _content(archive, one).decode()) for one in members)
    return rules


@contextmanager
def opened(folder: Path) -> Iterator[tuple[SqliteEventStore, Ingestion]]:
    with closing(SqliteEventStore(folder / "events.db")) as store:
        yield store, Ingestion(RawStore(folder / "raw"), store)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()

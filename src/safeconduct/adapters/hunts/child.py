"""The program that holds the engine: it reads one order a line, answers each with a line, and ends with its input.

Nothing else imports an engine or Ibis. One that takes too long is killed, which changes nothing else.
"""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from safeconduct.adapters.hunts.catching_up import step
from safeconduct.adapters.hunts.choosing import ChdbOptions, Chosen, ClickHouseOptions, DuckDBOptions, SparkOptions
from safeconduct.adapters.hunts.duckdb_engine import DuckDB
from safeconduct.adapters.hunts.engines import Engine, answer
from safeconduct.adapters.hunts.orders import Answer, CatchUp, Detect, Order, Reply
from safeconduct.adapters.hunts.rule_hunting import detected
from safeconduct.adapters.hunts.segments import FOLDER, Manifest, Segment, Segments
from safeconduct.adapters.sqlite.events import SqliteEventStore
from safeconduct.kernel.errors import Kind, SafeconductError
from safeconduct.soc.hunts.model import Reach

DATA_BYTES_MAX = 4 << 30
"""Bytes of memory the process may hold: DuckDB's, and what Python, Ibis and the reading of events take beside it."""


ARCHIVES_MAX = 8
"""Archives open at once, the last ones asked: each has an engine of its own, which holds some thirty megabytes."""

ERROR_CHARS = 500  # of an engine's error that are passed on


class Archive:
    """One archive's events and segments, open."""

    def __init__(self, folder: Path, chosen: Chosen) -> None:
        self._home = folder
        self.segments = Segments(folder / FOLDER)
        self.segments.folder.mkdir(mode=0o700, exist_ok=True)
        here = self.segments.folder.resolve()
        self._writer = DuckDB(here)
        self._engine = engine_of(chosen, here) or self._writer
        self._checked: set[Segment] = set()
        self._reached = 0  # by catching up

    def close(self) -> None:
        """Ends its engines."""
        self._writer.close()
        if self._engine is not self._writer:
            self._engine.close()

    def catch_up(self) -> Reply:
        """Takes one step, and tells whether it was the last."""
        with self._events() as events, self.segments.alone():
            manifest = self._manifest(events)
            now = step(events, self.segments, self._writer, manifest)
            self._checked.update(now.segments)
            self._reached = now.through
            return Reply(done=now == manifest)

    def answer(self, order: Answer) -> Reply:
        """Answers a hunt over the segments there are; not done where some were destroyed since they caught up."""
        with self._read() as (_, manifest):
            if not self._whole(manifest):
                return Reply(done=False)
            reach = Reach(manifest.generation, manifest.through)
            return Reply(result=answer(self._engine, order.hunt, order.budget, reach))

    def detect(self, order: Detect) -> Reply:
        """Runs rules over the segments there are, as `answer`."""
        with self._read() as (events, manifest):
            if not self._whole(manifest):
                return Reply(done=False)
            return Reply(detected=detected(self._engine, events, order.hunt, order.budget))

    @contextmanager
    def _read(self) -> Iterator[tuple[SqliteEventStore, Manifest]]:
        with self._events() as events, self.segments.alone():
            manifest = self._manifest(events)
            if self._whole(manifest):
                self._engine.read([self.segments.path(one).resolve() for one in manifest.segments])
            yield events, manifest

    def _whole(self, manifest: Manifest) -> bool:
        """Tells whether the segments are all there that were there when they caught up."""
        return manifest.to_fill is None and manifest.through >= self._reached

    def _manifest(self, events: SqliteEventStore) -> Manifest:
        manifest = self.segments.manifest(events.generation(), events.edition())
        for segment in manifest.segments:
            if segment.digest and segment not in self._checked and not self.segments.sound(segment):
                self.segments.drop()
                return self.segments.manifest(events.generation(), events.edition())
            self._checked.add(segment)
        return manifest

    @contextmanager
    def _events(self) -> Iterator[SqliteEventStore]:
        with closing(SqliteEventStore(self._home / "events.db", read_only=True)) as events:
            yield events


def main() -> None:
    """Answers orders until the input ends."""
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_BYTES_MAX, DATA_BYTES_MAX))
    answers, orders = os.fdopen(os.dup(1), "wb"), msgspec.json.Decoder(Order)
    os.dup2(2, 1)  # whatever a library prints is no answer
    chosen = msgspec.json.decode(sys.stdin.buffer.readline(), type=Chosen)
    archives: dict[str, Archive] = {}
    for line in sys.stdin.buffer:
        answers.write(msgspec.json.encode(_obeyed(orders.decode(line), archives, chosen)) + b"\n")
        answers.flush()


def _obeyed(order: Order, archives: dict[str, Archive], chosen: Chosen) -> Reply:
    try:
        archive = _opened(order.folder, archives, chosen)
        match order:
            case CatchUp():
                return archive.catch_up()
            case Answer():
                return archive.answer(order)
            case Detect():
                return archive.detect(order)
    except SafeconductError as error:
        return Reply(kind=error.kind, code=error.code, message=error.message, remedy=error.remedy)
    except Exception as error:  # noqa: BLE001 - an engine's errors have no common root
        failed = archives.pop(order.folder, None)
        if failed is not None:
            failed.close()
        said = f"{type(error).__name__}: {str(error)[:ERROR_CHARS]}"
        return Reply(kind=Kind.UNAVAILABLE, code="hunts-unavailable", message=said)


def engine_of(chosen: Chosen, folder: Path) -> Engine | None:
    """Returns the engine that reads the segments of a folder; None where the one that writes them does."""
    match chosen.options:
        case DuckDBOptions():
            return None
        case ChdbOptions():
            from safeconduct.adapters.hunts.chdb_engine import Chdb  # noqa: PLC0415 - an optional extra

            return Chdb(folder)
        case ClickHouseOptions() as options:
            from safeconduct.adapters.hunts.clickhouse_engine import ClickHouse  # noqa: PLC0415 - who asks it alone

            return ClickHouse(options, chosen.secret, folder)
        case SparkOptions() as options:
            from safeconduct.adapters.hunts.spark_engine import Spark  # noqa: PLC0415 - an optional extra

            return Spark(options)


def _opened(folder: str, archives: dict[str, Archive], chosen: Chosen) -> Archive:
    archive = archives.pop(folder, None) or Archive(Path(folder), chosen)
    archives[folder] = archive
    while len(archives) > ARCHIVES_MAX:
        archives.pop(next(iter(archives))).close()
    return archive


if __name__ == "__main__":
    main()

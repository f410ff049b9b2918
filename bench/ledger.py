"""How many durable entries a second, what one costs in CPU, and how fast a whole log is checked again."""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safeconduct.adapters.clock import SystemClock, system_entropy
from safeconduct.adapters.files import FileHeads
from safeconduct.adapters.sqlite.control import SqliteStore
from safeconduct.adapters.sqlite.keys import SqliteKeys
from safeconduct.adapters.wrapping_keys import FileWrappingKeys
from safeconduct.kernel.entries import Draft, Entry
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Collection, State, Transaction
from safeconduct.ledger.audit import audit
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import NoteSigner
from safeconduct.runtime.batch import BatchRunner

ORIGIN = Origin("safeconduct.example/bench")
TYPE = "bench.call.intended/1"
OPEN = Collection("open-calls", str)
ENTRIES = 51_200
RUNS = 3
BODY: Mapping[str, str | int | list[str]] = {
    "principal": "ana",
    "path": "soc-triage",
    "purpose": "incident-triage",
    "model": "smollm2-135m",
    "grant": "ana-triage",
    "request_sha256": "0f" * 32,
    "request_bytes": 1024,
    "policies": ["soc-triage-allowed"],
}

BATCHES = (1, 16, 64, 256, 1024)
COMMITS_MAX = 2_000
"""Commits in one run: small batches take fewer entries."""

METHOD = (
    "SQLite, WAL, synchronous FULL, one database in a temporary folder; entries of about 400 bytes with one record of "
    "control state each, appended by commands in batches of {batch}, one checkpoint, one promise and one head a batch; "
    "{entries} entries a run, {runs} runs, median; no sealed fields; a wait is that of one batch from its first "
    "command to its receipts"
)
AUDIT_METHOD = (
    "the whole check at start over {entries} stored entries: every leaf read and hashed again, every tile recomputed, "
    "checkpoint and heads verified; {runs} runs, median"
)
Opening = Callable[[Path], tuple[BatchRunner, NoteSigner, Callable[[], None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run took: seconds and seconds of CPU for so many entries, each batch's wait, and a whole audit."""

    entries: int
    elapsed_s: float
    cpu_s: float
    waits_ms: list[float]
    audit_s: float


def rows() -> list[dict[str, object]]:
    """Measures, and returns one row a figure."""
    found: list[dict[str, object]] = []
    for batch in BATCHES:
        runs = measure(batch, _open)
        found += batch_rows("log.", batch, runs, METHOD.format(batch=batch, entries=entries_of(batch), runs=RUNS))
        if batch == 256:  # noqa: PLR2004 - once is enough
            method = AUDIT_METHOD.format(entries=ENTRIES, runs=RUNS)
            found.append(row("log.audit_per_s", [run.entries / run.audit_s for run in runs], "entries/s", method))
    return found


def batch_rows(prefix: str, batch: int, runs: Sequence[Run], method: str) -> list[dict[str, object]]:
    """Returns the rows of one batch size: rate, CPU per entry, and the waits' quantiles over all runs."""
    waits = sorted(wait for run in runs for wait in run.waits_ms)
    return [
        row(f"{prefix}durable_per_s.{batch}", [run.entries / run.elapsed_s for run in runs], "entries/s", method),
        row(f"{prefix}entry_cpu_us.{batch}", [run.cpu_s / run.entries * 1e6 for run in runs], "us", method),
        row(f"{prefix}wait_p50_ms.{batch}", [quantile(waits, 0.50)], "ms", method),
        row(f"{prefix}wait_p99_ms.{batch}", [quantile(waits, 0.99)], "ms", method),
    ]


def entries_of(batch: int) -> int:
    """Returns how many entries a run has."""
    return min(ENTRIES, batch * COMMITS_MAX)


def quantile(ascending: Sequence[float], part: float) -> float:
    """Returns the value below which this part of the values lies."""
    return ascending[min(len(ascending) - 1, int(len(ascending) * part))]


def measure(batch: int, opening: Opening) -> list[Run]:
    """Returns what each run took."""
    runs = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(_run(opening, Path(folder), batch))
    return runs


def _run(opening: Opening, folder: Path, batch: int) -> Run:
    runner, signer, close = opening(folder)
    waits, count = [], entries_of(batch)
    started, cpu = time.perf_counter(), time.process_time()
    for _ in range(count // batch):
        began = time.perf_counter()
        results = runner.run([append] * batch)
        waits.append((time.perf_counter() - began) * 1e3)
        assert all(result.error is None for result in results)
    elapsed, spent = time.perf_counter() - started, time.process_time() - cpu
    started = time.perf_counter()
    assert audit(runner.store, ORIGIN, signer.verifier, runner.heads.copies(ORIGIN)) == []
    audited = time.perf_counter() - started
    assert runner.store.size(ORIGIN) == count
    close()
    return Run(entries=count, elapsed_s=elapsed, cpu_s=spent, waits_ms=waits, audit_s=audited)


def _open(folder: Path) -> tuple[BatchRunner, NoteSigner, Callable[[], None]]:
    signer = NoteSigner(ORIGIN, SecretKey(system_entropy(32)))
    runner, close = open_runner(folder, signer)
    return runner, signer, close


def open_runner(folder: Path, signer: NoteSigner) -> tuple[BatchRunner, Callable[[], None]]:
    """Opens a new log in a folder; returns what runs batches on it, and what closes it."""
    wrapping = FileWrappingKeys(folder / "kek", system_entropy)
    store, keys = SqliteStore(folder / "safeconduct.db"), SqliteKeys(folder / "keys.db", system_entropy, wrapping)
    heads = FileHeads(folder / "heads")
    runner = BatchRunner(store, heads, keys, clock=SystemClock(), entropy=system_entropy, projections=PROJECTIONS)
    assert runner.open(signer) == []

    def close() -> None:
        store.close()
        keys.close()

    return runner, close


def append(tx: Transaction) -> str:
    """Appends one entry with one record of control state."""
    return tx.append(ORIGIN, Draft(type=TYPE, body=BODY)).id


def _open_call(state: State, entry: Entry) -> None:
    state.insert(OPEN, entry.id, "open")


PROJECTIONS = {TYPE: _open_call}


def row(name: str, samples: Sequence[float], unit: str, method: str) -> dict[str, object]:
    """Returns a row of the results: the median of the samples, and the samples."""
    return {
        "name": name,
        "value": round(statistics.median(samples), 1),
        "unit": unit,
        "method": method,
        "samples": [round(sample, 1) for sample in samples],
    }

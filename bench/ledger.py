"""How many durable entries a second, what one costs in CPU, and how fast a whole log is checked again."""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
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

METHOD = (
    "SQLite, WAL, synchronous FULL, one database in a temporary folder; entries of about 400 bytes with one record of "
    "control state each, appended by commands in batches of {batch}, one Ed25519 signature and one head a batch; "
    "{entries} entries a run, {runs} runs, median; no sealed fields"
)
AUDIT_METHOD = (
    "the whole check at start over {entries} stored entries: every leaf read and hashed again, every tile recomputed, "
    "checkpoint and heads verified; {runs} runs, median"
)


def rows() -> list[dict[str, object]]:
    """Measures, and returns one row a figure."""
    found: list[dict[str, object]] = []
    for batch in (64, 256):
        rates, costs, audits = _measure(batch)
        method = METHOD.format(batch=batch, entries=ENTRIES, runs=RUNS)
        found += [
            row(f"log.durable_per_s.{batch}", rates, "entries/s", method),
            row(f"log.entry_cpu_us.{batch}", costs, "us", method),
        ]
        if batch == 256:  # noqa: PLR2004 - once is enough
            method = AUDIT_METHOD.format(entries=ENTRIES, runs=RUNS)
            found.append(row("log.audit_per_s", audits, "entries/s", method))
    return found


def _measure(batch: int) -> tuple[list[float], list[float], list[float]]:
    rates, costs, audits = [], [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            rate, cost, audited = _run(Path(folder), batch)
        rates.append(rate)
        costs.append(cost)
        audits.append(audited)
    return rates, costs, audits


def _run(folder: Path, batch: int) -> tuple[float, float, float]:
    signer = NoteSigner(ORIGIN, SecretKey(system_entropy(32)))
    runner, close = open_runner(folder, signer)
    started, cpu = time.perf_counter(), time.process_time()
    for _ in range(ENTRIES // batch):
        results = runner.run([append] * batch)
        assert all(result.error is None for result in results)
    elapsed, spent = time.perf_counter() - started, time.process_time() - cpu
    started = time.perf_counter()
    assert audit(runner.store, ORIGIN, signer.verifier, runner.heads.copies(ORIGIN)) == []
    audited = time.perf_counter() - started
    assert runner.store.size(ORIGIN) == ENTRIES
    close()
    return ENTRIES / elapsed, spent / ENTRIES * 1e6, ENTRIES / audited


def open_runner(folder: Path, signer: NoteSigner) -> tuple[BatchRunner, Callable[[], None]]:
    """Opens a new log in a folder; returns what runs batches on it, and what closes it."""
    wrapping = FileWrappingKeys(folder / "kek", system_entropy)
    store, keys = SqliteStore(folder / "safeconduct.db"), SqliteKeys(folder / "keys.db", system_entropy, wrapping)
    heads, projections = FileHeads(folder / "heads"), {TYPE: _open_call}
    runner = BatchRunner(store, heads, keys, clock=SystemClock(), entropy=system_entropy, projections=projections)
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


def row(name: str, samples: Sequence[float], unit: str, method: str) -> dict[str, object]:
    """Returns a row of the results: the median of the samples, and the samples."""
    return {
        "name": name,
        "value": round(statistics.median(samples), 1),
        "unit": unit,
        "method": method,
        "samples": [round(sample, 1) for sample in samples],
    }

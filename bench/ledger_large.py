"""A log of a million entries: built, audited, proven; and what an append and a proof cost as the log grows."""

import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from bench.ledger import ORIGIN, append, open_runner, row
from safeconduct.adapters.clock import system_entropy
from safeconduct.ledger import merkle
from safeconduct.ledger.audit import audit
from safeconduct.ledger.checkpoints import open_checkpoint
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import NoteSigner
from safeconduct.ledger.ports import LogSource
from safeconduct.ledger.reader import LogReader

T = TypeVar("T")

ENTRIES = 1_000_000
BATCH = 1_000
WINDOW = 20_000
"""Entries whose CPU cost is averaged at each size looked at."""

SIZES = (20_000, 200_000, 1_000_000)
PROOFS = 2_000

BUILD_METHOD = (
    f"SQLite, WAL, synchronous FULL; {ENTRIES} entries in batches of {BATCH}, one run; CPU of the whole process, "
    f"an entry's cost averaged over the last {WINDOW} entries before each size"
)
PROOF_METHOD = (
    f"{PROOFS} random entries of a log of {ENTRIES}: inclusion proofs and consistency proofs made from stored tiles, "
    "then checked against the signed root; CPU of the whole process, mean; cold tiles, each proof reads its own"
)


def rows() -> list[dict[str, object]]:
    """Measures, and returns one row a figure."""
    with tempfile.TemporaryDirectory() as folder:
        return _rows(Path(folder))


def _rows(folder: Path) -> list[dict[str, object]]:
    signer = NoteSigner(ORIGIN, SecretKey(system_entropy(32)))
    runner, close = open_runner(folder, signer)
    marks = [time.process_time()]
    for _ in range(ENTRIES // BATCH):
        results = runner.run([append] * BATCH)
        assert all(result.error is None for result in results)
        marks.append(time.process_time())
    found = [_grown(size, marks) for size in SIZES]
    found.append(row("log.million.build_cpu_s", [marks[-1] - marks[0]], "s", BUILD_METHOD))
    source, heads = runner.store, runner.heads.copies(ORIGIN)
    findings, spent = _timed(lambda: audit(source, ORIGIN, signer.verifier, heads))
    assert findings == []
    method = f"the whole check at start over {ENTRIES} stored entries, one run; CPU of the whole process"
    found.append(row("log.million.audit_per_cpu_s", [ENTRIES / spent], "entries/s", method))
    found += _proofs(source, signer)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found.append(row("log.million.peak_mb", [peak], "MB", "largest resident memory of the process that did all of it"))
    close()
    return found


def _grown(size: int, marks: Sequence[float]) -> dict[str, object]:
    last = size // BATCH
    spent = marks[last] - marks[last - WINDOW // BATCH]
    return row(f"log.million.entry_cpu_us.at_{size}", [spent / WINDOW * 1e6], "us", BUILD_METHOD)


def _proofs(source: LogSource, signer: NoteSigner) -> list[dict[str, object]]:
    reader, draw = LogReader(source), random.Random(1)  # noqa: S311 - which entries are proven is no secret
    said = open_checkpoint(reader.checkpoint(ORIGIN).encoded, signer.verifier).checkpoint
    ids = [next(source.entries(ORIGIN, draw.randrange(ENTRIES), 1)).id for _ in range(PROOFS)]
    evidence, made = _timed(lambda: [reader.evidence(entry_id) for entry_id in ids])
    hashes = [merkle.leaf_hash(one.leaf) for one in evidence]

    def check() -> None:
        for one, leaf in zip(evidence, hashes, strict=True):
            merkle.verify_inclusion(one.index, said.size, leaf, one.proof, said.root)

    _, checked = _timed(check)
    olds = [draw.randrange(1, ENTRIES) for _ in range(PROOFS)]
    proofs, joined = _timed(lambda: [reader.consistency(ORIGIN, old, ENTRIES) for old in olds])
    longest = max(len(proof) for proof in proofs)
    return [
        row("log.million.prove_cpu_us", [made / PROOFS * 1e6], "us", PROOF_METHOD),
        row("log.million.verify_cpu_us", [checked / PROOFS * 1e6], "us", PROOF_METHOD),
        row("log.million.consistency_cpu_us", [joined / PROOFS * 1e6], "us", PROOF_METHOD),
        row("log.million.inclusion_hashes", [statistics.fmean(len(one.proof) for one in evidence)], "", PROOF_METHOD),
        row("log.million.consistency_hashes_max", [longest], "", PROOF_METHOD),
    ]


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """Returns what the work returned and its CPU seconds."""
    started = time.process_time()
    return work(), time.process_time() - started

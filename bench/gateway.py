"""What governing a call costs: bare passthrough, the whole gateway and its peers in one run, before one stand-in.

Bare is the same uvicorn, loop, protocol and upstream client with nothing between them. Governed is everything on:
token, standing, dialect, targets, recognizers, Cedar decision, intent and outcome in a SQLite log synced at each
commit, receipts. Dense, memo-off and no-boundary are the same with one thing otherwise, to show what it costs.
"""

import contextlib
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvloop

from bench.corpora import corpora
from bench.gateway_load import BODY_BYTES, load
from bench.gateway_rotation import PAIRS, PATHS, PRINCIPALS
from bench.gateway_servers import CHANGE_EVERY_S, CHUNKS
from bench.gateway_targets import BARE, DENSE, GOVERNED, MEMO_OFF, NO_BOUNDARY, Server, Target, started
from bench.gateway_texts import analysts, dense
from bench.peers.targets import installed

TARGETS = (BARE, GOVERNED)
OTHERWISE = (DENSE, MEMO_OFF, NO_BOUNDARY)  # at most connections alone
CONNECTIONS = (1, 16, 64)
MOST = 64
SECONDS = 1.0  # of each cell in each round: with all peers the whole takes about three minutes
ROUNDS = 3
WARM_UP_S = 1.0


@dataclass(frozen=True)
class Cell:
    """One kind of load."""

    connections: int
    stream: bool = False

    @property
    def name(self) -> str:
        """`json` or `stream`."""
        return "stream" if self.stream else "json"


@dataclass
class Samples:
    """What one target showed under one load: a number a round, or a call."""

    cpu_us: list[float] = field(default_factory=list)
    total_ms: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)


Measured = dict[tuple[str, Cell], Samples]
GRID = tuple(Cell(connections, stream) for stream in (False, True) for connections in CONNECTIONS)


def rows() -> list[dict[str, Any]]:
    """Measures the targets and returns CPU, waits and memory, each cell also by itself."""
    with servers((*TARGETS, *OTHERWISE, *installed())) as running:
        ours = {target.name: running[target.name] for target in TARGETS}
        otherwise = {target.name: running[target.name] for target in OTHERWISE}
        compared = {name: server for name, server in running.items() if name not in otherwise}
        measured = measure(ours, [cell for cell in GRID if cell.connections != MOST])
        measured |= measure(compared, [cell for cell in GRID if cell.connections == MOST])  # all that peers' rows ask
        varied = measure(otherwise, (Cell(MOST),))
        memory = {name: server.rss_mb() for name, server in compared.items()}
    return [*_costs(measured, varied), *_waits(measured), *_memory(memory)]


@contextlib.contextmanager
def servers(targets: Sequence[Target]) -> Iterator[Mapping[str, Server]]:
    """Runs the targets before one upstream, warmed up."""
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(started("upstream"))
        measured, others = _cores()
        upstream.pin(others)
        url = f"http://127.0.0.1:{upstream.port}/v1"
        typical = analysts(corpora())
        running = {}
        for target in targets:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = stack.enter_context(target.start(url, folder))
            running[target.name] = server = replace(server, texts=dense if target.is_dense else typical)
            server.pin(measured)
            for stream in (False, True):
                uvloop.run(load(server, connections=MOST, stream=stream, seconds=WARM_UP_S))
        yield running


def _cores() -> tuple[int, int]:
    """Returns the core of what is measured, and that of upstream and load, on which this process is from now on."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    return cores[0], cores[-1]


def measure(running: Mapping[str, Server], cells: Sequence[Cell], *, seconds: float = SECONDS) -> Measured:
    """Returns what every target shows under every load, the targets of a round in random order."""
    dice = random.Random(1)  # noqa: S311 - an order, not a secret
    measured: Measured = {}
    for number in range(ROUNDS):
        for cell in cells:
            sys.stderr.write(f"round {number + 1} of {ROUNDS}, {cell.name} over {cell.connections} connections\n")
            for name in dice.sample(list(running), len(running)):
                _round(running[name], cell, measured.setdefault((name, cell), Samples()), seconds)
    return measured


def _round(server: Server, cell: Cell, samples: Samples, seconds: float) -> None:
    before = server.cpu_s()
    answers = uvloop.run(load(server, connections=cell.connections, stream=cell.stream, seconds=seconds))
    samples.cpu_us.append((server.cpu_s() - before) / len(answers.total_ms) * 1e6)
    samples.total_ms += answers.total_ms
    samples.first_ms += answers.first_ms


def percentile(samples: Sequence[float], rank: int) -> float:
    """Returns the least sample that `rank` of 100 don't exceed."""
    return sorted(samples)[-(-len(samples) * rank // 100) - 1]


def _costs(measured: Measured, varied: Measured) -> Iterator[dict[str, Any]]:
    """CPU, least round of each target, at most connections; its ratio round by round. `varied` are ours otherwise."""
    json, stream = Cell(MOST), Cell(MOST, stream=True)
    bare, governed = measured["bare", json].cpu_us, measured["governed", json].cpu_us
    streamed = measured["governed", stream].cpu_us
    yield _row("gateway.json.cpu_us", min(governed), "us", governed)
    for (name, _cell), other in varied.items():
        yield _row(f"gateway.json.cpu_us.{name.replace('-', '_')}", min(other.cpu_us), "us", other.cpu_us)
    yield _row("gateway.bare.cpu_us", min(bare), "us", bare)
    yield _row("gateway.vs_bare", min(governed) / min(bare), "ratio", _ratios(governed, bare))
    for name in sorted({name for name, _cell in measured} - {"bare", "governed"}):
        peer = measured[name, json].cpu_us
        yield _row(f"gateway.vs_{name}", min(peer) / min(governed), "ratio", _ratios(peer, governed))
    yield _row("gateway.json.rps_per_core", 1e6 / min(governed), "1/s", [1e6 / cpu for cpu in governed])
    yield _row("gateway.stream.rps_per_core", 1e6 / min(streamed), "1/s", [1e6 / cpu for cpu in streamed])
    for (name, cell), samples in measured.items():
        at = f"gateway.{cell.name}.c{cell.connections}.{name}.cpu_us"
        yield _row(at, min(samples.cpu_us), "us", samples.cpu_us)


def _waits(measured: Measured) -> Iterator[dict[str, Any]]:
    """What governing adds to the wait for a whole answer and its first byte, against bare under the same load."""
    for (name, cell), samples in measured.items():
        at = f"gateway.{cell.name}.c{cell.connections}.{name}"
        yield _row(f"{at}.p50_ms", percentile(samples.total_ms, 50), "ms", [])
        yield _row(f"{at}.p99_ms", percentile(samples.total_ms, 99), "ms", [])
        yield _row(f"{at}.ttft_p50_ms", percentile(samples.first_ms, 50), "ms", [])
        yield _row(f"{at}.rps", len(samples.total_ms) / (ROUNDS * SECONDS), "1/s", [])
    for cell in GRID:
        bare, governed = measured["bare", cell], measured["governed", cell]
        at = "" if cell.connections == MOST else f".c{cell.connections}"
        p99 = percentile(governed.total_ms, 99) - percentile(bare.total_ms, 99)
        p50 = percentile(governed.first_ms, 50) - percentile(bare.first_ms, 50)
        yield _row(f"gateway.{cell.name}{at}.added_p99_ms", p99, "ms", _thousandths(governed.total_ms))
        yield _row(f"gateway.{cell.name}{at}.added_ttft_p50_ms", p50, "ms", _thousandths(governed.first_ms))


def _memory(memory: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    yield _row("gateway.worker_mb", memory["governed"], "MB", [memory["governed"]])
    for name in memory.keys() - {"governed"}:
        yield _row(f"gateway.{name}.worker_mb", memory[name], "MB", [memory[name]])


def _ratios(ones: Sequence[float], others: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(ones, others, strict=True)]


def _thousandths(samples: Sequence[float]) -> list[float]:
    return [round(sample, 3) for sample in samples]


def _row(name: str, value: float, unit: str, samples: Sequence[float]) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "method": _method(), "samples": list(samples)}


def _method() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    load_average = " ".join(f"{load:.1f}" for load in os.getloadavg())
    return (
        f"{'/'.join(map(str, CONNECTIONS))} connections (rows without a number: {MOST}), {BODY_BYTES}-byte requests,"
        " each another text: questions, rules, audit records and alerts in turns (dense: lines of sshd's log);"
        f" {PRINCIPALS} principals on {PATHS} paths ({PAIRS} grants) in rotation, one entity changed"
        f" every {CHANGE_EVERY_S:g} s; 1 KB JSON answers or {CHUNKS} chunks from one stand-in; {ROUNDS} rounds of"
        f" {SECONDS:g} s a cell, targets in random order, each on one core, load and"
        f" stand-in on the other. CPU = user + system of all threads and children, a call, the"
        f" least round counts; rps_per_core = 1 / CPU. CPU {model}, load {load_average} at the end"
    )

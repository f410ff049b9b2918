"""How late the last byte comes after a freeze: 64 running streams, measured at the callers' sockets."""

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.streams import Reader, frozen_midway  # type: ignore[import-not-found]

STREAMS = 64
ROUNDS = 5
METHOD = (
    f"{STREAMS} streams through one gateway process with a SQLite log, {STREAMS - 1} of them a frame every 50 ms, one"
    " of 2 MB to a reader of 8 KB every 50 ms; then a freeze of everything. Each sample is one stream: from the order"
    " to freeze, so the commit's own time is in it, to the last byte at the caller's socket; for the slow reader, whose"
    f" socket holds what was handed over before, to the closing of its transport. p99 over all streams of {ROUNDS}"
    " rounds, a new gateway each. `slow_reader_kb` is what the slow reader still got after the order: kernel buffers"
)


class Server:
    """A child process that listens, and obeys lines."""

    def __init__(self, role: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.freeze_servers", role, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        )
        said = self._answer()
        self.port: int = said["port"]
        self.token: str = said.get("token", "")

    def order(self, line: str) -> dict[str, Any]:
        """Has it obey, and returns what it says when it is done."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._answer()

    def stop(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said


def rows() -> list[dict[str, Any]]:
    """Measures, and returns `freeze.p99_ms` and `freeze.slow_reader_kb`."""
    lateness, kilobytes = list[float](), list[float]()
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder, _servers(folder) as gateway:
            late, late_kb = asyncio.run(_round(gateway))
        lateness += late
        kilobytes.append(late_kb)
    return [
        _row("freeze.p99_ms", percentile(lateness, 99), "ms", lateness),
        _row("freeze.slow_reader_kb", max(kilobytes), "KB", kilobytes),
    ]


def percentile(samples: Sequence[float], rank: int) -> float:
    """Returns the least sample that `rank` of 100 don't exceed."""
    return sorted(samples)[-(-len(samples) * rank // 100) - 1]


async def _round(gateway: Server) -> tuple[list[float], float]:
    reports, had = list[dict[str, Any]](), list[int]()

    async def freeze(readers: Sequence[Reader]) -> None:
        had.append(len(readers[-1].received))
        reports.append(await asyncio.to_thread(gateway.order, "freeze"))

    readers, ordered_at = await frozen_midway(gateway.port, gateway.token, ["do:paced"] * (STREAMS - 1), freeze)
    if reports[0]["cut"] != STREAMS:
        raise RuntimeError(f"expected {STREAMS} streams to be cut, got {reports[0]}")
    late = [max(0.0, reader.last_at - ordered_at) * 1000 for reader in readers if not reader.slow]
    return [*late, reports[0]["slowest_ms"]], (len(readers[-1].received) - had[0]) / 1024


@contextlib.contextmanager
def _servers(folder: str) -> Iterator[Server]:
    with contextlib.ExitStack() as stack:
        upstream = Server("upstream")
        stack.callback(upstream.stop)
        gateway = Server("governed", f"http://127.0.0.1:{upstream.port}/v1", folder)
        stack.callback(gateway.stop)
        yield gateway


def _row(name: str, value: float, unit: str, samples: Sequence[float]) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "method": METHOD, "samples": list(samples)}

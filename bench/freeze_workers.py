"""How late the last byte comes after a freeze where many processes serve, one of them stopped before and resumed after.

`safeconduct serve --workers` over PostgreSQL, as operators run it; the freeze is committed by yet another process.
"""

import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from bench.freeze import STREAMS, percentile
from bench.postgres_server import Server, programs
from safeconduct.access.freezes import FreezeOrder, freeze
from safeconduct.access.selectors import parse_selection
from safeconduct.adapters.data_folder import running_server
from safeconduct.bootstrap.joined import joined
from safeconduct.gateway.events import CALL_INTENT
from safeconduct.settings import Databases
from support.programs import signed  # type: ignore[import-not-found]
from support.serve_calls import bearer  # type: ignore[import-not-found]
from support.shell import agreed, start, until  # type: ignore[import-not-found]
from support.streams import Reader, frozen_midway  # type: ignore[import-not-found]
from support.talker import talking  # type: ignore[import-not-found]

WORKERS = 4
STOPPED_S = 0.5
STORES = ("log", "heads", "keys")
METHOD = (
    f"{STREAMS} streams over {WORKERS} worker processes and one PostgreSQL: {STREAMS - 1} of a frame every 50 ms, one"
    " of 2 MB to a reader of 8 KB every 50 ms. One worker is stopped (SIGSTOP), another process commits a freeze of"
    f" everything, {STOPPED_S} s later the worker goes on (SIGCONT). Each sample is a stream of a frame every 50 ms:"
    " from the order to freeze, commit included, to the last byte at the caller's socket; one byte of the resumed"
    f" worker would count {STOPPED_S * 1000:.0f} ms and more. `slow_reader_kb` is what the slow reader still got. The"
    " rows of one worker are its streams, as the log says whose they were; those of the one that was stopped end first"
)
_CALL = re.compile(rb"\r\nsafeconduct-call: ([0-9A-Z]{26})\r\n")

Lateness = Mapping[str, list[float]]
"""Milliseconds of each stream, by the worker that served it."""


def rows() -> list[dict[str, Any]]:
    """Measures, and returns `freeze.workers.p99_ms` and `freeze.workers.slow_reader_kb`; nothing without PostgreSQL."""
    found = programs()
    if found is None:
        return []
    server = Server(found)
    try:
        with tempfile.TemporaryDirectory() as folder, _environment(server), talking() as model:
            lateness, kilobytes = _measure(Path(folder), model.url)
    finally:
        server.stop()
    every = [one for found in lateness.values() for one in found]
    return [
        _row("freeze.workers.p50_ms", percentile(every, 50), "ms", every),
        _row("freeze.workers.p99_ms", percentile(every, 99), "ms", every),
        _row("freeze.workers.slow_reader_kb", kilobytes, "KB", [kilobytes]),
        *(row for number, worker in enumerate(sorted(lateness), 1) for row in _of_worker(number, lateness[worker])),
    ]


def _of_worker(number: int, lateness: Sequence[float]) -> Iterator[dict[str, Any]]:
    for rank in (50, 99):
        yield _row(f"freeze.workers.w{number}.p{rank}_ms", percentile(lateness, rank), "ms", lateness)


@contextlib.contextmanager
def _environment(server: Server) -> Iterator[None]:
    names = ("SAFECONDUCT_DATABASE", "SAFECONDUCT_HEADS", "SAFECONDUCT_KEYS")
    os.environ.update({name: server.database() for name in names})
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name)


def _measure(root: Path, model: str) -> tuple[Lateness, float]:
    house = agreed(root / "house", upstream="custom", model="smollm2-135m")[0]
    words = ("serve", "--port", 0, "--no-local-model", "--workers", WORKERS, "--model", model)
    with start(*words, data=house.data, log=root / "server") as process:
        address = until(lambda: running_server(house.data), process, says="a server")
        port = urlsplit(address.url).port
        token = bearer(house)["authorization"].removeprefix("Bearer ")
        with _another(house.data) as installation:
            return asyncio.run(_round(port, token, installation, _workers(process.pid)[0]))


async def _round(
    port: int | None,
    token: str,
    installation: Any,  # noqa: ANN401 - an Installation
    stopped: int,
) -> tuple[Lateness, float]:
    had: list[int] = []

    async def order(readers: Sequence[Reader]) -> None:
        had.append(len(readers[-1].received))
        os.kill(stopped, signal.SIGSTOP)
        try:
            await asyncio.to_thread(_freeze, installation)
            await asyncio.sleep(STOPPED_S)
        finally:
            os.kill(stopped, signal.SIGCONT)

    readers, ordered_at = await frozen_midway(port, token, ["do:paced"] * (STREAMS - 1), order, patience_s=60.0)
    late = defaultdict[str, list[float]](list)
    for reader in readers[:-1]:
        late[_worker_of(installation, reader)].append(max(0.0, reader.last_at - ordered_at) * 1000)
    return late, (len(readers[-1].received) - had[0]) / 1024


def _worker_of(installation: Any, reader: Reader) -> str:  # noqa: ANN401 - as above
    call = _CALL.search(reader.received)
    if call is None:
        raise RuntimeError("a stream without the header safeconduct-call: no worker answered for it")
    return CALL_INTENT.read(installation.log.entry(call[1].decode())).worker


def _freeze(installation: Any) -> None:  # noqa: ANN401 - an Installation
    operation, selector = "POST /api/v1/freezes", "all"
    act = signed("ops", operation, selector.encode(), installation.clock.now())
    order = FreezeOrder(selector=parse_selection(selector), reason="measured", everybody=True)
    said = {"operation": operation, "content": act.act.content}
    installation.writer.submit(lambda tx: freeze(tx, act, order, **said)).result(30)


@contextlib.contextmanager
def _another(data: Path) -> Iterator[Any]:
    urls = (os.environ[name] for name in ("SAFECONDUCT_DATABASE", "SAFECONDUCT_HEADS", "SAFECONDUCT_KEYS"))
    with joined(data, Databases(**dict(zip(STORES, urls, strict=True))), "bench") as here:
        yield here.installation


def _workers(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children if Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"worker\0")]


def _row(name: str, value: float, unit: str, samples: Sequence[float]) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "method": METHOD, "samples": list(samples)}

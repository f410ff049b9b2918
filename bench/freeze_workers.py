"""How late the last byte comes after a freeze where many processes serve, one of them stopped before and resumed after.

`safeconduct serve --workers` over PostgreSQL, as operators run it; the freeze is committed by yet another process.
"""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from bench.freeze import STREAMS, percentile
from bench.postgres_server import Server, programs
from safeconduct.access.freezes import freeze, parse_selector
from safeconduct.adapters.data_folder import running_server
from safeconduct.bootstrap.joined import joined
from safeconduct.settings import Databases
from support.programs import signed  # type: ignore[import-not-found]
from support.serve_calls import bearer  # type: ignore[import-not-found]
from support.shell import agreed, start, until  # type: ignore[import-not-found]
from support.streams import Reader, frozen_midway  # type: ignore[import-not-found]
from support.talker import talking  # type: ignore[import-not-found]

WORKERS = 3
STOPPED_S = 0.5
STORES = ("log", "heads", "keys")
METHOD = (
    f"{STREAMS} streams over {WORKERS} worker processes and one PostgreSQL: {STREAMS - 1} of a frame every 50 ms, one"
    " of 2 MB to a reader of 8 KB every 50 ms. One worker is stopped (SIGSTOP), another process commits a freeze of"
    f" everything, {STOPPED_S} s later the worker goes on (SIGCONT). Each sample is a stream of a frame every 50 ms:"
    " from the order to freeze, commit included, to the last byte at the caller's socket; one byte of the resumed"
    f" worker would count {STOPPED_S * 1000:.0f} ms and more. `slow_reader_kb` is what the slow reader still got"
)


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
    return [
        _row("freeze.workers.p99_ms", percentile(lateness, 99), "ms", lateness),
        _row("freeze.workers.slow_reader_kb", kilobytes, "KB", [kilobytes]),
    ]


@contextlib.contextmanager
def _environment(server: Server) -> Iterator[None]:
    names = ("SAFECONDUCT_DATABASE", "SAFECONDUCT_HEADS", "SAFECONDUCT_KEYS")
    os.environ.update({name: server.database() for name in names})
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name)


def _measure(root: Path, model: str) -> tuple[list[float], float]:
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
) -> tuple[list[float], float]:
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
    late = [max(0.0, reader.last_at - ordered_at) * 1000 for reader in readers if not reader.slow]
    return late, (len(readers[-1].received) - had[0]) / 1024


def _freeze(installation: Any) -> None:  # noqa: ANN401 - an Installation
    operation, selector = "POST /api/v1/freezes", "all"
    act = signed("ops", operation, selector.encode(), installation.clock.now())
    parsed, content = parse_selector(selector), act.act.content
    installation.writer.submit(
        lambda tx: freeze(tx, act, operation=operation, content=content, selector=parsed, reason="measured")
    ).result(30)


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

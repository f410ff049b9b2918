"""What the memory of a server is as operators run it: `safeconduct serve`, control API and all, after calls."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from bench.gateway_load import load
from bench.gateway_targets import Server, started
from safeconduct.adapters.data_folder import running_server
from support.gateway_world import PATH  # type: ignore[import-not-found]
from support.serve_calls import bearer  # type: ignore[import-not-found]
from support.shell import agreed, start, until  # type: ignore[import-not-found]

CONNECTIONS = 16
CALLS = 1_000
METHOD = (
    f"`safeconduct serve --no-local-model` on the demo's program and SQLite, control API included; resident memory of"
    f" the process tree after {CALLS:,} JSON calls of about 1 KB over {CONNECTIONS} connections, and before the first"
)


def rows() -> list[dict[str, Any]]:
    """Measures, and returns `gateway.served_mb` and `gateway.served_idle_mb`."""
    with tempfile.TemporaryDirectory() as folder, started("upstream") as upstream:
        root = Path(folder)
        house = agreed(root / "house", upstream="custom", model="smollm2-135m")[0]
        model = f"http://127.0.0.1:{upstream.port}/v1"
        words = ("serve", "--port", 0, "--no-local-model", "--model", model)
        with start(*words, data=house.data, log=root / "server") as process:
            address = until(lambda: running_server(house.data), process, says="a server")
            token = {"authorization": bearer(house)["authorization"]}
            asks = [(f"/paths/{PATH}/openai/v1/chat/completions", token)]
            server = Server(process.pid, urlsplit(address.url).port or 0, asks)
            idle = server.rss_mb()
            asyncio.run(load(server, connections=CONNECTIONS, stream=False, seconds=60, calls=CALLS))
            return [_row("gateway.served_mb", server.rss_mb()), _row("gateway.served_idle_mb", idle)]


def _row(name: str, value: float) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": "MB", "method": METHOD, "samples": [value]}

"""What governing a call costs: bare passthrough against the whole gateway, in one run, before the same stand-in.

Bare is the same uvicorn, loop, protocol and upstream client with nothing between them. Governed is everything on:
token, standing, dialect, targets, Cedar decision, intent and outcome in a SQLite log synced at each commit, receipts.
"""

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONNECTIONS = 64
CALLS = 4000  # per round and variant: about a second of CPU, against ticks of 10 ms
WARM_UP = 500
ROUNDS = 4
BODY_BYTES = 1064
VARIANTS = ("bare", "governed")
METHOD = (
    f"{CONNECTIONS} connections, {BODY_BYTES}-byte JSON requests (each another text), 1 KB answers from one stand-in,"
    f" {CALLS} calls a round after {WARM_UP} to warm up, {ROUNDS} rounds with the variants in random order;"
    " CPU = user + system of the gateway's process with all its threads, per call; the least round counts"
)


@dataclass(frozen=True)
class Server:
    """A child process that listens."""

    process: subprocess.Popen[str]
    port: int
    token: str = ""

    def cpu_s(self) -> float:
        """Returns the CPU seconds the process has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rows() -> list[dict[str, Any]]:
    """Measures, and returns `gateway.bare.cpu_us`, `gateway.json.cpu_us` and `gateway.vs_bare`."""
    samples = measure()
    least = {variant: min(values) for variant, values in samples.items()}
    ratios = [governed / bare for bare, governed in zip(samples["bare"], samples["governed"], strict=True)]
    return [
        _row("gateway.bare.cpu_us", least["bare"], "us", samples["bare"]),
        _row("gateway.json.cpu_us", least["governed"], "us", samples["governed"]),
        _row("gateway.vs_bare", least["governed"] / least["bare"], "ratio", ratios),
    ]


def measure(calls: int = CALLS, rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Returns microseconds of CPU per call, for each variant and round."""
    samples: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    dice = random.Random(1)  # noqa: S311 - an order, not a secret
    with tempfile.TemporaryDirectory() as folder, _started("upstream") as upstream:
        at = f"http://127.0.0.1:{upstream.port}/v1"
        with _started("bare", at) as bare, _started("governed", at, folder) as governed:
            servers = dict(zip(VARIANTS, (bare, governed), strict=True))
            for server in servers.values():
                asyncio.run(load(server, WARM_UP))
            for _ in range(rounds):
                for variant in dice.sample(VARIANTS, len(VARIANTS)):
                    before = servers[variant].cpu_s()
                    asyncio.run(load(servers[variant], calls))
                    samples[variant].append((servers[variant].cpu_s() - before) / calls * 1e6)
    return samples


async def load(server: Server, calls: int) -> None:
    """Makes the calls over CONNECTIONS connections, each call after the one before it was answered."""
    numbers = iter(range(calls))
    await asyncio.gather(*(_caller(server, numbers) for _ in range(min(CONNECTIONS, calls))))


async def _caller(server: Server, numbers: Iterator[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for number in numbers:
        writer.write(_request(server.token, number))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the call failed: {body[:500]!r}")
    writer.close()
    await writer.wait_closed()


def _request(token: str, number: int) -> bytes:
    body = {"model": "smollm2-135m", "max_tokens": 64, "messages": [{"role": "user", "content": ""}]}
    words = f"case {number}: failed password for root from 203.0.113.66 port {number % 65536} ssh2 on web-01. "
    body["messages"] = [{"role": "user", "content": (words * 20)[: BODY_BYTES - len(json.dumps(body))]}]
    data = json.dumps(body).encode()
    head = (
        "POST /paths/soc-triage/openai/v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n"
        f"authorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


@contextlib.contextmanager
def _started(role: str, *arguments: str) -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.gateway_servers", role, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Server(process, **json.loads(process.stdout.readline()))
    finally:
        process.stdin.close()  # each ends with its input
        process.stdout.close()
        process.wait(20)


def _row(name: str, value: float, unit: str, samples: list[float]) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "method": METHOD, "samples": samples}

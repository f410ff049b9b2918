"""The servers of bench/freeze.py, one role a process: `upstream` and `governed`. Each ends with its input.

The governed one obeys the line `freeze` on its input: it commits a freeze of everything, and says how fast it cut.
"""

import asyncio
import json
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from safeconduct.adapters.models.openai_compatible import OpenAICompatible
from safeconduct.http.connection import GatewayServer, server_config
from safeconduct.http.gateway import GatewayApp
from safeconduct.http.proofs import CallProofs
from support.gateway_world import LogWorld  # type: ignore[import-not-found]
from support.stand_in import StandIn  # type: ignore[import-not-found]
from support.wire import not_ours  # type: ignore[import-not-found]

Orders = Mapping[str, Callable[[], Awaitable[Any]]]


async def upstream() -> None:
    server = StandIn()
    await server.start()
    _say({"port": server.port})
    await _obey({})
    await server.stop()


async def governed(url: str, folder: str) -> None:
    world = LogWorld(Path(folder))
    client = OpenAICompatible(url)
    await client.start()
    calls = world.calls(client)

    async def freeze() -> dict[str, float]:
        await asyncio.wrap_future(world.writer.submit(world.freeze_command("all")))
        while not calls.running.reports:  # noqa: ASYNC110 - they are cut on this loop, right after the commit
            await asyncio.sleep(0.001)
        return {"cut": len(calls.running.reports[-1].cut_at), "slowest_ms": calls.running.reports[-1].slowest_ms}

    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    app = GatewayApp(calls, CallProofs(world.reader, world.store.snapshot), not_ours)
    server = GatewayServer(server_config(app), calls.shutdown)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    _say({"port": listener.getsockname()[1], "token": world.tokens["ana"]})
    await _obey({"freeze": freeze})
    server.should_exit = True
    await serving
    await client.stop()
    world.close()


async def _obey(orders: Orders) -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        _say(await orders[line.strip()]())


def _say(words: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    roles: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {"upstream": upstream, "governed": governed}
    uvloop.run(roles[sys.argv[1]](*sys.argv[2:]))

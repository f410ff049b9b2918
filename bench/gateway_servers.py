"""The servers of bench/gateway.py, one role a process: `upstream`, `bare`, `governed`. Each ends with its input."""

import asyncio
import json
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from safeconduct.adapters.models.openai_compatible import OpenAICompatible
from safeconduct.http.connection import GatewayServer, server_config
from safeconduct.http.gateway import GatewayApp
from safeconduct.http.proofs import CallProofs

TEXT = "x" * 770
ANSWER = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 200, "completion_tokens": 150, "total_tokens": 350},
    }
).encode()
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Upstream(asyncio.Protocol):
    """Answers every request with ANSWER, for as little CPU as it can: only the gateway is measured."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if end and len(body) >= int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]):
            self._buffer = b""
            self._transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)
                + ANSWER
            )


class Passthrough:
    """Bare: the body in, the upstream's answer out."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/chat/completions"
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, _scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=256), cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            )
        async with self._session.post(self._url, data=body, headers={"content-type": "application/json"}) as response:
            answer = await response.read()
        length = (b"content-length", b"%d" % len(answer))
        headers = [(b"content-type", b"application/json"), length]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def stop(self) -> None:
        """Closes the session."""
        if self._session is not None:
            await self._session.close()


async def upstream() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    _ready(server.sockets[0].getsockname()[1])
    await _input_ended()
    server.close()


async def bare(url: str) -> None:
    app = Passthrough(url)
    await _serve(app, app.stop, "")


async def governed(url: str, folder: str) -> None:
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from support.gateway_world import LogWorld  # type: ignore[import-not-found]  # noqa: PLC0415 - the tests' world

    world = LogWorld(Path(folder))
    client = OpenAICompatible(url)
    await client.start()
    calls = world.calls(client)

    async def stop() -> None:
        await calls.shutdown()
        await client.stop()
        world.close()

    app = GatewayApp(calls, CallProofs(world.reader, world.store.snapshot), Passthrough(url))
    await _serve(app, stop, world.tokens["ana"])


async def _serve(app: App, stop: Callable[[], Awaitable[None]], token: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    server = GatewayServer(server_config(app, host="127.0.0.1", port=0), stop)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    _ready(listener.getsockname()[1], token)
    await _input_ended()
    server.should_exit = True
    await serving


async def _input_ended() -> None:
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def _ready(port: int, token: str = "") -> None:
    sys.stdout.write(json.dumps({"port": port, "token": token}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    roles: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
        "upstream": upstream,
        "bare": bare,
        "governed": governed,
    }
    uvloop.run(roles[sys.argv[1]](*sys.argv[2:]))

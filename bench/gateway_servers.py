"""The servers of bench/gateway.py, one role a process: `upstream`, `bare`, `governed`. Each ends with its input.

On its first line each says where it listens, and as whom which calls come to it (`gateway_targets.Server`).
"""

import asyncio
import json
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from pathlib import Path
from typing import Any

import aiohttp

from bench.gateway_rotation import PRINCIPALS, Changes, pairs, rotation_program
from safeconduct.adapters.models.openai_compatible import OpenAICompatible
from safeconduct.http.connection import GatewayServer, run, server_config
from safeconduct.http.gateway import GatewayApp
from safeconduct.http.proofs import CallProofs
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.policy import decide
from support.gateway_world import FixedClock, LogWorld  # type: ignore[import-not-found]

CHANGE_EVERY_S = 1.0  # one entity of the standing
CHUNKS = 34  # of a streamed answer, its last with the usage
_HEAD = {"id": "c", "created": 1, "model": "m"}
_USAGE = {"prompt_tokens": 200, "completion_tokens": 150, "total_tokens": 350}


def _chunk(delta: dict[str, str], reason: str | None = None) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
    frame = json.dumps({**_HEAD, "object": "chat.completion.chunk", "choices": choices})
    return f"data: {frame}\n\n".encode()


ANSWER = json.dumps(
    {
        **_HEAD,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "x" * 770}, "finish_reason": "stop"}],
        "usage": _USAGE,
    }
).encode()
_LAST = json.dumps({**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})
FRAMES = [
    *(_chunk({"content": f"word {number} "}) for number in range(CHUNKS - 2)),
    _chunk({}, "stop"),
    f"data: {_LAST}\n\ndata: [DONE]\n\n".encode(),
]
_JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER) + ANSWER
_STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

Scope = MutableMapping[str, Any]
Send = Callable[[Scope], Awaitable[None]]
Receive = Callable[[], Awaitable[Scope]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def _whole(head: bytes, body: bytes) -> bool:
    _, framed, rest = head.partition(b"content-length: ")
    return len(body) >= int(rest.split(b"\r\n")[0]) if framed else body.endswith(b"0\r\n\r\n")


class Upstream(asyncio.Protocol):
    """Answers every request alike, for as little CPU as it can. Each turn of the loop writes a frame of a stream."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end or not _whole(head.lower(), body):
            return
        self._buffer = b""
        if b'"stream": true' in body or b'"stream":true' in body:
            self._transport.write(_STREAM)
            self._frame(0)
        else:
            self._transport.write(_JSON)

    def _frame(self, number: int) -> None:
        if self._transport.is_closing():
            return
        if number == len(FRAMES):
            self._transport.write(b"0\r\n\r\n")
            return
        self._transport.write(b"%x\r\n%s\r\n" % (len(FRAMES[number]), FRAMES[number]))
        asyncio.get_running_loop().call_soon(self._frame, number + 1)


class Passthrough:
    """Bare: the body in, the upstream's answer out."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/chat/completions"
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
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
            await (_pass_stream if response.content_type == "text/event-stream" else _pass_whole)(response, send)

    async def stop(self) -> None:
        """Closes the session."""
        if self._session is not None:
            await self._session.close()


async def _pass_whole(response: aiohttp.ClientResponse, send: Send) -> None:
    answer = await response.read()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


async def _pass_stream(response: aiohttp.ClientResponse, send: Send) -> None:
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    async for data in response.content.iter_any():
        await send({"type": "http.response.body", "body": data, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


class GoingClock(FixedClock):  # type: ignore[misc]
    """The tests' day, and from its beginning on real seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._began = time.monotonic()

    def now(self) -> Instant:
        return Instant(self.at + seconds(time.monotonic() - self._began))


async def upstream() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    _say(server.sockets[0].getsockname()[1], [])
    await _input_ended()
    server.close()


async def bare(url: str) -> None:
    app = Passthrough(url)
    await _serve(app, app.stop, [("/v1/chat/completions", {})])


async def governed(url: str, folder: str, without: str = "") -> None:
    inspected = without != "boundary"
    world = LogWorld(Path(folder), program=rotation_program(inspected=inspected), clock=GoingClock())
    client = OpenAICompatible(url)
    await client.start()
    calls = world.calls(client, decide=decide if without == "memo" else None)
    tokens = [world.token(f"caller-{number}") for number in range(PRINCIPALS)]
    asks = [
        (f"/paths/p-{path}/openai/v1/chat/completions", {"authorization": f"Bearer {tokens[number]}"})
        for number, path in pairs()
    ]
    ended = threading.Event()
    changes = Changes(world, inspected=inspected)
    changing = threading.Thread(target=_keep_changing, args=(changes, calls.in_flight, ended))
    changing.start()

    async def stop() -> None:
        ended.set()
        await asyncio.to_thread(changing.join)
        await calls.shutdown()
        await client.stop()
        world.close()

    await _serve(GatewayApp(calls, CallProofs(world.reader, world.store.snapshot), Passthrough(url)), stop, asks)


def _keep_changing(changes: Changes, in_flight: Callable[[], int], ended: threading.Event) -> None:
    while not ended.wait(CHANGE_EVERY_S):
        if in_flight():  # idle servers leave the machine to the one that is measured
            changes.make()


async def _serve(app: App, stop: Callable[[], Awaitable[None]], asks: list[tuple[str, dict[str, str]]]) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    server = GatewayServer(server_config(app), stop)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    _say(listener.getsockname()[1], asks)
    await _input_ended()
    server.should_exit = True
    await serving


async def _input_ended() -> None:
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def _say(port: int, asks: list[tuple[str, dict[str, str]]]) -> None:
    sys.stdout.write(json.dumps({"port": port, "asks": asks}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    roles: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
        "upstream": upstream,
        "bare": bare,
        "governed": governed,
    }
    run(roles[sys.argv[1]](*sys.argv[2:]))

"""A gateway on a real socket: uvicorn on uvloop in a thread, before a stand-in model server on the same loop."""

import asyncio
import socket
import threading
from contextlib import contextmanager

import uvloop

from safeconduct.adapters.models.openai_compatible import OpenAICompatible
from safeconduct.gateway.events import CALL_OUTCOME
from safeconduct.http.connection import GatewayServer, server_config
from safeconduct.http.gateway import GatewayApp
from safeconduct.http.proofs import CallProofs
from support.gateway_world import PATH, LogWorld
from support.patience import PATIENCE_S, until
from support.stand_in import SECRET, StandIn


async def not_ours(scope, receive, send):
    await send({"type": "http.response.start", "status": 418, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


class Wire:
    """Everything that listens. `run(coroutine)` runs something on its loop and returns what it returned."""

    def __init__(
        self, world: LogWorld, *, judge=None, patience=None, upstream_url=None, model_server=None, client=None, tls=None
    ):
        self.world, self._tls = world, tls
        self._judge, self._patience, self._upstream_url = judge, patience, upstream_url
        self._model_server, self._client = model_server or StandIn, client or OpenAICompatible
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="wire")

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(PATIENCE_S)
        return self

    def __exit__(self, *_):
        self.server.should_exit = True
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def over(self):
        """Waits until no call runs: a caller has its answer before its call's outcome is written."""
        until(lambda: self.calls.in_flight() == 0, says="the end of all calls")

    def ends(self):
        """Returns the outcomes of all calls, in order, once none runs."""
        self.over()
        return [CALL_OUTCOME.read(entry) for entry in self.world.entries() if entry.type == CALL_OUTCOME.name]

    @property
    def base_url(self):
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/paths/{PATH}/openai/v1"

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_S)

    def _serve(self):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._main())

    async def _main(self):
        self.loop = asyncio.get_running_loop()
        self.upstream = self._model_server(self._judge)
        await self.upstream.start()
        client = self._client(self._upstream_url or self.upstream.url, SECRET)
        await client.start()
        self.calls = self.world.calls(client, patience=self._patience)
        app = GatewayApp(self.calls, CallProofs(self.world.reader, self.world.store.snapshot), not_ours)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.server = GatewayServer(server_config(app), self.calls.shutdown, tls=self._tls)
        serving = asyncio.create_task(self.server.serve(sockets=[listener]))
        while not self.server.started:
            await asyncio.sleep(0.001)
        self._ready.set()
        await serving
        await client.stop()
        await self.upstream.stop()
        listener.close()


@contextmanager
def wire(folder=None, *, program=None, **options):
    world = LogWorld(folder, program=program)
    try:
        with Wire(world, **options) as served:
            yield served
    finally:
        world.close()


def ask(port, request: bytes, *, timeout=PATIENCE_S, half_close=False) -> bytes:
    """Sends raw bytes and returns all that comes back until the server closes, or nothing more comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while True:
            try:
                data = connection.recv(65536)
            except (TimeoutError, ConnectionResetError):
                return received
            if not data:
                return received
            received += data
            head, _, body = received.partition(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if length and len(body) >= int(length[0].split(b":")[1]):
                return received


def post(
    token: str, body: bytes, *, path=f"/paths/{PATH}/openai/v1/chat/completions", headers=(), length=None
) -> bytes:
    """Returns the bytes of a POST."""
    lines = [
        f"POST {path} HTTP/1.1",
        "host: gateway",
        f"authorization: Bearer {token}",
        f"content-length: {len(body) if length is None else length}",
        *(["content-type: application/json"] if not any(h.startswith("content-type") for h in headers) else []),
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

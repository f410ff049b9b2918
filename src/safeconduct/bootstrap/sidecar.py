"""The sidecar's process: one key, one path, one listener on loopback or a Unix socket. It needs no installation."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import uvicorn

from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.outbound import require_private, server_address
from safeconduct.bootstrap.loopback import address_of, listening
from safeconduct.http.bound_client import BoundClient
from safeconduct.http.sidecar import SidecarApp
from safeconduct.ledger.keys import SecretKey

CONNECTIONS_MAX = 512
"""Connections and requests at once, of one machine's programs; beyond them a plain 503."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarOptions:
    """The server's address, the path that is called, who calls, and where to listen. `ready` is told the base URL."""

    url: str
    path: str
    name: str
    key: SecretKey = field(repr=False)
    listen: str
    ready: Callable[[str], None]


def run(options: SidecarOptions) -> None:
    """Serves until the process is told to stop. Gets a token first: who can't get one learns it now.

    Raises:
        InvalidInputError: `listen-beyond-loopback`, `destination-unencrypted`, or no address.
        UnavailableError: `server-away`, `address-in-use`.
        SafeconductError: as the server refuses a token.
    """
    require_private(server_address(options.url, "the server's address as https://host:port"))
    with listening(options.listen) as listener:
        asyncio.run(_serve(options, listener))


async def _serve(options: SidecarOptions, listener: socket.socket) -> None:
    client = BoundClient(options.url, options.name, options.key, SystemClock())
    try:
        await client.token()
        app = SidecarApp(client, options.path, _hosts(listener))
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            date_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS_MAX,
        )
        options.ready(address_of(listener))
        await uvicorn.Server(config).serve(sockets=[listener])
    finally:
        await client.close()


def _hosts(listener: socket.socket) -> frozenset[bytes] | None:
    if listener.family == socket.AF_UNIX:
        return None
    port = listener.getsockname()[1]
    return frozenset(f"{host}:{port}".encode() for host in ("127.0.0.1", "localhost", "[::1]"))

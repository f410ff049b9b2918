"""The sidecar's process: one key, one path, one listener on loopback or a Unix socket. It needs no installation."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.outbound import http_address, require_private
from safeconduct.http.bound_client import BoundClient
from safeconduct.http.sidecar import SidecarApp
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.ledger.keys import SecretKey

UNIX = "unix:"
ONLY_MINE = 0o177
"""The mask under which a Unix socket is made: whoever may connect may call, so its owner alone."""

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
    require_private(http_address(options.url, "the server's address as https://host:port"))
    with _listener(options.listen) as listener:
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
        options.ready(_address(listener))
        await uvicorn.Server(config).serve(sockets=[listener])
    finally:
        await client.close()


@contextlib.contextmanager
def _listener(listen: str) -> Iterator[socket.socket]:
    if listen.startswith(UNIX):
        with _unix(Path(listen.removeprefix(UNIX))) as listener:
            yield listener
        return
    host, _, port = listen.rpartition(":")
    if not _loopback(host) or not port.isdecimal():
        raise InvalidInputError(
            f"expected 127.0.0.1:PORT, [::1]:PORT or {UNIX}FILE, got {listen!r}",
            code="listen-beyond-loopback",
            remedy="whoever reaches the sidecar has its credential: it is for this machine",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with _made(lambda: socket.create_server((host.strip("[]"), int(port)), family=family), listen) as listener:
        yield listener


@contextlib.contextmanager
def _unix(file: Path) -> Iterator[socket.socket]:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as asked:
        asked.connect(str(file))
        raise UnavailableError(f"another process listens on {file}", code="address-in-use")
    if file.is_socket():
        file.unlink()  # nobody listens there any more
    mask = os.umask(ONLY_MINE)
    try:
        listener = _made(lambda: socket.create_server(str(file), family=socket.AF_UNIX), str(file))
    finally:
        os.umask(mask)
    with listener:
        yield listener
    file.unlink(missing_ok=True)


def _made(make: Callable[[], socket.socket], where: str) -> socket.socket:
    try:
        return make()
    except (OSError, OverflowError) as error:
        raise UnavailableError(f"cannot listen on {where}: {error}", code="address-in-use") from error


def _hosts(listener: socket.socket) -> frozenset[bytes] | None:
    if listener.family == socket.AF_UNIX:
        return None
    port = listener.getsockname()[1]
    return frozenset(f"{host}:{port}".encode() for host in ("127.0.0.1", "localhost", "[::1]"))


def _address(listener: socket.socket) -> str:
    if listener.family == socket.AF_UNIX:
        return f"{UNIX}{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ip_address(host.strip("[]")).is_loopback
    return False

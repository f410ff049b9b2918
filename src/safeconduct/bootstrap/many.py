"""`serve --workers`: a parent that opens the sockets, starts the processes, and starts again what dies.

Each worker has a socket of its own on the same address (SO_REUSEPORT): the kernel spreads connections evenly by their
addresses. On one shared socket the process that wakes first may take all that wait. The
parent keeps the sockets: connections to a worker that died wait for the next one.
"""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from safeconduct import settings
from safeconduct.access.secrets import make_secret
from safeconduct.adapters.clock import SystemClock, system_entropy
from safeconduct.adapters.data_folder import Address, locked
from safeconduct.adapters.models.local import LocalModel, LocalServer
from safeconduct.bootstrap.calling import ServeOptions, Told, named
from safeconduct.bootstrap.hunt_engine import hunt_engine
from safeconduct.bootstrap.joined import require_shared
from safeconduct.bootstrap.listening import BACKLOG, address_of, listening, loopback, server_tls
from safeconduct.bootstrap.notifying import channels
from safeconduct.bootstrap.orders import Order, Role, command, environment
from safeconduct.bootstrap.upstreams import configured
from safeconduct.gateway.ports import LOCAL_UPSTREAM
from safeconduct.runtime.supervising import Child, Task


async def serve(data: Path, options: ServeOptions, told: Told, count: int) -> None:
    """Serves an installation with several workers until the process is told to stop.

    Raises:
        InvalidInputError: there is no installation, or some of its data are in files.
        ConflictError: another process has the folder open.
        UnavailableError: the port is taken, a database does not answer, or a child process dies again and again.
    """
    require_shared(data, options.databases)
    upstreams = _upstreams(data, options)
    channels(data)
    hunt_engine(data)
    server_tls(options.where.tls, SystemClock().now())  # here, where whoever starts it is told what is wrong
    with locked(data) as lock, TemporaryDirectory(prefix="safeconduct-metrics-") as metrics, ExitStack() as sockets:
        listeners = sockets.enter_context(_listening(options, count))
        local = sockets.enter_context(loopback(options.where))
        secret = make_secret(system_entropy)
        order = Order(
            role="keeper",
            data=data,
            options=options,
            url=address_of(listeners[0], tls=options.where.tls is not None),
            here=address_of(local or listeners[0]),
            secret=secret,
            metrics=Path(metrics),
            loopback=local.fileno() if local else -1,
        )
        async with _local(options, told) as model:
            order = replace(order, local=model)
            keeping = [_child("keeper", order), _child("sequencer", order)]
            workers = _workers(order, listeners)
            try:
                await _started(keeping, workers, told.progress)
                lock.announce(Address(order.here, secret))
                told.ready(order.url, [], upstreams)
                await _until_told([*keeping, *workers])
            finally:
                sockets.close()
                await asyncio.gather(*(child.end() for child in workers))
                for child in keeping:
                    await child.end()


@contextmanager
def _listening(options: ServeOptions, count: int) -> Iterator[Sequence[socket.socket]]:
    """Opens the sockets, one a worker, on one address that nobody else listens on."""
    with listening(options.where) as first:
        host, port = first.getsockname()[:2]
    with ExitStack() as stack:
        made = [
            socket.create_server((host, port), backlog=BACKLOG, reuse_port=True, family=first.family)
            for _ in range(count)
        ]
        yield [stack.enter_context(closing(one)) for one in made]


@asynccontextmanager
async def _local(options: ServeOptions, told: Told) -> AsyncIterator[LocalServer | None]:
    """Runs the local model, which all workers ask; yields where it answers, None where it is not wanted."""
    if not options.local_model:
        yield None
        return
    model = LocalModel(system_entropy)
    await model.start(told.progress)
    try:
        yield model.server
    finally:
        await model.stop()


def _child(role: Role, order: Order, listener: socket.socket | None = None) -> Child:
    descriptors = [listener.fileno(), order.loopback] if listener else [-1, -1]
    ordered = replace(order, role=role, socket=descriptors[0], loopback=descriptors[1])
    return Child(
        Task(
            name=role,
            command=command(role),
            environment=environment(order.metrics),
            order=ordered.encoded,
            descriptors=[one for one in descriptors if one >= 0],
            drain_s=order.options.drain_s,
        )
    )


def _workers(order: Order, listeners: Sequence[socket.socket]) -> list[Child]:
    count = len(listeners)
    return [
        _child("worker", replace(order, number=number, workers=count), listener)
        for number, listener in enumerate(listeners)
    ]


async def _started(keeping: Sequence[Child], workers: Sequence[Child], progress: Callable[[str], None]) -> None:
    for child in (*keeping, *workers):
        progress(f"starting {child.task.name}")
    keeper, *others = keeping
    await keeper.start()  # it compares the state before anybody is let in by it
    await asyncio.gather(*(child.start() for child in (*others, *workers)))


async def _until_told(children: Sequence[Child]) -> None:
    """Keeps the children running until this process is told to stop.

    Raises:
        UnavailableError: one of them dies again and again.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    kept = [asyncio.create_task(child.keep()) for child in children]
    told = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([told, *kept], return_when=asyncio.FIRST_COMPLETED)
    for child in children:
        child.ending = True
    for task in (told, *kept):
        task.cancel()
    await asyncio.gather(told, *kept, return_exceptions=True)
    for task in done - {told}:
        task.result()


def _upstreams(data: Path, options: ServeOptions) -> list[str]:
    return [
        *([LOCAL_UPSTREAM] if options.local_model else []),
        *named(configured(settings.read(), data, options.sources)),
    ]

"""A process that takes calls beside others, on a socket that its parent opened."""

import asyncio
import socket
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from safeconduct.bootstrap.joined import joined
from safeconduct.bootstrap.observed import metrics_of, observing
from safeconduct.bootstrap.orders import Order
from safeconduct.bootstrap.server import Serving, app_of, calls_of, models, server_of
from safeconduct.gateway.budgets.rates import Pace
from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.kernel.notices import NOTICE
from safeconduct.runtime.confirming import Confirmation
from safeconduct.runtime.freeze import Snapshot

if TYPE_CHECKING:
    from safeconduct.http.connection import GatewayServer
    from safeconduct.runtime.calls import Calls

SETTLE_S = 10.0
"""Seconds that a request waits for the process that carries out what it ordered. A partner answers within a second."""

LOOK_S = 0.05
"""Seconds between two looks at whether that is done."""


async def work(order: Order, ended: threading.Event, ready: Callable[[], None]) -> None:
    """Takes calls until told to end; those that run then may end within the options' time, and get their outcomes.

    Raises:
        InvalidInputError, UnavailableError: as `joined`.
    """
    flights: list[Calls] = []
    databases = order.options.databases
    with joined(order.data, databases, "worker", lambda: sum(calls.in_flight() for calls in flights) or 1) as here:
        house = here.installation
        async with (
            models(order.data, order.options, lambda _step: None, order.local) as upstreams,
            observing(order.options.watch, upstreams) as seen,
        ):
            pace = Pace(worker=order.number, workers=order.workers)
            calls = calls_of(house, upstreams, worker=here.name, confirmed=False, pace=pace, observers=seen.all)
            flights.append(calls)
            house.board.attach(calls.loop, calls)
            confirmation = calls.confirmation or Confirmation()
            watch = here.watch(lambda: None)
            watch.start(calls.loop, confirmation)
            await confirmation.wait()
            house.ready(house.origin)
            serving = Serving(
                url=order.url,
                secret=order.secret,
                upstreams=upstreams,
                calls=calls,
                metrics=metrics_of(seen, calls),
                shipping=list,
            )
            app = app_of(house, partial(settle, house.snapshot), serving, lambda: here.at_work(calls.unready()))
            loopback = None if order.loopback < 0 else socket.socket(fileno=order.loopback)
            server = server_of(app, calls, order.options, loopback)
            end = asyncio.create_task(_end(ended, server))
            calls.loop.call_soon(ready)
            await server.serve(sockets=[socket.socket(fileno=order.socket)])
            end.cancel()
            watch.stop()


async def settle(snapshot: Snapshot) -> Mapping[str, SafeconductError]:
    """Waits until another process carried out what waits now; returns what it did not, by the entry that ordered it."""
    loop = asyncio.get_running_loop()
    waiting, until = await asyncio.to_thread(_ordered, snapshot), loop.time() + SETTLE_S
    while waiting and loop.time() < until:
        await asyncio.sleep(LOOK_S)
        waiting &= await asyncio.to_thread(_ordered, snapshot)
    return {key.split("/")[0]: _not_yet() for key in waiting}


def _ordered(snapshot: Snapshot) -> frozenset[str]:
    with snapshot() as records:
        return frozenset(key for key, effect in records.scan(OUTBOX) if effect.kind != NOTICE)


def _not_yet() -> UnavailableError:
    return UnavailableError(
        f"it was not carried out within {SETTLE_S:.0f} s, and is tried again",
        code="effect-waits",
        remedy="the keeper's output says why",
    )


async def _end(ended: threading.Event, server: "GatewayServer") -> None:
    await asyncio.to_thread(ended.wait)
    server.should_exit = True

"""A process that takes calls beside others, on a socket that its parent opened."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from safeconduct.bootstrap.calling import Serving, app_of, calls_of, models, server_of
from safeconduct.bootstrap.joined import Joined, joined
from safeconduct.bootstrap.observed import metrics_of, observing
from safeconduct.bootstrap.orders import Order
from safeconduct.gateway.budgets.rates import Pace
from safeconduct.http.asgi import App
from safeconduct.http.later import Later
from safeconduct.http.vitals import AtWork, Work
from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.kernel.notices import NOTICE
from safeconduct.runtime.confirming import Confirmation
from safeconduct.runtime.freeze import Snapshot

if TYPE_CHECKING:
    from safeconduct.bootstrap.installation import Installation
    from safeconduct.http.connection import GatewayServer

_log = logging.getLogger(__name__)

SETTLE_S = 10.0
"""Seconds that a request waits for the process that carries out what it ordered. A partner answers within a second."""

LOOK_S = 0.05
"""Seconds between two looks at whether that is done."""


async def work(order: Order, ended: threading.Event, ready: Callable[[], None]) -> None:
    """Takes calls until told to end; those that run then may end within the options' time, and get their outcomes.

    Raises:
        InvalidInputError, UnavailableError: as `joined`.
    """
    with joined(order.data, order.options.databases, "worker") as here:
        house = here.installation
        async with (
            models(order.data, order.options, lambda _step: None, order.local) as upstreams,
            observing(order.options.watch, upstreams) as seen,
        ):
            pace = Pace(worker=order.number, workers=order.workers)
            calls = calls_of(house, upstreams, worker=here.name, confirmed=False, pace=pace, observers=seen.all)
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
            await _serve(here, serving, order, ended, ready)
            watch.stop()


async def _serve(
    here: Joined, serving: Serving, order: Order, ended: threading.Event, ready: Callable[[], None]
) -> None:
    calls, house = serving.calls, here.installation

    def at_work() -> AtWork:
        return here.at_work(calls.unready())

    control = Later(partial(_control, house, serving, at_work))
    app = app_of(house, serving, at_work, control)
    loopback = None if order.loopback < 0 else socket.socket(fileno=order.loopback)
    server = server_of(app, calls, order.options, loopback)
    end = asyncio.create_task(_end(ended, server))
    calls.loop.call_soon(ready)
    loading = asyncio.create_task(_loaded(control))  # at once: whoever freezes finds it there
    await server.serve(sockets=[socket.socket(fileno=order.socket)])
    end.cancel()
    loading.cancel()


def _control(house: "Installation", serving: Serving, work: Work) -> App:
    """Returns the control API, loaded here: calls need none of it, and are taken before it is there."""
    from safeconduct.bootstrap.controlling import control_of  # noqa: PLC0415

    return control_of(house, partial(settle, house.snapshot), serving, work)


async def _loaded(control: Later) -> None:
    try:
        await control.load()
    except SafeconductError:
        _log.exception("the control API could not be loaded; its next request tries again")


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

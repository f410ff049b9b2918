"""The program of every child process of `serve --workers`: it ends when its standard input does, so none outlives it.

It reads one line (an `Order`), says `{"ready": true}` on standard output, or `{"failed": ...}` and why, and works. Each
second it says that it is there.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.log_lines import write_lines
from safeconduct.bootstrap.orders import Order, Role, read_order
from safeconduct.http.connection import run
from safeconduct.kernel.errors import SafeconductError
from safeconduct.runtime.supervising import BEAT_S

END_S = 20.0
"""Seconds that a child may take to end after it was told to; then it ends as if killed."""

Said = Callable[[], None]
Work = Callable[[Order, threading.Event, Said], Awaitable[None]]


async def _work(order: Order, ended: threading.Event, ready: Said) -> None:
    from safeconduct.bootstrap.worker import work  # noqa: PLC0415 - each role loads what it needs, and no other's

    await work(order, ended, ready)


async def _keep(order: Order, ended: threading.Event, ready: Said) -> None:
    from safeconduct.bootstrap.keeper import keep  # noqa: PLC0415

    await keep(order, ended, ready)


async def _sequence(order: Order, ended: threading.Event, ready: Said) -> None:
    from safeconduct.bootstrap.sequencer import run  # noqa: PLC0415

    await asyncio.to_thread(run, order.data, order.options.databases, ready=ready, ended=ended)


WORK: Mapping[Role, Work] = {"worker": _work, "keeper": _keep, "sequencer": _sequence}


def main() -> None:
    """Works as ordered, until told to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the parent, which ends this one in its turn
    order, ended = read_order(sys.stdin.buffer.readline()), threading.Event()
    if order.options.watch.lines is not None:
        write_lines(order.options.watch.lines, SystemClock().now)
    else:
        logging.basicConfig(format="%(name)s: %(message)s")
    threading.Thread(target=_follow_parent, args=(ended,), daemon=True).start()
    try:
        run(_run(order, ended))
    except SafeconductError as error:
        _say({"failed": {"code": error.code, "message": error.message, "remedy": error.remedy}})
        sys.exit(1)


async def _run(order: Order, ended: threading.Event) -> None:
    beat = asyncio.create_task(_beat())
    try:
        await WORK[order.role](order, ended, lambda: _say({"ready": True}))
    finally:
        beat.cancel()


async def _beat() -> None:
    while True:
        await asyncio.sleep(BEAT_S)
        _say({})


def _follow_parent(ended: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):  # not the buffered reader: its lock would be held at the end
        pass
    ended.set()
    threading.Timer(END_S, os._exit, (1,)).start()


def _say(what: object) -> None:
    sys.stdout.write(msgspec.json.encode(what).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

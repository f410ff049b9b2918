"""The process that does what must be done once for all workers: one at a time on a database, others wait.

It carries out effects and timers, has the joint log cosigned, destroys data keys, sends rows and tiles to their
destinations, and closes the calls of workers that died.
"""

import asyncio
import logging
import threading
from collections.abc import Callable

from safeconduct.access.upstream_key_events import REVOKE_KEY
from safeconduct.bootstrap.cosigning import follow
from safeconduct.bootstrap.detecting import live_detection
from safeconduct.bootstrap.effects import effect_runner
from safeconduct.bootstrap.hunting import hunting
from safeconduct.bootstrap.joined import Joined, check, joined
from safeconduct.bootstrap.key_revoking import key_carrier
from safeconduct.bootstrap.notifying import notifying
from safeconduct.bootstrap.orders import Order
from safeconduct.bootstrap.responding import carry_responses
from safeconduct.bootstrap.shipping import shipped
from safeconduct.bootstrap.siems import siem_teller
from safeconduct.bootstrap.telemetry_retention import telemetry_retention
from safeconduct.bootstrap.watching import watching
from safeconduct.kernel.errors import UnavailableError
from safeconduct.runtime.abandoning import Abandoner
from safeconduct.runtime.background import beside
from safeconduct.runtime.clock_behind import REMEDY
from safeconduct.runtime.confirming import Confirmation
from safeconduct.runtime.effects import EffectRunner
from safeconduct.soc.siem.events import TELL_SIEM

LOOK_S = 1.0
"""Seconds between two looks: whether it is this process's turn, and whether workers died."""

_log = logging.getLogger(__name__)


async def keep(order: Order, ended: threading.Event, ready: Callable[[], None]) -> None:
    """Keeps house until told to end.

    Raises:
        InvalidInputError, UnavailableError: as `joined` and `check`; or its turn ended, for it lost its session.
    """
    from safeconduct.adapters.postgres.turns import PostgresTurn  # noqa: PLC0415 - an optional extra

    databases = order.options.databases
    await asyncio.to_thread(check, order.data, databases)
    ready()
    turn = PostgresTurn(databases.log)
    try:
        while not await asyncio.to_thread(turn.take):
            if await asyncio.to_thread(ended.wait, LOOK_S):
                return
        with joined(order.data, databases, "keeper") as here:
            await _keep(here, order, turn.require, ended)
    finally:
        turn.close()


async def _keep(here: Joined, order: Order, require_turn: Callable[[], None], ended: threading.Event) -> None:
    house = here.installation
    if behind := house.writer.time.behind():
        _log.warning("clock: %s; %s", behind, REMEDY)
    await asyncio.to_thread(house.archives.resume)
    runner = effect_runner(house)
    carry_responses(runner, house, lambda: order.here)
    runner.on(TELL_SIEM, siem_teller(house).carry_out)
    runner.on(REVOKE_KEY, key_carrier(house, order.options.sources).carry_out)
    abandoner = Abandoner(house.writer, house.snapshot, lambda: _workers(here), by=here.name)
    with shipped(order.data, order.options.destinations, house.logs):
        async with (
            runner,
            beside(follow(house)),
            beside(watching(house)),
            beside(live_detection(house)),
            beside(telemetry_retention(house)),
            notifying(house) as notices,
            hunting(house) as hunts,
        ):
            watch = here.watch(_waking(runner, notices, hunts))
            watch.start(asyncio.get_running_loop(), Confirmation())
            while not await asyncio.to_thread(ended.wait, LOOK_S):
                await asyncio.to_thread(require_turn)
                await asyncio.to_thread(_abandon, abandoner)
            watch.stop()


def _waking(*runners: EffectRunner) -> Callable[[], None]:
    def wake() -> None:
        for one in runners:
            one.wake()

    return wake


def _workers(here: Joined) -> set[str]:
    return {one.name for one in here.overview.living() if one.role == "worker"}


def _abandon(abandoner: Abandoner) -> None:
    try:
        abandoner.look()
    except UnavailableError as error:
        _log.warning("whether workers died is not known: %s", error)

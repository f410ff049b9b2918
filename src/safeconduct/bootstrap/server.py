"""The server over an installation, and one request without a server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from socket import socket

from safeconduct.access.secrets import make_secret
from safeconduct.access.upstream_key_events import REVOKE_KEY
from safeconduct.adapters.data_folder import Address, locked
from safeconduct.adapters.log_lines import write_lines
from safeconduct.bootstrap.calling import ServeOptions, Serving, Settle, Told, alone, app_of, models, named, server_of
from safeconduct.bootstrap.controlling import ONCE, control_of
from safeconduct.bootstrap.cosigning import follow
from safeconduct.bootstrap.detecting import live_detection
from safeconduct.bootstrap.effects import effect_runner
from safeconduct.bootstrap.hunting import hunting
from safeconduct.bootstrap.installation import Installation, opened
from safeconduct.bootstrap.key_revoking import key_carrier
from safeconduct.bootstrap.listening import address_of, listening, loopback
from safeconduct.bootstrap.notifying import channels, notifying
from safeconduct.bootstrap.observed import metrics_of, observing
from safeconduct.bootstrap.responding import carry_responses
from safeconduct.bootstrap.shipping import shipped
from safeconduct.bootstrap.siems import siem_teller
from safeconduct.bootstrap.telemetry_retention import telemetry_retention
from safeconduct.bootstrap.watching import watching
from safeconduct.http.connection import GatewayServer
from safeconduct.http.inprocess import Answer, Ask, ask
from safeconduct.http.vitals import AtWork, alone_at_work
from safeconduct.runtime.background import beside
from safeconduct.runtime.calls import Calls
from safeconduct.runtime.clock_behind import REMEDY
from safeconduct.runtime.effects import EffectRunner
from safeconduct.soc.siem.events import TELL_SIEM


async def serve(data: Path, options: ServeOptions, told: Told) -> None:
    """Serves an installation until the process is told to stop.

    Raises:
        InvalidInputError: there is no installation, or a file in it is not of its form.
        ConflictError: another process has it open.
        UnavailableError: the port is taken, or the local model can't start.
    """
    channels(data)  # here, where whoever starts it is told what is wrong
    with (
        locked(data) as lock,
        listening(options.where) as listener,
        loopback(options.where) as local,
        opened(data, databases=options.databases) as installation,
        shipped(data, options.destinations, installation.logs) as shipping,
    ):
        url, here = address_of(listener, tls=options.where.tls is not None), address_of(local or listener)
        if options.watch.lines is not None:
            write_lines(options.watch.lines, installation.clock.now)
        async with (
            models(data, options, told.progress) as upstreams,
            _effects(installation, options, here) as runner,
            observing(options.watch, upstreams) as seen,
        ):
            calls = await alone(installation, upstreams, seen.all)
            serving = Serving(
                url=url,
                secret=make_secret(installation.entropy),
                upstreams=upstreams,
                calls=calls,
                metrics=metrics_of(seen, calls),
                shipping=shipping,
            )
            server = _server(installation, runner.settle, serving, options, local)
            lock.announce(Address(here, serving.secret))
            if behind := installation.writer.time.behind():
                told.warning(f"clock: {behind}; {REMEDY}")
            told.ready(url, [finding.text for finding in installation.findings], named(upstreams))
            async with _beside_calls(installation):
                await server.serve(sockets=[listener])


@asynccontextmanager
async def _effects(installation: Installation, options: ServeOptions, here: str) -> AsyncIterator[EffectRunner]:
    """Carries out what entries order, responses and SIEMs and keys at upstreams among it. `here` answers to itself."""
    async with effect_runner(installation) as runner:
        carry_responses(runner, installation, lambda: here)
        runner.on(TELL_SIEM, siem_teller(installation).carry_out)
        runner.on(REVOKE_KEY, key_carrier(installation, options.sources).carry_out)
        yield runner


def _server(
    installation: Installation, settle: Settle, serving: Serving, options: ServeOptions, local: socket | None
) -> GatewayServer:
    work = partial(_at_work, serving.calls)
    control = control_of(installation, settle, serving, work)  # at once: whoever freezes never waits
    return server_of(app_of(installation, serving, work, control), serving.calls, options, local)


@asynccontextmanager
async def _beside_calls(installation: Installation) -> AsyncIterator[None]:
    """Runs what goes on by itself: the other party's log, notices, hunts, signals, live detection, retention."""
    async with (
        beside(follow(installation)),
        notifying(installation),
        hunting(installation),
        beside(watching(installation)),
        beside(live_detection(installation)),
        beside(telemetry_retention(installation)),
    ):
        yield


async def ask_once(data: Path, request: Ask) -> Answer:
    """Answers one control request in this process: opens the data, runs the same routes, lets effects end.

    Raises:
        InvalidInputError: there is no installation.
        ConflictError: another process keeps it open.
    """
    with locked(data), opened(data) as installation:
        async with effect_runner(installation) as runner:
            headers = {**request.headers, "authorization": f"Bearer {ONCE}"}
            app = control_of(installation, runner.settle, None, alone_at_work)
            return await ask(app, replace(request, headers=headers))


def _at_work(calls: Calls) -> AtWork:
    return AtWork(unready=calls.unready())
